import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scaler.manifests.watched import Manifest, Ref
from scaler.standalone import readiness
from scaler.standalone.processes import Launch
from scaler.standalone.workload import Workload, workload_of
from tests.rig.certificates import make_certificates
from tests.standalone.scene import PATIENCE, deployment

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")


def probed(**probe: Any) -> Workload:
    document = deployment(readinessProbe=probe, ports=[{"name": "http", "containerPort": 1}])
    return workload_of(Manifest(Ref("Deployment", "default", "web"), document))

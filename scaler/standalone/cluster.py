"""The port over a folder: its manifests are the cluster, local processes are the pods.

Only what a ScaledObject targets runs: a Deployment of its own does nothing. It begins with as many workers as an earlier
daemon wanted last, else with its `spec.replicas`, else with none. When the daemon ends, the workers are ended, all at
once and with their grace (unless `keep_workers`). When it is killed they go on, and the next daemon adopts them: it
knows them by the state file, and replaces those whose template has changed meanwhile. What carries this folder's mark
but is not in that file is ended. Everything of the daemon's own is in `.scaler/` in the folder."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from scaler.core.model import Condition, ConditionType, Decision, Mode, Target
from scaler.engine.cluster import Appeared, Change, Changed, Gone, Touched
from scaler.errors import ClusterError, NotFound, ScalerError
from scaler.logs import Changes
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import AnySource
from scaler.standalone import processes, remembered
from scaler.standalone.crew import Crew
from scaler.standalone.folder import Folder, data_of, look
from scaler.standalone.leadership import locked
from scaler.standalone.remembered import ObjectRecord, Remembered, WorkersRecord
from scaler.standalone.usage import LocalUsage, Running
from scaler.standalone.worker import GRACE, RESTS, Site
from scaler.standalone.workload import Workload, environment, workload_of

log = logging.getLogger(__name__)

"""What runs, in KEDA's labels, made for a Go program: what there is no answer to is empty."""

import platform
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.core import Metric

from scaler.catalog import DISTRIBUTION
from scaler.web.telemetry.families import gauge

BUILD = ("version", "git_commit", "goversion", "goos", "goarch")

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Go's names of machines."""


def build() -> Metric:
    try:
        release = version(DISTRIBUTION)
    except PackageNotFoundError:
        release = ""
    told = gauge("keda_build_info", "What runs.", *BUILD)
    machine = MACHINES.get(platform.machine(), platform.machine())
    told.add_metric((release, "", f"python{platform.python_version()}", platform.system().lower(), machine), 1)
    return told

"""A folder with a ScaledJob in it."""

from pathlib import Path

import pytest

from tests.standalone.jobs.scene import scaled_job
from tests.standalone.scene import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "job.yaml", scaled_job())
    return tmp_path

"""What tests with real processes use: the adapter may not block the event loop, and nothing may be left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from scaler.standalone import procfs


@pytest.fixture
def unblocked() -> Iterator[None]:
    """A blocking call of the adapter inside the event loop is an error."""
    with blockbuster_ctx("scaler.standalone"):
        yield


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """At the end no process carries the mark of the test's folder."""
    yield
    assert list(procfs.strays(tmp_path.resolve())) == []

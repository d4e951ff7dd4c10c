"""Engine tests live in virtual time: an hour of polling takes a moment, and nothing may block the loop."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from blockbuster import blockbuster_ctx

from tests.engine.sources import Server

EPOCH = 1_200_000_000.0
"""What the clock says when the loop's time is zero."""


@pytest.fixture(autouse=True)
def unblocked() -> Iterator[None]:
    """A blocking call of the engine inside the event loop is an error."""
    with blockbuster_ctx("scaler.engine"):
        yield


@pytest.fixture
def clock() -> Callable[[], float]:
    """Seconds since the epoch, following the loop's virtual time."""
    return lambda: EPOCH + asyncio.get_running_loop().time()


@pytest.fixture
def server() -> Server:
    return Server()

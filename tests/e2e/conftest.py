"""One daemon on the control plane for all tests that do it no harm; each has a namespace of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.installation import installed
from tests.e2e.kube_daemon import KubeDaemon, replica
from tests.e2e.kube_scene import Scene
from tests.e2e.servers import Numbers, numbers
from tests.rig.control_plane import ControlPlane


@pytest.fixture(scope="session")
def served(control_plane: ControlPlane) -> Iterator[KubeDaemon]:
    """Installed as the README says, and leading."""
    with replica(control_plane, installed(control_plane)) as daemon:
        daemon.launch()
        daemon.server.wait()
        yield daemon


@pytest.fixture
async def answers() -> AsyncIterator[Numbers]:
    """A source whose numbers a test sets."""
    async with numbers() as made:
        yield made


@pytest.fixture
async def scene(
    control_plane: ControlPlane, served: KubeDaemon, namespace: str, answers: Numbers
) -> AsyncIterator[Scene]:
    """A namespace that the daemon serves, with a source of numbers."""
    async with control_plane.client() as kube:
        yield Scene(control_plane, kube, served, namespace, answers)

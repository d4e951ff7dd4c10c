"""The contract suite over the Kubernetes adapter, on a real control plane."""

import pytest

from tests.cluster.contract import Contract
from tests.cluster.worlds import Plane, World
from tests.rig.control_plane import ControlPlane


class TestKubernetes(Contract):
    @pytest.fixture
    async def world(self, control_plane: ControlPlane) -> World:
        plane = Plane(control_plane)
        await plane.clear()
        return plane

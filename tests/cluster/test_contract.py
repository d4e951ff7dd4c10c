"""The contract suite over the adapter that needs no cluster, and over the one that tests use."""

from pathlib import Path

import pytest

from tests.cluster.contract import Contract
from tests.cluster.worlds import Folder, Memory, World


class TestStandalone(Contract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return Folder(tmp_path)


class TestRemembering(Contract):
    @pytest.fixture
    def world(self) -> World:
        return Memory()

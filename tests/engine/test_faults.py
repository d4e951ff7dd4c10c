"""What is wrong with one object: who hears of it, how often, and that telling never ends anything else."""

import logging

import pytest

from scaler.engine.board import Board
from scaler.engine.faults import Faults
from scaler.engine.narrator import Narrator
from scaler.errors import ClusterError, NotFound
from tests.cluster.remembering import RememberingCluster
from tests.engine.scene import ref

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_log_board_and_owner_hear_of_it_once() -> None:
    cluster, board = RememberingCluster(), Board()
    faults = Faults(cluster, board, Narrator())
    for _ in range(3):
        await faults.tell(ref("a"), NotFound("there is no Deployment a"))
    entry = board.get(ref("a"))
    assert entry is not None
    assert (entry.problem, entry.faults) == ("there is no Deployment a", 3)
    assert cluster.reported == [(ref("a"), "there is no Deployment a")]
    await faults.tell(ref("a"), ClusterError("another one"))
    assert len(cluster.reported) == 2


async def test_a_bug_becomes_a_sentence_and_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    cluster = RememberingCluster()
    await Faults(cluster, Board(), Narrator()).tell(ref("a"), ZeroDivisionError("secret inside"))
    [(_, words)] = cluster.reported
    assert words == "a bug in the daemon keeps this object from being served (ZeroDivisionError)"
    assert any(record.exc_info for record in caplog.records if record.levelno == logging.ERROR)

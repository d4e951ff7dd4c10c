"""Term after term: what is left of one that is over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scaler.daemon.term import Daemon, binding_of
from scaler.engine.cluster import Appeared
from scaler.errors import NotLeading
from scaler.manifests.watched import Manifest, Ref
from scaler.settings import Settings
from tests.cluster.remembering import RememberingCluster


class Losing(RememberingCluster):
    """Loses its lead when it is told to, and is not given it again."""

    def __init__(self) -> None:
        super().__init__()
        self.lost, self.stands = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def _term(self) -> AsyncIterator[None]:
        if self.lost.is_set():
            self.stands.set()
            await asyncio.Event().wait()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._lose())
                yield
        except* NotLeading:
            raise NotLeading("somebody else leads") from None

    leadership = _term

    async def _lose(self) -> None:
        await self.lost.wait()
        raise NotLeading("somebody else leads")


@pytest.mark.parametrize("stopped", [False, True])
async def test_who_does_not_lead_any_more_shows_nothing_of_it(stopped: bool) -> None:
    """Who is stopped still shows it: what is pushed last is pushed then."""
    cluster = Losing()
    daemon = Daemon(cluster, binding_of(cluster, None), Settings(), lambda: 1.0)
    running = asyncio.create_task(daemon.run())
    ref = Ref("ScaledObject", "shop", "orders")
    cluster.changes.put_nowait(Appeared(Manifest(ref, {}), None))
    async with asyncio.timeout(5):
        while True:
            if daemon.leads and len(daemon.latest.board):
                break
            await asyncio.sleep(0)
        if not stopped:
            cluster.lost.set()
            await cluster.stands.wait()
            assert not daemon.leads
            assert daemon.leading() is None
    running.cancel()
    await asyncio.wait([running])
    assert len(daemon.latest.board) == stopped

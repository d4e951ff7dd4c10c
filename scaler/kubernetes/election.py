"""Who leads: one of all who claim a Lease. A candidate waits until the Lease is free; the leader renews it while the
body of a block does what only a leader may do, and that body is cancelled when the Lease is lost. What a claim is, says
`lease.py`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from scaler.errors import ClusterError, Conflict, NotLeading
from scaler.kubernetes.api import Api
from scaler.kubernetes.lease import Claim
from scaler.kubernetes.objects import Lease
from scaler.logs import Changes

log = logging.getLogger(__name__)

FAREWELL = 2.0
"""Seconds that releasing the Lease may take; whoever comes next waits for it to run out otherwise."""

WATCHED = 300
"""Seconds that one watch of the Lease lasts."""

TICK = 0.001
"""Seconds by which a timer may be early."""


class _Event(msgspec.Struct):
    type: str
    object: Lease = Lease()


class Elector:
    """`claim` is this process's; `api` is for watching it."""

    def __init__(self, api: Api, claim: Claim) -> None:
        self._api, self._claim, self._terms = api, claim, claim.terms
        self._vacant = asyncio.Event()
        self._said = Changes()

    @asynccontextmanager
    async def leadership(self) -> AsyncIterator[None]:
        """Waits until we lead. Raises `NotLeading` when the Lease is lost, else what the body raises."""
        failures: Sequence[BaseException] = ()
        try:
            await self._candidacy()
            async with asyncio.TaskGroup() as tasks:
                renewing = tasks.create_task(self._renewing(), name="renew the lease")
                yield
                renewing.cancel()
        except BaseExceptionGroup as group:
            failures = group.exceptions
        finally:
            if self._claim.held:
                await self._leave()
        if failures:
            raise failures[0]

    async def _leave(self) -> None:
        self._claim.drop()
        try:
            async with asyncio.timeout(FAREWELL):
                await self._claim.release()
        except (ClusterError, TimeoutError) as error:
            log.warning("the lease is not released: %s", _sentence(error))

    # ------------------------------------------------------------------------------------------------------ candidate

    async def _candidacy(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._following(), name="watch the lease")
            while not await self._tried():
                await self._rest()
            following.cancel()
        log.info("leading", extra={"lease": f"{self._claim.namespace}/{self._claim.name}"})

    async def _tried(self) -> bool:
        """Whether we lead now."""
        try:
            async with asyncio.timeout(self._terms.deadline / 2):
                await self._claim.look()
                if self._claim.until_free() > 0:
                    self._wait_for(self._claim.holder)
                    return False
                await self._claim.take()
        except Conflict:  # somebody was quicker
            return False
        except (ClusterError, TimeoutError) as error:
            self._say(f"the lease cannot be had: {_sentence(error)}")
            return False
        self._wait_for("")
        return True

    async def _rest(self) -> None:
        """Until the Lease is free for all we know, else until it is time to look again."""
        pause, left = self._terms.pause(), self._claim.until_free()
        try:
            async with asyncio.timeout(min(pause, left + TICK) if left > 0 else pause):
                await self._vacant.wait()
        except TimeoutError:
            return
        self._vacant.clear()

    async def _following(self) -> None:
        """Hears of changes at once. Where that is refused or fails, who waits looks from time to time and is slower."""
        asked = {"fieldSelector": f"metadata.name={self._claim.name}", "timeoutSeconds": str(WATCHED)}
        while True:
            try:
                async with self._api.watch(self._claim.collection, within=WATCHED + 30.0, **asked) as lines:
                    async for line in lines:
                        self._hear(msgspec.json.decode(line, type=_Event))
            except (ClusterError, msgspec.DecodeError):
                await asyncio.sleep(self._terms.deadline)
            await asyncio.sleep(self._terms.retry)

    def _hear(self, event: _Event) -> None:
        if event.type in ("ADDED", "MODIFIED"):
            self._claim.heard(event.object)
        if event.type == "DELETED" or not self._claim.holder:
            self._vacant.set()

    # --------------------------------------------------------------------------------------------------------- leader

    async def _renewing(self) -> None:
        claim = self._claim
        while True:
            await asyncio.sleep(max(0.0, min(self._terms.pause(), claim.until_deadline())))
            if claim.until_deadline() <= TICK:
                claim.drop()
                raise NotLeading(f"the lease could not be renewed for {self._terms.deadline:g} s")
            try:
                async with asyncio.timeout(min(self._terms.deadline / 2, claim.until_deadline())):
                    await claim.renew()
                self._say("")
            except NotLeading:
                claim.drop()
                raise
            except (ClusterError, TimeoutError) as error:
                self._say(f"the lease cannot be renewed: {_sentence(error)}")

    # --------------------------------------------------------------------------------------------------------- saying

    def _say(self, problem: str) -> None:
        if self._said.news("problem", problem or None):
            if problem:
                log.warning(problem)
            else:
                log.info("the lease can be renewed again")

    def _wait_for(self, holder: str) -> None:
        self._said.news("problem", None)
        if self._said.news("holder", holder or None) and holder:
            log.info("another leads; waiting", extra={"holder": holder})


def _sentence(error: Exception) -> str:
    return str(error) or "the API server took too long"

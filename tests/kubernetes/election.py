"""Candidates for one Lease, in virtual time: what a test of the election needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from scaler.errors import NotLeading
from scaler.kubernetes.election import Elector
from scaler.kubernetes.lease import Claim, Terms
from tests.kubernetes.fake_api import FakeApi

PATH = "/apis/coordination.k8s.io/v1/namespaces/keda/leases/operator.keda.sh"
EPOCH = 1_767_225_600.0


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Clocks:
    """The loop's time; a test may step the wall clock, or let time pass of which the loop knows nothing."""

    stepped: float = 0.0
    slept: float = 0.0

    def wall(self) -> float:
        return EPOCH + now() + self.slept + self.stepped

    def steady(self) -> float:
        return now() + self.slept


@dataclass
class Candidate:
    """One process. `began` and `ended` are when it led, `lost` why it did so no more."""

    api: FakeApi
    claim: Claim
    elector: Elector
    clocks: Clocks = field(default_factory=Clocks)
    began: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Leads for as long as it may, again and again."""
        while True:
            try:
                async with self.elector.leadership():
                    self.began.append(now())
                    try:
                        await asyncio.Event().wait()
                    finally:
                        self.ended.append(now())
            except NotLeading as error:
                self.lost.append(str(error))


def candidate(api: FakeApi, identity: str, terms: Terms | None = None) -> Candidate:
    clocks = Clocks()
    claim = Claim(
        api,
        "keda",
        "operator.keda.sh",
        identity=identity,
        terms=terms or Terms(),
        wall=clocks.wall,
        steady=clocks.steady,
    )
    return Candidate(api, claim, Elector(api, claim), clocks)


def spec(api: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[PATH]["spec"]
    return found


def holder(api: FakeApi) -> str | None:
    return spec(api)["holderIdentity"] if PATH in api.objects else None


@asynccontextmanager
async def running(*candidates: Candidate) -> AsyncIterator[list[asyncio.Task[None]]]:
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(one.run()) for one in candidates]
        yield started
        for task in started:
            task.cancel()


async def keep(api: FakeApi, identity: str, *, seconds: float, lasts: int = 15) -> None:
    """Another program holds the Lease for so long, and then is gone without a word."""
    renewals = int(seconds / 2)
    for renewal in range(renewals):
        record = {"holderIdentity": identity, "leaseDurationSeconds": lasts, "leaseTransitions": 7}
        api.put(PATH, {"spec": {**record, "renewTime": f"2026-01-01T00:00:{renewal % 60:02}.000000Z"}})
        if renewal < renewals - 1:
            await asyncio.sleep(2)

"""A Lease that several processes claim, by the rules of every other controller (contract 4), so that we and KEDA can
wait for each other on one. Times of others are never compared with ours: that somebody's time is over counts from when
we saw the record change, that ours is from when we began to ask for it, both by a clock that goes on while the process
or the machine is stopped. When a claim is made, renewed and given up is `election.py`'s business."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scaler.errors import Conflict, NotFound, NotLeading, SettingsError
from scaler.kubernetes.api import Api
from scaler.kubernetes.cache import newer
from scaler.kubernetes.objects import Lease

JITTER = 1.2
MARGIN = 1.0
"""Seconds of the lease with which nothing is written any more; of a short lease, a quarter of it."""

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease lasts, for how long its holder tries to renew it, and how often. A record has whole seconds: a
    fraction of the duration is left out for ourselves too."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.seconds > self.deadline > JITTER * self.retry > 0:
            rule = f"must last longer (in whole seconds) than its deadline, and that than {JITTER:g} retry periods"
            raise SettingsError({"lease": rule})

    @property
    def seconds(self) -> int:
        return int(self.duration)

    @property
    def margin(self) -> float:
        return min(MARGIN, self.seconds / 4)

    def pause(self) -> float:
        return self.retry * random.uniform(1.0, JITTER)


class Claim:
    """What one process knows of the Lease, and what it holds of it. `wall` is only shown to others, `steady` counts
    suspension. The `api` must not be one that asks this claim's `fence`."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        *,
        identity: str,
        terms: Terms,
        wall: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self.namespace, self.name, self.terms = namespace, name, terms
        self.collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._api, self._identity, self._wall, self._steady = api, identity, wall, steady
        self._seen: Lease | None = None
        self._changed = self._renewed = NEVER

    # --------------------------------------------------------------------------------------------------- what is known

    def remaining(self) -> float:
        """Seconds for which the Lease is still ours; 0 where it is not."""
        return max(0.0, self._renewed + self.terms.seconds - self._steady())

    def fence(self) -> None:
        """Raises `NotLeading` where nothing may be written any more."""
        if self.remaining() <= self.terms.margin:
            raise NotLeading(f"the lease {self.namespace}/{self.name} is not ours, or is about to run out")

    def until_deadline(self) -> float:
        return self._renewed + self.terms.deadline - self._steady()

    def until_free(self) -> float:
        """Seconds until nobody has a right to it any more, for all we know; 0 or less where that is so."""
        if self._seen is None or self._seen.spec.holder_identity in (None, "", self._identity):
            return 0.0
        return self._changed + (self._seen.spec.lease_duration_seconds or self.terms.seconds) - self._steady()

    @property
    def holder(self) -> str:
        """Who stands in the Lease."""
        return (self._seen and self._seen.spec.holder_identity) or ""

    @property
    def held(self) -> bool:
        """Made, and neither given up nor lost: it may still have run out."""
        return self._renewed > NEVER

    async def look(self) -> None:
        try:
            self._observe(await self._api.get(f"{self.collection}/{self.name}", Lease))
        except NotFound:
            self._seen = None

    def heard(self, lease: Lease) -> None:
        """What a watch told, which may be older than what a look has shown."""
        if self._seen is None or newer(lease.metadata, self._seen.metadata):
            self._observe(lease)

    def _observe(self, lease: Lease) -> None:
        if self._seen is None or lease.spec != self._seen.spec:
            self._changed = self._steady()
        self._seen = lease

    # ------------------------------------------------------------------------------------------------- what is written

    async def take(self) -> None:
        """Make the Lease ours, or ours for longer. Raises `Conflict` where it is not as we know it any more."""
        begun, seen = self._steady(), self._seen
        if seen is None:
            self._seen = await self._create()
        elif seen.spec.holder_identity == self._identity:
            self._seen = await self._patch(seen)
        else:
            self._seen = await self._patch(seen, **self._acquired((seen.spec.lease_transitions or 0) + 1))
        self._renewed = begun

    async def renew(self) -> None:
        """A request that came to no end may have been heard: then the record has changed, but is still ours. Raises
        `NotLeading` where it is not."""
        try:
            await self.take()
        except (Conflict, NotFound):
            await self.look()
            if self._seen is not None and self.holder != self._identity:
                raise NotLeading(f"{self.holder or 'nobody'} holds the lease now") from None
            await self.take()

    def drop(self) -> None:
        """Nothing may be written any more."""
        self._renewed = NEVER

    async def release(self) -> None:
        """Only if it is still ours."""
        await self.look()
        if self._seen is not None and self.holder == self._identity:
            self._seen = await self._patch(self._seen, holderIdentity="", leaseDurationSeconds=1)

    async def _create(self) -> Lease:
        manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self._record(**self._acquired(0)),
        }
        return await self._api.create(self.collection, manifest, Lease)

    async def _patch(self, seen: Lease, **more: Any) -> Lease:
        """What others wrote into it besides stays."""
        patch = {"metadata": {"resourceVersion": seen.metadata.resource_version}, "spec": self._record(**more)}
        return await self._api.patch(f"{self.collection}/{self.name}", patch, Lease)

    def _record(self, **more: Any) -> dict[str, Any]:
        lasts = {"holderIdentity": self._identity, "leaseDurationSeconds": self.terms.seconds}
        return {**lasts, "renewTime": self._stamp(), **more}

    def _acquired(self, transitions: int) -> dict[str, Any]:
        stamp = self._stamp()
        return {"acquireTime": stamp, "renewTime": stamp, "leaseTransitions": transitions}

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""The port over a Kubernetes cluster. What is there is read from caches that every replica keeps; what is written, only
the leader writes, as steps. This file puts the rooms of the adapter together and holds what each object was last told;
it knows no path and no patch."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Self

from scaler.core.model import Decision, Event, Mode, Target, Why
from scaler.credentials.identity.aws import IDENTITY
from scaler.credentials.store import Token
from scaler.engine.cluster import Change
from scaler.errors import ClusterError, Conflict, NotFound, NotLeading, ScalerError, Terminating
from scaler.kubernetes.api import FIELD_MANAGER, Api
from scaler.kubernetes.authentications import Authentications
from scaler.kubernetes.books import Books
from scaler.kubernetes.changes import OBJECT, SCALED, Changes, manifest_of
from scaler.kubernetes.chores import Chores
from scaler.kubernetes.cloud_event_sources import CloudEventSources, Dispatching
from scaler.kubernetes.election import Elector
from scaler.kubernetes.environment import environment_of
from scaler.kubernetes.farewell import Farewells
from scaler.kubernetes.hpa import owner_of
from scaler.kubernetes.identity import identity_of
from scaler.kubernetes.jobs import port as jobs
from scaler.kubernetes.jobs import status as job_status
from scaler.kubernetes.lease import Claim
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.secrets import Secrets
from scaler.kubernetes.status import patch_of, problem_of
from scaler.kubernetes.steps import Scale, Seen, Step, check_failed, nothing, same, scale_failed, steps
from scaler.kubernetes.targets import Resource, Targets
from scaler.kubernetes.tokens import token_of
from scaler.kubernetes.tug import Tugs
from scaler.kubernetes.usage import LeftToHpa
from scaler.kubernetes.world import World, aim_of
from scaler.kubernetes.writer import Writer
from scaler.manifests import annotations
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import AnySource

log = logging.getLogger(__name__)

USAGE = LeftToHpa()

Duty = Callable[[], Coroutine[Any, Any, None]]


class KubernetesCluster:
    """Implements `scaler.engine.cluster.Cluster`. `async with` keeps the caches; `leadership` may be entered again and
    again. `version` is told by the HPAs' labels, `instance` by events; `beside` are further duties of a leader, by
    name. Without a `claim` on a Lease it only observes: it leads nobody and writes nothing."""

    def __init__(
        self,
        api: Api,
        world: World,
        claim: Claim | None,
        clock: Callable[[], float],
        *,
        version: str,
        instance: str,
        secret_namespace: str | None = None,
        beside: Mapping[str, Duty] | None = None,
    ) -> None:
        fenced = api.fenced(claim.fence if claim else _observing)
        self._api, self._unfenced, self._world, self._version, self._clock = fenced, api, world, version, clock
        self._elector = Elector(api, claim) if claim else None
        self._books = Books()
        self._targets = Targets(fenced, world.scalables, clock)
        self._changes = Changes(world, clock)
        self._secrets = Secrets(api, self._touched, namespace=secret_namespace)
        self._writer = Writer(
            fenced, self._targets, world.hpas, world.objects, self._books, instance=instance, now=clock
        )
        self._chores = Chores(world, self._writer, self._books)
        self._jobs = jobs.ScaledJobs(fenced, world.jobs, self._writer, self._changes.moved, version=version)
        self._farewells = Farewells(fenced, world, self._targets, self._writer)
        self._authentications = Authentications(world, self._writer)
        self._event_sources: CloudEventSources | None = None
        self._beside = dict(beside or {})
        self._told: dict[Ref, Watched | None] = {}
        self._right: dict[Ref, tuple[Watched, Seen, Decision]] = {}
        self._tugs = Tugs()
        self._tasks = asyncio.TaskGroup()
        for kind in SCALED:
            world.objects[kind].listen(partial(self._forget, kind))

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._watching = self._tasks.create_task(self._world.run(), name="watches")
        return self

    async def __aexit__(self, *raised: Any) -> None:
        """What the body raised comes out as it is, but for the cancellation that a failed watch asked for."""
        self._watching.cancel()
        cancelled = raised[0] is asyncio.CancelledError
        await self._tasks.__aexit__(*(raised if cancelled else (None, None, None)))

    def send_events(self, dispatch: Dispatching) -> None:
        """Every event from now on goes there, too, and the sources of cloud events are that one's; said before this
        daemon leads."""
        self._event_sources = CloudEventSources(self._world, self._writer, self._secrets, dispatch)
        self._writer.tell = dispatch.tell

    def hold(self, owner: Ref, refs: frozenset[Ref]) -> None:
        """What a source of cloud events was resolved from is in use."""
        self._secrets.use(owner, refs)

    async def look_again(self, refs: frozenset[Ref]) -> None:
        """At what such a source was resolved from: it was refused."""
        await self._secrets.doubt(refs)

    def unready(self) -> str:
        """What keeps this replica from being a good follower; empty when nothing does."""
        return self._world.unsynced()

    # --------------------------------------------------------------------------------------------------------- the port

    @asynccontextmanager
    async def leadership(self) -> AsyncIterator[None]:
        """Who knows what is there may lead. Raises `NotLeading` when the lease is lost."""
        await self._world.synced()
        raised: BaseException | None = None
        async with self._elector.leadership() if self._elector else nullcontext():
            self._told.clear()
            self._right.clear()
            self._jobs.begin()
            async with asyncio.TaskGroup() as tasks:
                kept = [tasks.create_task(duty(), name=name) for name, duty in self._duties().items()]
                try:
                    yield
                except asyncio.CancelledError:
                    raise
                except BaseException as error:  # comes out as it is, when the duties have ended
                    raised = error
                finally:
                    for task in kept:
                        task.cancel()
            if raised is not None:
                raise raised

    def _duties(self) -> dict[str, Duty]:
        """What goes on beside the line while this daemon leads."""
        if self._elector is None:
            return {"secrets": self._secrets.run}
        own: dict[str, Duty] = {
            "books": self._books.run,
            "secrets": self._secrets.run,
            "farewells": self._farewells.run,
            "chores": self._chores.run,
            "authentications": self._authentications.run,
        }
        if self._event_sources is not None:
            own["cloud events"] = self._event_sources.run
        return {**self._beside, **own}

    def watch(self) -> AsyncIterator[Change]:
        return self._changes.watch()

    async def seen(self, watched: Watched) -> Target:
        if watched.spec.jobs:
            return await self._jobs.seen(watched)
        return await self._targets.seen(watched.spec, watched.ref.namespace)

    async def apply(self, watched: Watched, decision: Decision) -> None:
        """The steps, one after the other. An object that has gone meanwhile has none."""
        found = self._found(watched.ref)
        if found is None:
            return
        self._secrets.use(watched.ref, watched.refs)
        if watched.spec.mode is Mode.OBSERVE:
            return
        try:
            if watched.spec.jobs:
                await self._jobs.apply(watched, found, decision, fresh=self._is_fresh(watched))
            else:
                await self._done(watched, found, decision)
        except Terminating:  # all of it goes by itself
            return
        self._told[watched.ref] = watched

    async def _done(self, watched: Watched, found: Custom, decision: Decision) -> None:
        seen = await self._looked(watched, found)
        if self._is_right(watched, seen, decision):
            return
        wanted = steps(watched, seen, decision)
        for step in wanted:
            await self._take(step, watched, decision)
        if nothing(wanted):
            self._right[watched.ref] = (watched, seen, decision)

    def _is_right(self, watched: Watched, seen: Seen, decision: Decision) -> bool:
        """Whether there was nothing to do for what is the same now: of most polls that is so, and computing the steps
        again was a seventh of the CPU of a cluster at work (docs/performance.md)."""
        held = self._right.get(watched.ref)
        return held is not None and held[0] is watched and held[1] == seen and same(held[2], decision)

    def _is_fresh(self, watched: Watched) -> bool:
        """Whether its owner waits to hear of what it was bound to: after the first time, nothing was said of it yet."""
        return watched.ref in self._told and self._told[watched.ref] is not watched

    async def _looked(self, watched: Watched, found: Custom) -> Seen:
        resource = await self._targets.resource(watched.spec.target_kind)
        target, now = watched.target, self._clock()
        wanted = self._targets.cached(resource, target.namespace, target.name)
        if wanted is not None:
            self._tugs.saw(target, wanted, now)
        if self._tugs.news(target, now):
            await self._tell_of_tug(watched, resource, now)
        return Seen(
            found,
            owner_of(found, self._version),
            resource,
            self._world.hpas_about(found),
            wanted,
            fresh=self._is_fresh(watched),
            first=self._first(found),
            remark=self._tugs.remark(target, now),
            held=not self._tugs.may_write(target, now),
        )

    async def _tell_of_tug(self, watched: Watched, resource: Resource, now: float) -> None:
        target = watched.target
        who = await self._targets.moved_by(resource, target.namespace, target.name, FIELD_MANAGER)
        self._tugs.name(target, who)
        self._writer.post(watched.ref, Event("ScaleTargetContested", self._tugs.remark(target, now), warning=True))

    async def _take(self, step: Step, watched: Watched, decision: Decision) -> None:
        """That a pause's number is reached must be seen before somebody moves on from it: it is not enforced."""
        try:
            await self._writer.take(step)
        except (Conflict, NotLeading):
            raise
        except ClusterError as error:
            if isinstance(step, Scale):
                self._writer.post(watched.ref, scale_failed(decision, watched, error))
            raise
        if isinstance(step, Scale) and watched.spec.mode is Mode.DIRECT:
            self._tugs.wrote(watched.target, step.after, self._clock())
        if isinstance(step, Scale) and decision.why is Why.PAUSED_AT:
            self._changes.moved(watched.ref)

    async def report(self, ref: Ref, problem: ScalerError) -> None:
        """A condition, and an event."""
        found = self._found(ref)
        if found is None or self._silent(found) or isinstance(problem, NotLeading):
            return
        self._told[ref] = None
        told = (job_status.problem_of if ref.kind == jobs.OBJECT else problem_of)(problem, found.status)
        await self._writer.status(ref, patch_of(found.status, told), hurry=True)
        self._writer.post(ref, check_failed(str(problem), ref.kind))

    async def read(self, ref: Ref) -> Mapping[str, str]:
        if ref.kind == "Environment":
            return await environment_of(ref, self._api, self._targets, self._secrets.behind(ref))
        if ref.kind == IDENTITY:
            return await identity_of(ref, self._api, self._targets)
        return await self._secrets.read(ref)

    async def manifest(self, ref: Ref) -> Manifest:
        cache = self._world.objects.get(ref.kind)
        found = cache.get(ref.namespace, ref.name) if cache else None
        if found is None:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return manifest_of(ref.kind, found)

    async def token(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        return await token_of(self._unfenced, namespace, account, audience=audience, seconds=seconds)

    async def doubt(self, watched: Watched) -> None:
        await self._secrets.doubt(watched.refs)

    def known(self) -> Mapping[tuple[str, str], int]:
        held = self._world.objects.items()
        return Counter((kind, one.metadata.namespace) for kind, cache in held for one in cache.values())

    def counts(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """Of requests to the API server, and of what waits to be written, under the names of /metrics."""
        host = self._api.host
        requests: dict[tuple[str, ...], float] = {
            (str(status), method, host): count for (status, method), count in list(self._api.answered.items())
        }
        return {"rest_client_requests": requests, "event_scaler_writes_waiting": {(): len(self._books)}}

    def sources(self) -> Mapping[str, AnySource]:
        return {"cpu": USAGE, "memory": USAGE}

    # -------------------------------------------------------------------------------------------------------- the rest

    def _touched(self, ref: Ref) -> None:
        """A Secret or ConfigMap in use: by objects, or by sources of cloud events."""
        self._changes.touched(ref)
        if self._event_sources is not None:
            self._event_sources.touched(ref)

    def _found(self, ref: Ref) -> Custom | None:
        found = self._world.objects[ref.kind].get(ref.namespace, ref.name) if ref.kind in SCALED else None
        return None if found is None or found.metadata.deletion_timestamp else found

    def _silent(self, found: Custom) -> bool:
        """Whether nothing at all may be written about the object."""
        return self._elector is None or annotations.observed(found.metadata.annotations)

    def _first(self, found: Custom) -> str:
        """Who has the target, where it is another object than this."""
        first = self._world.first(found).metadata.name
        return "" if first == found.metadata.name else first

    def _forget(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        """What was kept of an object that is gone; its owner is told that it was let go."""
        if before is None:
            return
        same = now is not None and now.metadata.uid == before.metadata.uid
        if same and now is not None and not now.metadata.deletion_timestamp:
            return
        ref = Ref(kind, before.metadata.namespace, before.metadata.name)
        if ref in self._told and not self._silent(before):
            deleted = Event(f"{kind}Deleted", f"{kind} was deleted", warning=True)
            self._writer.post_about(ref, before.metadata, deleted)
        if kind == OBJECT:
            aim = aim_of(before)
            self._tugs.forget(Ref(aim.kind, ref.namespace, aim.name))
        else:
            self._jobs.forget(ref, before.metadata)
        self._told.pop(ref, None)
        self._right.pop(ref, None)
        self._secrets.forget(ref)
        self._writer.forget(ref)


def _observing() -> None:
    """The fence of a daemon that only observes: whatever tries to write is stopped here at the latest."""
    raise NotLeading("this daemon observes: it writes nothing")

"""What every cluster adapter does, whatever stands behind it. The engine relies on nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from scaler.core import jobs
from scaler.core.decide import decide
from scaler.core.model import Condition, ConditionType, Decision, JobRules, Jobs, Mode, Spec, State, Target, Why
from scaler.engine.cluster import Appeared, Change, Changed, Cluster, Gone, Synced, Touched
from scaler.errors import ClusterError, ManifestError, NotFound
from scaler.manifests.watched import Ref, Watched
from tests.cluster.worlds import World

OBJECT = Ref("ScaledObject", "default", "orders")
TARGET = Ref("Deployment", "default", "worker")
SECRET = Ref("Secret", "default", "password")
JOB = Ref("ScaledJob", "default", "batch")
PATIENCE = 15.0

WATCHED = Watched(
    ref=OBJECT,
    spec=Spec(name="default/orders", goals=(), mode=Mode.DIRECT, target_name="worker"),
    triggers=(),
    interval=30.0,
    target=TARGET,
    refs=frozenset({TARGET}),
    decide=decide,
)


JOBS = Watched(
    ref=JOB,
    spec=Spec(name="default/batch", goals=(), mode=Mode.DIRECT, target_name="batch", jobs=JobRules()),
    triggers=(),
    interval=30.0,
    target=JOB,
    refs=frozenset({JOB}),
    decide=jobs.decide,
)


def scaled_object(maximum: int = 10) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "orders"},
        "spec": {
            "scaleTargetRef": {"name": "worker"},
            "maxReplicaCount": maximum,
            "triggers": [{"type": "cron", "metadata": {"desiredReplicas": "1"}}],
        },
    }


def deployment() -> dict[str, Any]:
    sidecar = {"name": "sidecar", "command": ["sleep"], "env": [{"name": "ROLE", "value": "sidecar"}]}
    worker = {"name": "worker", "command": ["sleep", "1000"], "env": [{"name": "ROLE", "value": "worker"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "worker"},
        "spec": {"template": {"spec": {"containers": [worker, sidecar]}}},
    }


def scaled_job() -> dict[str, Any]:
    sidecar = {"name": "sidecar", "command": ["sleep"], "env": [{"name": "ROLE", "value": "sidecar"}]}
    worker = {"name": "worker", "command": ["sleep", "1000"], "env": [{"name": "ROLE", "value": "worker"}]}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "batch"},
        "spec": {
            "jobTargetRef": {"template": {"spec": {"containers": [worker, sidecar], "restartPolicy": "Never"}}},
            "triggers": [{"type": "cron", "metadata": {"desiredReplicas": "1"}}],
        },
    }


def secret(password: str = "s3cret") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "password"},
        "stringData": {"password": password},
    }


def decision(replicas: int | None, **more: Any) -> Decision:
    return Decision(replicas, Why.ABOVE_TARGET, **more)


def making(count: int, there: int, at: float) -> Decision:
    """So many Jobs beside those that were seen."""
    return Decision(there + count, Why.MORE_JOBS, create=count, state=State(at=at))


@asynccontextmanager
async def leading(world: World) -> AsyncIterator[Cluster]:
    async with world.daemon() as cluster, cluster.leadership():
        yield cluster


@asynccontextmanager
async def watching(cluster: Cluster) -> AsyncIterator[Callable[[type[Change]], Any]]:
    """`await until(Gone)`: the next change of that type, of an object or of what is not a Deployment."""
    watch = cluster.watch()

    async def until(wanted: type[Change]) -> Any:
        async with asyncio.timeout(PATIENCE):
            async for change in watch:
                if isinstance(change, wanted):
                    return change
        raise AssertionError("the watch has ended")

    async with aclosing(watch):  # type: ignore[type-var]  # the port promises an iterator; adapters write generators
        yield until


async def seen(cluster: Cluster, ready: int) -> Target:
    """The workload, when so many replicas are ready."""
    async with asyncio.timeout(PATIENCE):
        while True:
            target = await cluster.seen(WATCHED)
            if target.ready == target.exists == ready:
                return target
            await asyncio.sleep(0.01)


async def running(cluster: Cluster, bound: Watched) -> int:
    """The Jobs that have not ended."""
    found = (await cluster.seen(bound)).jobs
    assert found is not None
    return found.running


def _bound(appeared: Appeared) -> Watched:
    return replace(JOBS, generation=appeared.manifest.body["metadata"].get("generation", 0))


class Contract:
    """One adapter in its `world`, which a subclass gives."""

    @pytest.fixture
    async def furnished(self, world: World) -> World:
        """An object, its target, and a Secret."""
        for document in (scaled_object(), deployment(), secret()):
            await world.put(document)
        return world

    # --------------------------------------------------------------------------------------------------------- watching

    async def test_what_is_there_appears(self, furnished: World) -> None:
        async with leading(furnished) as cluster, watching(cluster) as until:
            change = await until(Appeared)
            assert change.manifest.ref == OBJECT
            assert change.manifest.body["spec"]["maxReplicaCount"] == 10
            assert change.manifest.created > 0
            assert change.remembered is None

    async def test_what_is_there_is_told_before_it_is_synced(self, furnished: World) -> None:
        told: list[Change] = []
        async with leading(furnished) as cluster, asyncio.timeout(PATIENCE):
            async for change in cluster.watch():  # it ends here
                told.append(change)
                if change == Synced():
                    break
        assert {change.ref for change in told if isinstance(change, Touched)} <= {TARGET, SECRET}
        assert [change.manifest.ref for change in told if isinstance(change, Appeared)] == [OBJECT]

    async def test_objects_of_our_kinds_are_counted(self, furnished: World) -> None:
        """And no others."""
        async with leading(furnished) as cluster, watching(cluster) as until:
            await until(Synced)
            assert dict(cluster.known()) == {("ScaledObject", "default"): 1}

    async def test_an_empty_world_is_synced_too(self, world: World) -> None:
        async with leading(world) as cluster, watching(cluster) as until:
            await until(Synced)

    async def test_what_comes_later_appears(self, world: World) -> None:
        async with leading(world) as cluster, watching(cluster) as until:
            await until(Synced)
            await world.put(scaled_object())
            assert (await until(Appeared)).manifest.ref == OBJECT

    async def test_an_edit_is_a_change_and_creation_stays(self, furnished: World) -> None:
        async with leading(furnished) as cluster, watching(cluster) as until:
            created = (await until(Appeared)).manifest.created
            await furnished.put(scaled_object(maximum=7))
            changed = await until(Changed)
            assert changed.manifest.body["spec"]["maxReplicaCount"] == 7
            assert changed.manifest.created == created

    async def test_what_is_deleted_is_gone(self, furnished: World) -> None:
        async with leading(furnished) as cluster, watching(cluster) as until:
            await until(Appeared)
            await furnished.remove(OBJECT)
            assert await until(Gone) == Gone(OBJECT)

    async def test_other_objects_are_touched_and_read_anew(self, furnished: World) -> None:
        """At once where that is watched, else when somebody doubts it."""
        bound = replace(WATCHED, refs=frozenset({TARGET, SECRET}))
        async with leading(furnished) as cluster, watching(cluster) as until:
            await until(Appeared)
            assert await cluster.read(SECRET) == {"password": "s3cret"}
            await cluster.apply(bound, decision(None))
            await furnished.put(secret("n3w"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(cluster.doubt(bound))
                while await until(Touched) != Touched(SECRET):
                    pass
            assert await cluster.read(SECRET) == {"password": "n3w"}

    async def test_a_doubt_finds_nothing_where_nothing_has_changed(self, furnished: World) -> None:
        async with leading(furnished) as cluster, watching(cluster) as until:
            await until(Synced)
            await cluster.doubt(replace(WATCHED, refs=frozenset({TARGET, SECRET})))
            assert await cluster.read(SECRET) == {"password": "s3cret"}

    # ------------------------------------------------------------------------------------------------- seeing, applying

    async def test_a_target_that_is_not_there_is_not_found(self, world: World) -> None:
        await world.put(scaled_object())
        async with leading(world) as cluster:
            with pytest.raises(NotFound):
                await cluster.seen(WATCHED)

    async def test_replicas_follow_the_decision(self, furnished: World) -> None:
        async with leading(furnished) as cluster:
            assert (await cluster.seen(WATCHED)).wanted == 0
            for replicas in (3, 1, 2, 0):
                await cluster.apply(WATCHED, decision(replicas))
                target = await seen(cluster, ready=replicas)
                assert target.wanted == replicas
                assert not target.pods or sum(pod.ready for pod in target.pods) == replicas

    async def test_the_same_decision_again_changes_nothing(self, furnished: World) -> None:
        async with leading(furnished) as cluster:
            await cluster.apply(WATCHED, decision(2))
            before = await seen(cluster, ready=2)
            await cluster.apply(WATCHED, decision(2))
            assert await cluster.seen(WATCHED) == before

    async def test_a_decision_without_replicas_moves_nothing(self, furnished: World) -> None:
        async with leading(furnished) as cluster:
            await cluster.apply(WATCHED, decision(1))
            await cluster.apply(WATCHED, decision(None))
            assert (await seen(cluster, ready=1)).wanted == 1

    async def test_observing_moves_nothing(self, furnished: World) -> None:
        observed = replace(WATCHED, spec=replace(WATCHED.spec, mode=Mode.OBSERVE))
        async with leading(furnished) as cluster:
            await cluster.apply(observed, decision(3))
            assert (await cluster.seen(WATCHED)).wanted == 0

    async def test_the_next_daemon_remembers(self, furnished: World) -> None:
        """What the object was, and that it was active: a new leader never scales down because it is new."""
        spec = replace(WATCHED.spec, force=True)
        made = decide(spec, Target(0, 0, 0), (), State(), now=17.0)
        async with leading(furnished) as cluster, watching(cluster) as until:
            created = (await until(Appeared)).manifest.created
            await cluster.apply(replace(WATCHED, spec=spec), made)
        async with leading(furnished) as cluster, watching(cluster) as until:
            appeared = await until(Appeared)
            assert appeared.remembered is not None
            assert appeared.remembered.active
            assert appeared.remembered.last_active >= 17.0
            assert appeared.remembered.original_replicas == 0
            assert appeared.manifest.created == created
            assert (await cluster.seen(WATCHED)).wanted == 1

    async def test_a_deleted_object_is_forgotten(self, furnished: World) -> None:
        async with leading(furnished) as cluster, watching(cluster) as until:
            await until(Appeared)
            await cluster.apply(WATCHED, decision(1, state=State(last_active=17.0)))
            await furnished.remove(OBJECT)
            await until(Gone)
            await furnished.put(scaled_object())
            assert (await until(Appeared)).remembered is None

    # ------------------------------------------------------------------------------------------------------------- jobs

    @pytest.fixture
    async def working(self, world: World) -> World:
        """A ScaledJob."""
        await world.put(scaled_job())
        return world

    async def test_jobs_are_made_as_decided_and_seen_at_once(self, working: World) -> None:
        async with leading(working) as cluster, watching(cluster) as until:
            appeared = await until(Appeared)
            assert appeared.manifest.ref == JOB
            assert appeared.remembered is None
            bound = _bound(appeared)
            assert (await cluster.seen(bound)).jobs == Jobs(0, 0)
            await cluster.apply(bound, making(2, there=0, at=17.0))
            assert await running(cluster, bound) == 2
            await cluster.apply(bound, making(1, there=2, at=18.0))
            assert await running(cluster, bound) == 3

    async def test_jobs_are_never_taken_away(self, working: World) -> None:
        async with leading(working) as cluster, watching(cluster) as until:
            bound = _bound(await until(Appeared))
            await cluster.apply(bound, making(2, there=0, at=17.0))
            await cluster.apply(bound, making(0, there=0, at=18.0))
            assert await running(cluster, bound) == 2

    async def test_observing_makes_no_jobs(self, working: World) -> None:
        async with leading(working) as cluster, watching(cluster) as until:
            bound = _bound(await until(Appeared))
            observed = replace(bound, spec=replace(bound.spec, mode=Mode.OBSERVE))
            await cluster.apply(observed, making(2, there=0, at=17.0))
            assert await running(cluster, bound) == 0

    async def test_the_next_daemon_knows_the_jobs(self, working: World) -> None:
        spec = replace(JOBS.spec, minimum=2)
        made = jobs.decide(spec, Target(0, 0, 0, jobs=Jobs()), (), State(), now=17.0)
        async with leading(working) as cluster, watching(cluster) as until:
            bound = replace(_bound(await until(Appeared)), spec=spec)
            await cluster.apply(bound, made)
        async with leading(working) as cluster, watching(cluster) as until:
            appeared = await until(Appeared)
            assert appeared.remembered is not None
            assert appeared.remembered.active
            assert appeared.remembered.last_active >= 17.0
            assert _bound(appeared).generation == bound.generation
            assert await running(cluster, bound) == 2

    async def test_a_scaled_job_that_is_deleted_is_gone(self, working: World) -> None:
        async with leading(working) as cluster, watching(cluster) as until:
            await until(Appeared)
            await working.remove(JOB)
            assert await until(Gone) == Gone(JOB)

    @pytest.mark.parametrize(("container", "role"), [("", "worker"), ("worker", "worker"), ("sidecar", "sidecar")])
    async def test_the_environment_of_a_job_is_read(self, working: World, container: str, role: str) -> None:
        async with leading(working) as cluster:
            found = await cluster.read(Ref("Environment", "default", f"ScaledJob.v1alpha1.keda.sh/batch/{container}"))
            assert found["ROLE"] == role

    # ------------------------------------------------------------------------------------------------- reading, telling

    async def test_secrets_and_config_maps_are_read(self, furnished: World) -> None:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hosts"}, "data": {"host": "a.test"}}
        await furnished.put(config)
        async with leading(furnished) as cluster:
            assert await cluster.read(SECRET) == {"password": "s3cret"}
            assert await cluster.read(Ref("ConfigMap", "default", "hosts")) == {"host": "a.test"}

    @pytest.mark.parametrize(("container", "role"), [("", "worker"), ("worker", "worker"), ("sidecar", "sidecar")])
    async def test_the_environment_of_a_container_is_read(self, furnished: World, container: str, role: str) -> None:
        async with leading(furnished) as cluster:
            found = await cluster.read(Ref("Environment", "default", f"worker/{container}"))
            assert found["ROLE"] == role

    @pytest.mark.parametrize("kind", ["Secret", "ConfigMap", "Environment"])
    async def test_what_is_not_there_is_not_found(self, furnished: World, kind: str) -> None:
        async with leading(furnished) as cluster:
            with pytest.raises(NotFound):
                await cluster.read(Ref(kind, "default", "nowhere/else"))
            with pytest.raises(NotFound):
                await cluster.read(Ref(kind, "elsewhere", "password"))

    async def test_who_nobody_s_pods_are_is_not_found(self, furnished: World) -> None:
        """Where there are service accounts, of no workload; where there are none, of any."""
        async with leading(furnished) as cluster:
            with pytest.raises(NotFound):
                await cluster.read(Ref("Identity", "default", "nobody"))

    async def test_a_token_of_nobody_names_the_account(self, furnished: World) -> None:
        """Where there are service accounts, of one that is not there; where there are none, of any."""
        async with leading(furnished) as cluster:
            with pytest.raises(ClusterError, match="nobody"):
                await cluster.token("default", "nobody")

    async def test_manifests_of_our_own_kinds_are_found(self, furnished: World) -> None:
        ref = Ref("TriggerAuthentication", "default", "keys")
        await furnished.put(
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": ref.kind,
                "metadata": {"name": ref.name},
                "spec": {"secretTargetRef": []},
            }
        )
        async with leading(furnished) as cluster:
            assert (await cluster.manifest(ref)).body["spec"] == {"secretTargetRef": []}
            with pytest.raises(NotFound):
                await cluster.manifest(Ref(ref.kind, "default", "others"))

    async def test_problems_may_be_reported_of_anything(self, furnished: World) -> None:
        async with leading(furnished) as cluster:
            await cluster.report(OBJECT, ManifestError({"spec.triggers": "no triggers"}))
            await cluster.report(Ref("ScaledObject", "default", "unknown"), ManifestError({"spec": "nothing"}))

    async def test_conditions_are_taken(self, furnished: World) -> None:
        condition = Condition(ConditionType.READY, "True", "ScaledObjectReady", "ready for scaling")
        async with leading(furnished) as cluster:
            await cluster.apply(WATCHED, decision(0, conditions=(condition,)))

    async def test_the_same_source_is_offered_every_time(self, furnished: World) -> None:
        async with leading(furnished) as cluster:
            first, second = cluster.sources(), cluster.sources()
            assert dict(first) == dict(second)
            assert {hash(one) for one in first.values()} == {hash(one) for one in second.values()}

    # ---------------------------------------------------------------------------------------------------------- leading

    async def test_only_one_daemon_leads(self, furnished: World) -> None:
        leads = asyncio.Event()

        async def take_over(cluster: Cluster) -> None:
            async with cluster.leadership():
                leads.set()

        async with furnished.daemon() as first, furnished.daemon() as second, asyncio.TaskGroup() as tasks:
            async with first.leadership():
                tasks.create_task(take_over(second))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(leads.wait(), 0.1)
            await asyncio.wait_for(leads.wait(), PATIENCE)

    async def test_what_the_leader_raises_comes_out(self, furnished: World) -> None:
        async with furnished.daemon() as cluster:
            with pytest.raises(LookupError, match="mine"):
                async with cluster.leadership():
                    raise LookupError("mine")

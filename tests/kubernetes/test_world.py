"""Which collections are watched, and how what is in them is found again."""

import asyncio
from typing import Any

import msgspec
import pytest

from scaler.errors import Forbidden, NotFound
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.ownership import Workload
from scaler.kubernetes.world import Scope, World, aim_of, held_by
from scaler.manifests.kinds import SCALED_JOB, SCALED_OBJECT
from tests.kubernetes.scene import NAMESPACE, custom, hpa
from tests.kubernetes.script import Script, bookmark

WORKER = Workload("apps", "Deployment", "worker")
KEDA, EVENTING = "/apis/keda.sh/v1alpha1", "/apis/eventing.keda.sh/v1alpha1"
OURS = [
    f"{KEDA}/scaledobjects",
    f"{KEDA}/scaledjobs",
    f"{KEDA}/triggerauthentications",
    f"{KEDA}/clustertriggerauthentications",
    f"{EVENTING}/cloudeventsources",
    f"{EVENTING}/clustercloudeventsources",
]
THEIRS = [
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
]


class Asked(Script):
    """Every list is empty; of some paths it is refused. `parameters` of the first question, by path."""

    def __init__(self, *refused: str, error: Exception | None = None) -> None:
        super().__init__()
        self._refused, self._error = refused, error or NotFound("no such kind")
        self.parameters: dict[str, dict[str, str]] = {}

    def watch(self, path: str, *, within: float, **parameters: str):  # type: ignore[no-untyped-def]  # as it is there
        self.parameters.setdefault(path, parameters)
        if "sendInitialEvents" not in parameters:
            self.watches = []
        else:
            self.watches = [self._error] if path in self._refused else [[bookmark(5, last=True)]]
        return super().watch(path, within=within, **parameters)


async def asked(world: World, api: Asked) -> dict[str, str]:
    """The paths that are watched, with the label selector of each; `run` goes on for a moment."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(world.run())
        for _ in range(50):
            await asyncio.sleep(0)
        running.cancel()
    return {path: parameters.get("labelSelector", "") for path, parameters in api.parameters.items()}


# ---------------------------------------------------------------------------------------------------- what is watched


async def test_all_namespaces() -> None:
    api = Asked()
    world = World(api, Scope())
    assert world.unsynced() == f"not listed yet: {', '.join(sorted(OURS + THEIRS))}"
    assert await asked(world, api) == dict.fromkeys(OURS + THEIRS, "")
    assert world.unsynced() == ""
    await world.synced()


async def test_some_namespaces_and_selectors() -> None:
    api = Asked()
    found = await asked(World(api, Scope(("a", "b"), "team=x", "keys=y")), api)
    expected = {
        path.replace("/v1alpha1/", f"/v1alpha1/namespaces/{namespace}/"): selector
        for namespace in ("a", "b")
        for path, selector in zip(OURS, ("team=x", "team=x", "keys=y", "", "", ""), strict=True)
        if "/cluster" not in path
    }
    cluster_wide = {OURS[3]: "keys=y", OURS[5]: ""}
    others = {
        f"/apis/{group}/namespaces/{namespace}/{plural}": ""
        for namespace in ("a", "b")
        for group, plural in (
            ("autoscaling/v2", "horizontalpodautoscalers"),
            ("apps/v1", "deployments"),
            ("apps/v1", "statefulsets"),
        )
    }
    assert found == {**expected, **cluster_wide, **others}


@pytest.mark.parametrize("error", [NotFound("no such kind"), Forbidden("not yours")])
async def test_without_the_kinds_that_nobody_needs_it_is_whole(error: Exception) -> None:
    api = Asked(OURS[1], *OURS[3:], error=error)
    world = World(api, Scope())
    await asked(world, api)
    assert world.unsynced() == ""


@pytest.mark.parametrize("path", [OURS[0], OURS[2], *THEIRS])
async def test_without_the_others_it_is_not(path: str) -> None:
    api = Asked(path)
    world = World(api, Scope())
    await asked(world, api)
    assert world.unsynced() == f"not listed yet: {path}"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await world.synced()


async def test_jobs_are_watched_with_the_first_scaled_job() -> None:
    api = Asked()
    world = World(api, Scope())
    world.objects[SCALED_JOB.kind].put(custom("orders", version=9, spec={}))
    found = await asked(world, api)
    assert found.pop("/apis/batch/v1/jobs") == "scaledjob.keda.sh/name"
    assert found == dict.fromkeys(OURS + THEIRS, "")
    assert world.unsynced() == "", "nobody but a ScaledJob waits for them"


# ------------------------------------------------------------------------------------------------ what is found again


def names(world: World, found: Custom) -> list[str]:
    return [one.metadata.name for one in world.hpas_about(found)]


@pytest.fixture
def world() -> World:
    return World(Script(), Scope())


def test_hpas_on_the_target_and_those_called_like_ours(world: World) -> None:
    for one in (
        hpa("theirs"),
        hpa("another", target="else"),
        hpa("keda-hpa-orders", target="before"),
        hpa("wished", target="else"),
        hpa("was", target="else"),
        hpa("elsewhere", namespace="else"),
    ):
        world.hpas.put(one)
    config = {"horizontalPodAutoscalerConfig": {"name": "wished"}}
    found = custom(spec={"scaleTargetRef": {"name": "worker"}, "advanced": config}, status={"hpaName": "was"})
    assert names(world, found) == ["keda-hpa-orders", "theirs", "was", "wished"]
    assert names(world, custom()) == ["keda-hpa-orders", "theirs"]


def test_an_hpa_that_is_aimed_elsewhere_or_deleted_is_no_longer_on_the_target(world: World) -> None:
    world.hpas.put(hpa("theirs", version=2))
    world.hpas.put(hpa("theirs", version=3, target="else"))
    assert names(world, custom()) == []
    world.hpas.put(hpa("theirs", version=4))
    world.hpas.drop(hpa("theirs", version=5).metadata)
    assert names(world, custom()) == []


def test_the_group_matters_and_the_version_does_not(world: World) -> None:
    world.hpas.put(hpa("theirs"))
    for version, expected in (("apps/v1", ["theirs"]), ("apps/v1beta1", ["theirs"]), ("else/v1", []), ("v1", [])):
        assert names(world, custom(spec={"scaleTargetRef": {"apiVersion": version, "name": "worker"}})) == expected


def aged(name: str, day: int, **more: Any) -> Custom:
    return custom(name, creation_timestamp=f"2026-01-{day:02}T00:00:00Z", **more)


def test_the_target_belongs_to_the_object_that_was_there_first(world: World) -> None:
    objects = world.objects[SCALED_OBJECT.kind]
    for one in (aged("orders", 2), aged("bills", 1), aged("a", 2), aged("else", 1, namespace="else")):
        objects.put(one)
    assert [one.metadata.name for one in world.objects_on(NAMESPACE, WORKER)] == ["a", "bills", "orders"]
    assert world.first(aged("orders", 2)).metadata.name == "bills"
    assert world.first(aged("bills", 1)).metadata.name == "bills"
    objects.put(aged("bills", 1, version=9, deletion_timestamp="2026-02-01T00:00:00Z"))
    assert world.first(aged("orders", 2)).metadata.name == "a"


def test_the_hpa_of_a_younger_object_on_the_same_target_does_not_matter(world: World) -> None:
    for one in (aged("orders", 1), aged("bills", 2)):
        world.objects[SCALED_OBJECT.kind].put(one)
    world.hpas.put(hpa("keda-hpa-bills", owner="bills"))
    assert names(world, aged("orders", 1)) == []
    assert names(world, aged("bills", 2)) == ["keda-hpa-bills"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"scaleTargetRef": {"name": "worker"}}, WORKER),
        (
            {"scaleTargetRef": {"name": "x", "kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"}},
            Workload("argoproj.io", "Rollout", "x"),
        ),
        (
            {"scaleTargetRef": {"name": "x", "kind": "ReplicationController", "apiVersion": "v1"}},
            Workload("", "ReplicationController", "x"),
        ),
        ({"scaleTargetRef": None}, Workload("apps", "Deployment", "")),
        ({}, Workload("apps", "Deployment", "")),
    ],
)
def test_the_target_of_an_object(spec: dict[str, object], expected: Workload) -> None:
    found = custom(spec=spec)
    assert aim_of(found) == held_by(found) == expected


def test_an_object_that_is_being_deleted_holds_nothing() -> None:
    assert held_by(None) is None
    found = custom()
    meta = msgspec.structs.replace(found.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
    assert held_by(msgspec.structs.replace(found, metadata=meta)) is None


def calling(name: str, hpa: str, **more: Any) -> Custom:
    spec = {"scaleTargetRef": {"name": "x"}, "advanced": {"horizontalPodAutoscalerConfig": {"name": hpa}}}
    return custom(name, spec=spec, **more)


def test_objects_are_found_by_what_their_hpa_is_called(world: World) -> None:
    """As they call it, or as it is called by default."""
    held = world.objects[SCALED_OBJECT.kind]
    for one in (calling("a", "shared"), calling("b", "shared"), custom("orders"), calling("bills", "keda-hpa-orders")):
        held.put(one)

    def found(hpa: str, namespace: str = NAMESPACE) -> list[str]:
        return [one.metadata.name for one in world.objects_with(namespace, hpa)]

    assert found("shared") == ["a", "b"]
    assert found("keda-hpa-orders") == ["orders", "bills"]
    assert [found(hpa) for hpa in ("keda-hpa-bills", "orders", "keda-hpa-", "", "else")] == [[], [], [], [], []]
    assert found("shared", "else") == []
    held.put(calling("a", "", version=2))
    assert (found("shared"), found("keda-hpa-a")) == (["b"], ["a"])
    gone = "2026-01-01T00:00:00Z"
    held.put(calling("b", "shared", version=2, deletion_timestamp=gone))
    held.put(custom("orders", version=2, deletion_timestamp=gone))
    assert (found("shared"), found("keda-hpa-orders")) == ([], ["bills"])
    held.put(calling("orders", "keda-hpa-orders", version=3))
    assert found("keda-hpa-orders") == ["bills", "orders"]


def test_hpas_are_found_by_what_they_scale(world: World) -> None:
    for one in (hpa("a"), hpa("b"), hpa("c", target="else")):
        world.hpas.put(one)
    assert [one.metadata.name for one in world.hpas_on(NAMESPACE, WORKER)] == ["a", "b"]

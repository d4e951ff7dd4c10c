"""What speaks against a ScaledObject in its cluster, in KEDA's words; what is asked for that, and what if it cannot be
had."""

from typing import Any

import pytest

from scaler.errors import ClusterError, ManifestError, NotFound
from scaler.kubernetes.admission import LIMIT, Neighbours
from scaler.kubernetes.api import Request
from scaler.kubernetes.world import Scope, World
from scaler.manifests.admission import Finding, Findings
from scaler.manifests.kinds import SCALED_OBJECT
from scaler.manifests.scaled_object import ScaledObjectSpec
from scaler.manifests.watched import Manifest, Ref
from tests.kubernetes.fake_api import FakeApi, hanging, unreachable
from tests.kubernetes.scene import NAMESPACE, custom, hpa

pytestmark = [pytest.mark.looptime]

CRON = {"type": "cron", "metadata": {}}
CPU = {"type": "cpu", "metadata": {"value": "60"}}
MEMORY = {"type": "memory", "metadata": {"value": "60"}}
WORKLOAD = "the workload 'worker' of type 'apps/v1.Deployment'"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/worker"
LIMITS = "/api/v1/namespaces/shop/limitranges"
TARGET, HPA_NAME = "spec.scaleTargetRef", "spec.advanced.horizontalPodAutoscalerConfig.name"
ONE_CPU = {"requests": {"cpu": "1"}}


class Cluster:
    """`now` is the time; what is in it is put there by the test."""

    def __init__(self, *namespaces: str) -> None:
        self.api, self.now = FakeApi(), 0.0
        self.world = World(self.api, Scope())
        self.neighbours = Neighbours(self.api, self.world, lambda: self.now, namespaces=namespaces)

    async def told(self, *triggers: Any, dry_run: bool = False, namespace: str = NAMESPACE, **more: Any) -> Findings:
        """Of an object `orders` on the Deployment `worker`."""
        metadata = {"name": "orders", "namespace": namespace, "annotations": more.pop("annotations", {})}
        spec = {"scaleTargetRef": {"name": "worker"}, "triggers": list(triggers or (CRON,)), **more}
        manifest = Manifest(Ref("ScaledObject", namespace, "orders"), {"metadata": metadata, "spec": spec})
        return await self.neighbours.findings(manifest, ScaledObjectSpec.model_validate(spec), dry_run)

    def add(self, *objects: Any) -> None:
        for one in objects:
            self.world.objects[SCALED_OBJECT.kind].put(one)

    def scales(self, *hpas: Any) -> None:
        for one in hpas:
            self.world.hpas.put(one)

    def has(self, *containers: dict[str, Any]) -> None:
        self.api.put(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": list(containers)}}}})

    def gives(self, **limit: Any) -> None:
        """A LimitRange; a list is at the path of its collection here."""
        self.api.objects[LIMITS] = {"items": [{"spec": {"limits": [{"type": "Container", **limit}]}}]}

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.api.requests]


@pytest.fixture
async def cluster() -> Cluster:
    made = Cluster()
    made.gives()
    return made


def refused(told: Findings) -> list[tuple[str, str]]:
    """(reason, sentence) of each."""
    assert told.warnings == ()
    return [(one.reason, one.sentence) for one in told.refusals]


# ------------------------------------------------------------------------------------------------- others on the target


async def test_nothing_else_is_there(cluster: Cluster) -> None:
    cluster.add(
        custom("orders"), custom("bills", spec={"scaleTargetRef": {"name": "else"}}), custom("b", namespace="x")
    )
    cluster.scales(hpa("keda-hpa-orders", owner="orders"), hpa("far", target="else"), hpa("h", namespace="x"))
    assert await cluster.told() == Findings()
    assert cluster.asked == []


async def test_another_object_on_the_target(cluster: Cluster) -> None:
    cluster.add(custom("bills"), custom("aged"))
    cluster.scales(hpa("keda-hpa-bills", owner="bills"))
    assert refused(await cluster.told()) == [
        ("other-scaled-object", f"{WORKLOAD} is already managed by the ScaledObject 'aged'"),
        ("other-scaled-object", f"{WORKLOAD} is already managed by the ScaledObject 'bills'"),
    ]


async def test_one_that_is_being_deleted_is_none(cluster: Cluster) -> None:
    """But its HPA is there until it is gone."""
    cluster.add(custom("bills", deletion_timestamp="2026-01-01T00:00:00Z"))
    assert await cluster.told() == Findings()
    cluster.scales(hpa("keda-hpa-bills", owner="bills"))
    assert refused(await cluster.told()) == [
        ("other-hpa", f"{WORKLOAD} is already managed by the hpa 'keda-hpa-bills'")
    ]


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (custom("bills", spec={"scaleTargetRef": {"name": "x"}, "advanced": None}), "keda-hpa-bills"),
        (
            custom(
                "bills",
                spec={
                    "scaleTargetRef": {"name": "x"},
                    "advanced": {"horizontalPodAutoscalerConfig": {"name": "shared"}},
                },
            ),
            "shared",
        ),
        (
            custom(
                "bills",
                spec={
                    "scaleTargetRef": {"name": "x"},
                    "advanced": {"horizontalPodAutoscalerConfig": {"name": "keda-hpa-orders"}},
                },
            ),
            "",
        ),
    ],
)
async def test_another_object_with_the_same_hpa(cluster: Cluster, other: Any, name: str) -> None:
    cluster.add(custom("orders"), other)
    named: dict[str, Any] = {"advanced": {"horizontalPodAutoscalerConfig": {"name": name}}} if name else {}
    [finding] = (await cluster.told(**named)).refusals
    sentence = f"the HPA '{name or 'keda-hpa-orders'}' is already managed by the ScaledObject 'bills'"
    assert finding == Finding(HPA_NAME, sentence, "other-scaled-object-hpa")


async def test_another_hpa_on_the_target(cluster: Cluster) -> None:
    cluster.scales(hpa("a"), hpa("b"))
    told = await cluster.told()
    assert told.refusals == tuple(
        Finding(TARGET, f"{WORKLOAD} is already managed by the hpa '{name}'", "other-hpa") for name in "ab"
    )
    assert await cluster.told(scaleTargetRef={"name": "worker", "kind": "StatefulSet"}) == Findings()


TRANSFERS = {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}


async def test_one_that_is_to_be_taken_over_has_to_be_named(cluster: Cluster) -> None:
    cluster.scales(hpa("theirs"))
    [(reason, sentence)] = refused(await cluster.told(annotations=TRANSFERS))
    assert reason == "transfer-ownership-missing-hpa-name"
    assert sentence == (
        "the existing hpa 'theirs' for workload 'worker' of type 'apps/v1.Deployment' must be specified by name in "
        "advanced settings to enable ownership transfer"
    )
    named = {"horizontalPodAutoscalerConfig": {"name": "theirs"}}
    assert await cluster.told(annotations=TRANSFERS, advanced=named) == Findings()


DIRECT, OBSERVE = ({"event-scaler.dev/mode": mode} for mode in ("direct", "observe"))


@pytest.mark.parametrize(("annotations", "lets"), [({}, True), (DIRECT, False)])
async def test_one_that_is_tolerated(cluster: Cluster, annotations: dict[str, str], lets: bool) -> None:
    """Beside direct mode no HPA is."""
    cluster.scales(hpa("theirs", annotations={"validations.keda.sh/hpa-ownership": "false"}))
    assert (await cluster.told(annotations=annotations) == Findings()) == lets


async def test_an_object_that_only_observes_is_in_nobodys_way(cluster: Cluster) -> None:
    cluster.scales(hpa("theirs"))
    cluster.add(custom("bills"))
    assert await cluster.told(annotations=OBSERVE) == Findings()


# ---------------------------------------------------------------------------------------------------- the target's kind


async def test_a_kind_that_nobody_knows(cluster: Cluster) -> None:
    target = {"apiVersion": "example.com/v1", "kind": "Crawler", "name": "worker"}
    told = await cluster.told(scaleTargetRef=target)
    assert told == Findings((Finding(TARGET, 'no matches for kind "Crawler" in version "example.com/v1"'),))
    cluster.api.put("/apis/example.com/v1", {"resources": [{"name": "crawlers", "kind": "Crawler"}]})
    cluster.now += 60
    [doubt] = (await cluster.told(scaleTargetRef=target)).doubts
    assert doubt.sentence.endswith("Crawler of example.com/v1 has no /scale")
    assert (await cluster.told(scaleTargetRef=target)).doubts == (doubt,)
    scalable = [{"name": "crawlers", "kind": "Crawler"}, {"name": "crawlers/scale", "kind": "Scale"}]
    cluster.api.put("/apis/example.com/v1", {"resources": scalable})
    cluster.now += 60
    assert await cluster.told(scaleTargetRef=target) == Findings()
    assert await cluster.told(CPU, scaleTargetRef=target) == Findings()


@pytest.mark.parametrize("version", ["a/b/c", "../../secrets", "x" * 1_000_000])
async def test_a_version_that_is_none(cluster: Cluster, version: str) -> None:
    [refusal] = (await cluster.told(scaleTargetRef={"apiVersion": version, "name": "worker"})).refusals
    assert refusal.sentence.startswith("no matches for kind")
    assert len(refusal.sentence) < 1000


# ---------------------------------------------------------------------------------------------- what containers ask for


@pytest.mark.parametrize(
    ("containers", "triggers", "missing"),
    [
        ([{"name": "a", "resources": ONE_CPU}], [CPU], []),
        ([{"name": "a", "resources": {"limits": {"cpu": "500m"}}}], [CPU], []),
        ([{"name": "a", "resources": {"requests": {"cpu": "0"}}}], [CPU], [("a", "cpu")]),
        ([{"name": "a"}], [CPU], [("a", "cpu")]),
        ([{"name": "a"}], [CRON], []),
        ([{"name": "a"}], [CRON, CPU], [("a", "cpu")]),
        ([{"name": "a", "resources": ONE_CPU}], [MEMORY], [("a", "memory")]),
        ([{"name": "a", "resources": ONE_CPU}, {"name": "b"}], [CPU], [("b", "cpu")]),
        ([{"name": "a"}, {"name": "b"}], [CPU, MEMORY], [("a", "cpu"), ("b", "cpu"), ("a", "memory"), ("b", "memory")]),
        (
            [{"name": "a", "resources": ONE_CPU}, {"name": "b"}],
            [{**CPU, "metadata": {"value": "60", "containerName": "a"}}],
            [],
        ),
        (
            [{"name": "a", "resources": ONE_CPU}, {"name": "b"}],
            [{**CPU, "metadata": {"value": "60", "containerName": "b"}}],
            [("b", "cpu")],
        ),
    ],
)
async def test_usage_is_a_part_of_what_is_asked_for(
    cluster: Cluster, containers: list[dict[str, Any]], triggers: list[Any], missing: list[tuple[str, str]]
) -> None:
    cluster.has(*containers)
    assert refused(await cluster.told(*triggers)) == [
        (
            "missing-requests",
            f"the scaledobject has a {usage} trigger but the container {name} doesn't have the {usage} request defined",
        )
        for name, usage in missing
    ]
    expected = [DEPLOYMENT] if any(one["type"] in ("cpu", "memory") for one in triggers) else []
    assert cluster.asked == expected + [LIMITS] * bool(missing)


@pytest.mark.parametrize(
    ("limit", "given"),
    [
        ({"default": {"cpu": "1"}}, True),
        ({"defaultRequest": {"cpu": "100m"}}, True),
        ({"default": {"memory": "1Gi"}}, False),
        ({"default": {"cpu": "0"}}, False),
        ({"default": {"cpu": "nonsense"}}, False),
        ({"type": "Pod", "default": {"cpu": "1"}}, False),
    ],
)
async def test_what_a_limit_range_gives(cluster: Cluster, limit: dict[str, Any], given: bool) -> None:
    cluster.has({"name": "a"})
    cluster.gives(**limit)
    assert (await cluster.told(CPU) == Findings()) == given


async def test_a_workload_that_is_not_there_yet(cluster: Cluster) -> None:
    assert refused(await cluster.told(CPU)) == [("missing-requests", 'Deployment.apps "worker" not found')]
    assert await cluster.told(CRON) == Findings()


async def test_a_dry_run_asks_for_none_of_it(cluster: Cluster) -> None:
    """The workload may be a part of the same dry run."""
    assert await cluster.told(CPU, dry_run=True) == Findings()
    assert cluster.asked == []


async def test_a_name_does_not_lead_elsewhere(cluster: Cluster) -> None:
    assert refused(await cluster.told(CPU, scaleTargetRef={"name": "../secrets"})) == [
        ("missing-requests", 'Deployment.apps "../secrets" not found')
    ]
    assert cluster.asked == []


# --------------------------------------------------------------------------------------------- when it is not to be had


async def test_an_api_server_that_does_not_answer(cluster: Cluster) -> None:
    cluster.api.trouble = hanging
    with pytest.raises(ClusterError, match=f"within {LIMIT:g} s"):
        await cluster.told(CPU)


async def test_an_api_server_that_cannot_be_reached(cluster: Cluster) -> None:
    cluster.api.trouble = unreachable
    with pytest.raises(ClusterError, match="cannot be reached"):
        await cluster.told(CPU)
    assert await cluster.told(CRON) == Findings()


async def test_what_speaks_against_it_anyway_does(cluster: Cluster) -> None:
    cluster.api.trouble = unreachable
    cluster.scales(hpa("theirs"))
    assert [reason for reason, _ in refused(await cluster.told(CPU))] == ["other-hpa"]


async def test_what_is_not_served_is_not_looked_at() -> None:
    cluster = Cluster("shop")

    async def forbidden(request: Request) -> None:
        raise NotFound(request.path)

    cluster.api.trouble = forbidden
    assert await cluster.told(CPU, namespace="else") == Findings()
    assert (await cluster.told(CPU, namespace="shop")).refusals


async def test_metadata_that_no_api_server_sends(cluster: Cluster) -> None:
    manifest = Manifest(Ref("ScaledObject", "shop", "orders"), {"metadata": {"labels": {"a": 5}}, "spec": {}})
    spec = ScaledObjectSpec.model_validate({"scaleTargetRef": {"name": "worker"}, "triggers": [CRON]})
    with pytest.raises(ManifestError):
        await cluster.neighbours.findings(manifest, spec, False)

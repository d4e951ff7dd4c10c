"""What `kubectl apply` says of manifests that are wrong, or odd, on a real API server: with the configuration that is
installed, over TLS, by the daemon's own ServiceAccount; most of it by a replica that follows. What is never refused,
and what is let in while nobody can be asked."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from typing import Any, NamedTuple

import pytest

from tests.e2e.installation import install, settings
from tests.e2e.kube_admission import CONFIGURATION, DENIED, WEBHOOKS, Answering, apply, lead
from tests.e2e.kube_daemon import ACCOUNT, ROOT, KubeDaemon, replica
from tests.e2e.kube_objects import (
    Object,
    authentication,
    cloud_event_source,
    cpu,
    deployment,
    hpas,
    objects,
    scaled_job,
    scaled_object,
)
from tests.e2e.kube_scene import Scene
from tests.rig.control_plane import ControlPlane, Options, Said
from tests.rig.kube_client import path

NAMESPACED = ROOT / "deploy" / "overlays" / "namespaced"
CRON: dict[str, Any] = {
    "type": "cron",
    "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "2"},
}
NAMED = {**CRON, "name": "a"}
FALLBACK = {"failureThreshold": 3, "replicas": 2}
TRANSFERS = {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}
ON_WORKER = "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the"


class Webhook:
    """The one that is asked, as a test's namespace has it."""

    def __init__(self, answering: Answering, namespace: str) -> None:
        self.answering, self._namespace = answering, namespace

    async def apply(self, *manifests: Object, dry_run: bool = False) -> Said:
        return await apply(self.answering.cluster, self._namespace, *manifests, dry_run=dry_run)


@pytest.fixture(scope="module")
def answering(control_plane: ControlPlane, served: KubeDaemon) -> Iterator[Answering]:
    """Not the one that leads: that must not be asked by what comes after these tests."""
    with ExitStack() as stack:
        yield Answering(control_plane, stack)


@pytest.fixture
async def webhook(scene: Scene, answering: Answering) -> Webhook:
    await answering.ensure()
    return Webhook(answering, scene.namespace)


def hpa(name: str, target: str = "worker") -> Object:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 3}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": spec,
    }


def called(name: str) -> dict[str, Any]:
    return {"horizontalPodAutoscalerConfig": {"name": name}}


def modifiers(formula: str, target: str = "2") -> dict[str, Any]:
    return {"advanced": {"scalingModifiers": {"formula": formula, "target": target}}}


class Case(NamedTuple):
    """`before` is there when the object is applied."""

    made: Object
    says: str
    before: tuple[Object, ...] = ()


REFUSED = {
    "name-too-long": Case(scaled_object("n" * 64, CRON, advanced=called("h")), "metadata.name: must have at most 63"),
    "hpa-name-too-long": Case(scaled_object("n" * 55, CRON, advanced={}), "is 64 characters long and must be no more"),
    "incorrect-fallback": Case(
        scaled_object("worker", cpu("50"), minReplicaCount=1, fallback=FALLBACK), "spec.fallback: cpu and memory"
    ),
    "incorrect-triggers": Case(scaled_object("worker", NAMED, NAMED), "triggerName 'a' is defined multiple times"),
    "cached": Case(
        scaled_object("worker", {**CRON, "useCachedMetrics": True}),
        "property useCachedMetrics is not supported for 'cron' scaler",
    ),
    "scaling-modifiers": Case(
        scaled_object("worker", NAMED, **modifiers("a +")), "error validating formula in ScalingModifiers"
    ),
    "target": Case(
        scaled_object("worker", NAMED, **modifiers("a + 1", "none")), "error validating target in ScalingModifiers"
    ),
    "scale-to-zero": Case(
        scaled_object("worker", cpu("50")), "scaledobject has only cpu/memory triggers AND minReplica is 0"
    ),
    "other-hpa": Case(scaled_object("worker", CRON), f"{ON_WORKER} hpa 'theirs'", (hpa("theirs"),)),
    "transfer": Case(
        scaled_object("worker", CRON, annotations=TRANSFERS),
        "the existing hpa 'theirs' for workload 'worker' of type 'apps/v1.Deployment' must be specified by name",
        (hpa("theirs"),),
    ),
    "other-scaled-object": Case(
        scaled_object("second", CRON, target="worker"),
        f"{ON_WORKER} ScaledObject 'first'",
        (scaled_object("first", CRON, target="worker"),),
    ),
    "other-scaled-object-hpa": Case(
        scaled_object("second", CRON, advanced=called("keda-hpa-first")),
        "the HPA 'keda-hpa-first' is already managed by the ScaledObject 'first'",
        (scaled_object("first", CRON),),
    ),
    "missing-requests": Case(
        scaled_object("worker", cpu("50"), minReplicaCount=1),
        "the scaledobject has a cpu trigger but the container main doesn't have the cpu request defined",
        (deployment("worker"),),
    ),
    "no-workload": Case(scaled_object("worker", cpu("50"), minReplicaCount=1), 'Deployment.apps "worker" not found'),
    "kind": Case(
        scaled_object("worker", CRON, scaleTargetRef={"apiVersion": "example.com/v1", "kind": "Nothing", "name": "x"}),
        'no matches for kind "Nothing" in version "example.com/v1"',
    ),
    "too-many": Case(
        scaled_object("worker", *[CRON] * 501), "501 triggers are more than the 500 that one object may have"
    ),
}

WARNED = {
    "type": Case(scaled_object("worker", {"type": "kafkaa", "metadata": {}}), "spec.triggers[0].type: "),
    "metadata": Case(
        scaled_object("worker", {**CRON, "metadata": {**CRON["metadata"], "end": "never"}}),
        "spec.triggers[0].metadata.end: ",
    ),
    "unknown": Case(
        scaled_object("worker", {**CRON, "metadata": {**CRON["metadata"], "strat": "x"}}),
        "spec.triggers[0].metadata.strat: is not known here, did you mean start?",
    ),
    "homoglyph": Case(
        scaled_object("worker", {**CRON, "metadata": {**CRON["metadata"], "st\u0430rt": "x"}}),
        "st\\u0430rt: is not known here, did you mean start?",
    ),
    "polling": Case(scaled_object("worker", CRON, minReplicaCount=1), "spec.pollingInterval: has no effect on scaling"),
    "cooldown": Case(scaled_object("worker", CRON, minReplicaCount=1), "spec.cooldownPeriod: has no effect"),
    "no-scale": Case(
        scaled_object("worker", CRON, scaleTargetRef={"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}),
        "ConfigMap of v1 has no /scale",
    ),
    "annotation": Case(
        scaled_object("worker", CRON, annotations={"autoscaling.keda.sh/paused-replicas": "five"}),
        "paused-replicas: must be a whole number",
    ),
}

OTHER_KINDS = {
    "ScaledJob": (
        {**scaled_job("jobs"), "spec": {**scaled_job("jobs")["spec"], "triggers": [NAMED, NAMED]}},
        "triggerName 'a' is defined multiple times",
    ),
    "TriggerAuthentication": (
        authentication("auth", oauth2={"type": "password", "clientId": "a", "tokenUrl": "https://a"}),
        "spec.oauth2",
    ),
    "ClusterTriggerAuthentication": (
        authentication("auth", cluster=True, podIdentity={"provider": "aws", "externalID": "x"}),
        "podIdentity",
    ),
    "CloudEventSource": (cloud_event_source("events"), "eventSubscription"),
    "ClusterCloudEventSource": (cloud_event_source("events", cluster=True), "eventSubscription"),
}
BOTH = {
    "includedEventTypes": ["keda.scaledobject.ready.v1"],
    "excludedEventTypes": ["keda.scaledobject.failed.v1"],
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
async def test_refused(scene: Scene, webhook: Webhook, case: Case) -> None:
    for one in case.before:
        await scene.add(one)
    said = await webhook.apply(case.made)
    while case.before and DENIED not in said.err:  # what is there is watched, and a moment later known
        await scene.kube.delete(objects(scene.namespace, case.made["metadata"]["name"]))
        said = await webhook.apply(case.made)
    assert 'admission webhook "vscaledobject.kb.io" denied the request: ' in said.err
    assert case.says in said.err
    assert await scene.kube.find(objects(scene.namespace, case.made["metadata"]["name"])) is None


@pytest.mark.parametrize("case", WARNED.values(), ids=WARNED.keys())
async def test_let_in_with_a_warning(scene: Scene, webhook: Webhook, case: Case) -> None:
    said = await webhook.apply(case.made)
    assert said.code == 0, said.err
    [warning] = [line for line in said.err.splitlines() if case.says in line]
    assert warning.startswith("Warning: ")


@pytest.mark.parametrize("kind", OTHER_KINDS)
async def test_other_kinds(scene: Scene, webhook: Webhook, kind: str) -> None:
    """Some by the definitions' own rules, before anybody is asked."""
    made, says = OTHER_KINDS[kind]
    if kind.endswith("EventSource"):
        made = {**made, "spec": {**made["spec"], "eventSubscription": BOTH}}
    said = await webhook.apply(made)
    assert said.code != 0
    assert says in said.err


async def test_everything_at_once(scene: Scene, webhook: Webhook) -> None:
    await scene.add(hpa("theirs"))
    await scene.kube.until(hpas(scene.namespace, "theirs"), lambda _: True)
    made = scaled_object("w" * 60, NAMED, {"type": "kafkaa", "metadata": {}}, NAMED, target="worker", advanced={})
    said = await webhook.apply(made)
    for part in ("hpa-", "multiple times", "spec.triggers[1].type"):
        assert part in said.err


async def test_a_dry_run_does_not_ask_for_the_workload(webhook: Webhook) -> None:
    made = scaled_object("worker", cpu("50"), minReplicaCount=1)
    assert (await webhook.apply(made, dry_run=True)).code == 0
    assert (await webhook.apply(made)).code != 0


async def test_what_a_limit_range_gives_is_enough(scene: Scene, webhook: Webhook) -> None:
    limits = {"limits": [{"type": "Container", "default": {"cpu": "500m"}}]}
    kind = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "all"}, "spec": limits}
    await scene.kube.create(path("v1", "limitranges", scene.namespace), kind)
    await scene.add(deployment("worker"))
    said = await webhook.apply(scaled_object("worker", cpu("50"), minReplicaCount=1))
    assert said.code == 0, said.err
    refused = [one for one in scene.cluster.audit(scene.begun, user=ACCOUNT) if one.code == 403]
    assert [one for one in refused if scene.namespace in one.uri] == []


async def test_what_was_let_in_is_never_refused(scene: Scene, webhook: Webhook) -> None:
    """While nobody can be asked it is let in; afterwards all of it but the spec may be written, and it may go."""
    await scene.add(deployment("worker"))
    await scene.add(hpa("theirs"))
    await webhook.answering.stop()
    said = await webhook.apply(scaled_object("worker", CRON))
    assert said.code == 0, said.err
    await webhook.answering.ensure()
    where = objects(scene.namespace, "worker")
    await scene.told("worker", "Ready", "False", says="already managed by the hpa 'theirs'")
    await scene.annotate("worker", {"a": "b"})
    await scene.kube.patch(where, {"metadata": {"labels": {"a": "b"}}})
    await scene.kube.patch(where, {"metadata": {"finalizers": ["example.com/waits"]}})
    said = await webhook.apply(scaled_object("worker", CRON, maxReplicaCount=7))
    assert f"{ON_WORKER} hpa 'theirs'" in said.err
    await scene.kube.delete(where)
    await scene.kube.until(where, lambda found: "deletionTimestamp" in found["metadata"])
    await scene.kube.patch(where, {"metadata": {"finalizers": None}})
    await scene.kube.gone(where)


async def test_failing_closed_is_the_configurations_to_say(scene: Scene, webhook: Webhook) -> None:
    await webhook.answering.stop()
    async with failing_closed(scene.cluster):
        said = await scene.daemon.until(lambda: _failing(webhook), "nothing is let in")
        assert 'failed calling webhook "vscaledobject.kb.io"' in said


@asynccontextmanager
async def failing_closed(cluster: ControlPlane) -> AsyncIterator[None]:
    """For ScaledObjects, as the guide says."""

    async def patch(policy: str) -> None:
        step = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": policy}]
        what = ("validatingwebhookconfiguration", CONFIGURATION)
        said = await cluster.kubectl("patch", *what, "--type=json", "-p", json.dumps(step))
        assert said.code == 0, said.err

    await patch("Fail")
    try:
        yield
    finally:
        await patch("Ignore")


async def _failing(webhook: Webhook) -> str:
    said = await webhook.apply(scaled_object("worker", CRON), dry_run=True)
    return said.err if said.code else ""


async def test_strictly_where_it_is_told_to_and_counted(scene: Scene, answering: Answering) -> None:
    unknown = scaled_object("worker", {"type": "kafkaa", "metadata": {}})
    await scene.add(scaled_object("first", CRON, target="worker"))
    await answering.ensure(STRICT_ADMISSION="true")
    assert "leading lease=" not in answering.daemon.said(), "it follows"
    said = await apply(scene.cluster, scene.namespace, unknown)
    assert "spec.triggers[0].type: " in said.err
    assert f"{ON_WORKER} ScaledObject 'first'" in said.err
    labels = {"namespace": scene.namespace, "action": "create"}
    counted = "keda_webhook_scaled_object_validation_errors_total"
    assert await answering.daemon.metric(counted, **labels, reason="other-scaled-object")
    assert await answering.daemon.metric("keda_webhook_scaled_object_validations_total", **labels)


async def test_confined_the_one_that_leads_is_asked_about_what_is_served(
    control_planes: Callable[[Options], AbstractContextManager[ControlPlane]],
) -> None:
    wrong = scaled_object("worker", cpu("50"))
    with control_planes(Options()) as cluster:
        async with cluster.client() as kube:
            for name in ("billing", "shop", "other"):
                await kube.create("/api/v1/namespaces", {"metadata": {"name": name}})
        account, given = await install(cluster, NAMESPACED), await settings(cluster, NAMESPACED)
        with replica(cluster, account, **given) as daemon:
            await daemon.lead()
            await lead(cluster, daemon, "shop")
            assert DENIED in (await apply(cluster, "billing", wrong)).err
            assert (await apply(cluster, "other", wrong)).code == 0


async def test_the_authority_is_put_into_the_configuration(scene: Scene) -> None:
    found = await scene.kube.until(
        WEBHOOKS, lambda one: all(hook["clientConfig"].get("caBundle") for hook in one["webhooks"])
    )
    assert len({hook["clientConfig"]["caBundle"] for hook in found["webhooks"]}) == 1
    assert len(found["webhooks"]) == 6

"""From KEDA to us and back, by the steps of docs/migrating-from-keda.md: nothing moves, nothing is made anew."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e import keda_leftovers as keda
from tests.e2e.installation import install
from tests.e2e.kube_daemon import API_SERVICE, ROOT, KubeDaemon, replica
from tests.e2e.kube_objects import (
    Object,
    authentication,
    cloud_event_source,
    condition,
    deployments,
    events,
    hpas,
    number,
    objects,
    place,
    scaled_job,
    scaled_object,
)
from tests.e2e.kube_replicas import is_write
from tests.e2e.servers import Numbers, numbers
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kube_client import KubeClient

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

Planes = Callable[[Options], AbstractContextManager[ControlPlane]]
OVERLAY = ROOT / "deploy" / "overlays" / "in-keda-namespace"
NAMESPACE = "shop"
ACCOUNT = "system:serviceaccount:keda:event-scaler"
RESTORE = "event-scaler.dev/restore"
TO = f"{keda.NAMESPACE}/{keda.METRICS_SERVICE}"
PATIENCE = 60.0


@dataclass
class Place:
    cluster: ControlPlane
    kube: KubeClient
    source: Numbers

    async def call(self, *arguments: str) -> tuple[int, str, str]:
        """`scaler …` as an administrator with a kubeconfig."""
        given = ["-m", "scaler", *arguments, "--kubeconfig", str(self.cluster.kubeconfig())]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def check(self) -> tuple[int, dict[str, list[Object]]]:
        """The exit code and the findings by severity."""
        code, out, err = await self.call("adopt", "--check", "--output", "json")
        assert not err, err
        answer = json.loads(out)
        assert answer["ready"] == (code == 0)
        return code, {
            severity: [one for one in answer["findings"] if one["severity"] == severity]
            for severity in ("problem", "warning", "note")
        }

    async def picture(self) -> dict[str, Any]:
        """Replicas, how often each Deployment was changed, which HPAs there are, and who was told of what."""
        workloads = (await self.kube.get(deployments(NAMESPACE)))["items"]
        scalers = (await self.kube.get(hpas(NAMESPACE)))["items"]
        told = (await self.kube.get(events(NAMESPACE)))["items"]
        return {
            "replicas": {one["metadata"]["name"]: one["spec"].get("replicas", 0) for one in workloads},
            "changes": {one["metadata"]["name"]: one["metadata"]["generation"] for one in workloads},
            "hpas": {one["metadata"]["name"]: (one["metadata"]["uid"], one["spec"]) for one in scalers},
            "labels": {one["metadata"]["name"]: one["metadata"]["labels"] for one in scalers},
            "events": {one["metadata"]["name"]: one for one in told if one["regarding"]["kind"] == "ScaledObject"},
        }

    async def found(self) -> dict[str, Object]:
        return {one["metadata"]["name"]: one for one in (await self.kube.get(objects(NAMESPACE)))["items"]}

    def writes(self, since: int, part: str = "") -> list[str]:
        """The daemon's own."""
        asked = self.cluster.audit(since, user=ACCOUNT)
        return [f"{one.verb} {one.uri}" for one in asked if is_write(one) and part in one.uri]


@pytest.fixture(scope="module")
def plane(control_planes: Planes) -> Iterator[ControlPlane]:
    with control_planes(Options()) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(plane: ControlPlane) -> AsyncIterator[Place]:
    async with plane.client() as kube, numbers() as source:
        await keda.install(plane, kube)
        await kube.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        source.answers.update(keda.ANSWERS)
        yield Place(plane, kube, source)


async def test_what_stands_in_the_way(ground: Place) -> None:
    """Everything at once, each with what to do about it; and nothing is written."""
    kube = ground.kube
    await kube.create(keda.WEBHOOKS, keda.admission("Ignore"))
    await kube.create("/api/v1/namespaces", {"metadata": {"name": "odd"}})
    trigger = number(f"{ground.source.url}/odd")
    secrets = [{"parameter": "password", "key": "password", "path": "kv/odd"}]
    vault = {"address": "http://vault", "authentication": "token", "secrets": secrets}
    made = [
        scaled_object("fought", trigger),
        scaled_object("second", trigger, target="fought"),
        scaled_object("strange", {"type": "no-such-thing", "metadata": {}}),
        scaled_object("orphan", {**trigger, "authenticationRef": {"name": "nowhere"}}),
        scaled_job("batch"),
        cloud_event_source("source"),
        authentication("vault", hashiCorpVault=vault),
    ]
    for manifest in made:
        await kube.create(place(manifest, "odd"), manifest)
        if manifest["metadata"]["name"] == "fought":
            await asyncio.sleep(1.1)  # who was there first is told by whole seconds
    await kube.create(hpas("odd"), foreign("theirs", "fought"))
    async with keda.leading(kube):
        since = ground.cluster.mark()
        code, told = await ground.check()
        text = await ground.call("adopt", "--check")
    problems = {one["about"]: (one["sentence"], one["remedy"]) for one in told["problem"]}
    assert code == text[0] == 2
    assert set(problems) == {
        "Lease keda/operator.keda.sh",
        "Helm release keda/keda",
        "ValidatingWebhookConfiguration keda-admission",
        "ScaledObject odd/fought",
        "ScaledObject odd/second",
        "ScaledObject odd/strange",
        "ScaledObject odd/orphan",
        "ScaledJob odd/batch",
        "CloudEventSource odd/source",
        "TriggerAuthentication odd/vault",
    }
    assert problems["Lease keda/operator.keda.sh"] == (
        f"{keda.HOLDER} leads by it: a KEDA scales this cluster",
        "kubectl -n keda scale deployment keda-operator --replicas 0",
    )
    assert all(name in problems["Helm release keda/keda"][0] for name in keda.NAMES)
    assert "crds.additionalAnnotations" in problems["Helm release keda/keda"][1]
    assert problems["ValidatingWebhookConfiguration keda-admission"][1] == (
        "kubectl delete validatingwebhookconfiguration keda-admission"
    )
    assert "by the hpa 'theirs'" in problems["ScaledObject odd/fought"][0]
    assert problems["ScaledObject odd/strange"][0].startswith("spec.triggers[0].type: ")
    assert problems["TriggerAuthentication odd/vault"][0] == "spec.hashiCorpVault: is not supported by this version"
    [_, kedas] = [one for one in told["warning"] + told["note"] if one["about"].startswith("APIService")]
    assert "SCALER_TAKE_OVER_METRICS_API" in kedas["sentence"]
    assert text[1].splitlines()[-1] == f"not ready: {len(told['problem'])} problems"
    admin = [one for one in ground.cluster.audit(since) if one.user == "admin" and "/leases/" not in one.uri]
    assert not [one for one in admin if is_write(one)]
    await _tidy(kube, made)


async def _tidy(kube: KubeClient, made: list[Object]) -> None:
    for manifest in made:
        await kube.delete(f"{place(manifest, 'odd')}/{manifest['metadata']['name']}")
    await kube.delete(hpas("odd", "theirs"))
    await kube.delete(f"{keda.WEBHOOKS}/keda-admission")


def foreign(name: str, target: str) -> Object:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, "maxReplicas": 9}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec}


async def test_there_and_back(ground: Place) -> None:
    left = keda.crowd(ground.source.url)
    await _left_by_keda(ground, left)
    async with keda.leading(ground.kube) as operator:
        await _kept(ground)
        kubeconfig = await install(ground.cluster, OVERLAY, namespace=keda.NAMESPACE)
        settings = {"NAMESPACE": keda.NAMESPACE, "TAKE_OVER_METRICS_API": "true"}
        with replica(ground.cluster, kubeconfig, **settings) as daemon:
            await daemon.start()
            before, since = await ground.picture(), ground.cluster.mark()
            await _waits(ground, daemon)
            await operator.stop()
            await _taken_over(ground, daemon, left)
            await _nothing_moved(ground, before, left, since)
            code, _, err = await ground.call("release", "--to", TO)
            assert (code, "event-scaler-0" in err, "stop it first" in err) == (2, True, True)
            await daemon.stop()
        with replica(ground.cluster, kubeconfig, name="event-scaler-1", **settings) as daemon:
            await keda.uninstall(ground.kube)
            await daemon.lead()
            await ground.kube.until(API_SERVICE, _is_available, patience=PATIENCE)
            await daemon.stop()
    await _given_back(ground, left)


async def _left_by_keda(ground: Place, left: dict[str, keda.Left]) -> None:
    """Everything is as its numbers want it to be, and has been for a while."""
    kube = ground.kube
    for one in left.values():
        await keda.put(kube, NAMESPACE, one)
    users = {"scaledobjects": "active"}
    await keda.put_other(kube, NAMESPACE, authentication("unused"), {"scaledobjects": ""})
    await keda.put_other(kube, NAMESPACE, authentication("everywhere", cluster=True), users)
    await keda.put_other(kube, NAMESPACE, scaled_job("batch"))
    await keda.put_other(kube, NAMESPACE, cloud_event_source("source"))
    await keda.put_other(kube, NAMESPACE, cloud_event_source("source", cluster=True))
    for one in left.values():
        await kube.until(deployments(NAMESPACE, one.name), partial(_has, one.replicas), patience=PATIENCE)


def _has(ready: int, found: Object) -> bool:
    return bool(found["status"].get("readyReplicas", 0) == ready)


async def _kept(ground: Place) -> None:
    """Helm is told to keep the definitions; what is left is that a KEDA leads, and what we do not run."""
    await keda.kept_by_helm(ground.kube)
    code, told = await ground.check()
    about = {one["about"] for one in told["problem"]}
    assert code == 2
    assert about == {
        "Lease keda/operator.keda.sh",
        "ScaledJob shop/batch",
        "CloudEventSource shop/source",
        "ClusterCloudEventSource source",
    }


async def _waits(ground: Place, daemon: KubeDaemon) -> None:
    """As long as a KEDA leads, nothing is asked and nothing written."""
    since = ground.cluster.mark()
    await daemon.held(lambda: not ground.source.asked, "it waits for its turn", 3.0)
    assert not ground.writes(since)


async def _taken_over(ground: Place, daemon: KubeDaemon, left: dict[str, keda.Left]) -> None:
    """It leads, has looked at everything several times, and HPAs have read its metrics."""
    await daemon.until(lambda: "leading lease=" in daemon.said(), "the daemon leads", PATIENCE)
    polled = [one.name for one in left.values() if not one.paused]
    await daemon.until(lambda: all(ground.source.asked[name] >= 3 for name in polled), "all are asked for", PATIENCE)
    for name in ("active", "falling", "happy", "restoring"):
        await ground.kube.until(hpas(NAMESPACE, f"keda-hpa-{name}"), _is_reading, patience=PATIENCE)
    freed = [objects(NAMESPACE, name) for name in left]
    kinds = [authentication("unused"), authentication("everywhere", cluster=True), scaled_job("batch")]
    kinds += [cloud_event_source("source"), cloud_event_source("source", cluster=True)]
    freed += [f"{place(one, NAMESPACE)}/{one['metadata']['name']}" for one in kinds]
    for where in freed:
        await ground.kube.until(where, _is_free, patience=PATIENCE)
    await ground.kube.until(objects(NAMESPACE, "restoring"), lambda one: one["metadata"]["finalizers"] == [RESTORE])
    for name in ("active", "falling", "happy", "restoring"):
        await ground.kube.until(
            objects(NAMESPACE, name), lambda one: condition(one, "HPAActive")[0] == "True", patience=PATIENCE
        )


def _is_reading(hpa: Object) -> bool:
    return condition(hpa, "ScalingActive")[0] == "True"


def _is_free(found: Object) -> bool:
    return keda.FINALIZER not in found["metadata"].get("finalizers", ())


def _is_available(found: Object) -> bool:
    return condition(found, "Available")[0] == "True"


async def _nothing_moved(ground: Place, before: dict[str, Any], left: dict[str, keda.Left], since: int) -> None:
    after = await ground.picture()
    assert after["replicas"] == before["replicas"] == {one.name: one.replicas for one in left.values()}
    assert after["changes"] == before["changes"]
    assert after["hpas"] == before["hpas"]
    assert after["labels"] == before["labels"]
    assert not ground.writes(since, "/horizontalpodautoscalers")
    assert not [one for one in ground.writes(since) if one.endswith("/scale")]
    new = [one for name, one in after["events"].items() if name not in before["events"]]
    told = {(one["regarding"]["name"], one["note"]) for one in new}
    assert told <= {("asleep", "Scaler metrics-api is built")}  # which KEDA, as it was always paused, never did
    assert len(new) == len(told)
    for name, found in (await ground.found()).items():
        _only_completed(left[name], found)
        statuses = ground.writes(since, f"/scaledobjects/{name}/status")
        assert len(statuses) <= 3, statuses


def _only_completed(left: keda.Left, found: Object) -> None:
    """What KEDA wrote still stands; empty words may be filled, and what was unknown may be known."""
    status = dict(found["status"])
    told, now = keda.flat(left.status["conditions"]), keda.flat(status.pop("conditions"))
    for type_, one in told.items():
        said = {name: value for name, value in one.items() if value and one["status"] != "Unknown"}
        assert {name: now[type_][name] for name in said} == said, left.name
    wrote = {name: value for name, value in left.status.items() if name != "conditions"}
    assert {name: status.get(name) for name in wrote} == wrote, left.name


async def _given_back(ground: Place, left: dict[str, keda.Left]) -> None:
    """KEDA is there again, and not started; then the cluster is its."""
    kube, active = ground.kube, {"active", "falling", "happy", "restoring"}
    await keda.services(kube, keda.METRICS_SERVICE)
    before, since = await ground.picture(), ground.cluster.mark()
    code, out, _ = await ground.call("release", "--to", TO, "--dry-run", "--output", "json")
    planned = json.loads(out)
    assert (code, planned["dryRun"]) == (0, True)
    assert not [one for one in ground.cluster.audit(since) if one.user == "admin" and is_write(one)]
    begun = keda.moment(keda.stamp())
    old = await ground.found()
    later = begun + 3600 * 24
    assert all(keda.would_rest(old[name], later) for name in active)
    code, out, err = await ground.call("release", "--to", TO)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == len(planned["written"]) + len(planned["remarks"])
    found = await ground.found()
    for name, one in found.items():
        stamped, was = one["status"].get("lastActiveTime"), old[name]["status"].get("lastActiveTime")
        assert (keda.moment(stamped) >= begun) if name in active else (stamped == was), name
        assert not one["metadata"].get("finalizers"), name
    after = await ground.picture()
    assert {**after, "events": None} == {**before, "events": None}
    spec = (await kube.get(API_SERVICE))["spec"]
    assert (spec["service"]["name"], "caBundle" in spec) == (keda.METRICS_SERVICE, False)
    assert not (await kube.get(keda.LEASE))["spec"]["holderIdentity"]
    again = json.loads((await ground.call("release", "--to", TO, "--output", "json"))[1])
    assert [one["about"] for one in again["written"] if one["about"].startswith("APIService")] == []

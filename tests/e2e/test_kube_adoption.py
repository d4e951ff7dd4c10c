"""From KEDA to us and back, by the steps of docs/migrating-from-keda.md: nothing moves, nothing is made anew."""

import asyncio
import json
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e import keda_leftovers as keda
from tests.e2e.installation import install
from tests.e2e.installation import settings as given
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
PATIENCE = 60.0


@dataclass
class Place:
    cluster: ControlPlane
    kube: KubeClient
    source: Numbers
    helm: keda.Helm

    async def kubectl(self, command: str) -> None:
        """As it stands in a finding or in the documentation."""
        program, *arguments = shlex.split(command)
        done = await self.cluster.kubectl(*arguments)
        assert (program, done.code) == ("kubectl", 0), done.err

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
async def ground(plane: ControlPlane, helm: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A cluster with a KEDA that Helm has installed."""
    async with plane.client() as kube, numbers() as source:
        release = keda.Helm(helm, plane, tmp_path_factory.mktemp("keda") / "chart")
        await release.install()
        await keda.trusted(kube)
        await kube.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        source.answers.update(keda.ANSWERS)
        yield Place(plane, kube, source, release)


@asynccontextmanager
async def odd(ground: Place) -> AsyncIterator[None]:
    """A namespace `odd`, in which everything is there that stands in the way."""
    kube, trigger = ground.kube, number(f"{ground.source.url}/odd")
    made = [
        scaled_object("first", trigger),
        scaled_object("second", trigger, target="first"),
        scaled_object("strange", {"type": "no-such-thing", "metadata": {}}),
        scaled_object("orphan", {**trigger, "authenticationRef": {"name": "nowhere"}}),
        scaled_job("batch", {"type": "cpu", "metadata": {"value": "60"}}),
        authentication("file", filePath="/mnt/password"),
        foreign("theirs", "first"),
    ]
    await kube.create("/api/v1/namespaces", {"metadata": {"name": "odd"}})
    try:
        for manifest in made:
            await kube.create(place(manifest, "odd"), manifest)
            if manifest["metadata"]["name"] == "first":
                await asyncio.sleep(1.1)  # who was there first is told by whole seconds
        yield
    finally:
        for manifest in made:
            await kube.delete(f"{place(manifest, 'odd')}/{manifest['metadata']['name']}")


def foreign(name: str, target: str) -> Object:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, "maxReplicas": 9}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec}


async def test_what_stands_in_the_way(ground: Place) -> None:
    """Everything at once, each with what to do about it; and nothing is written."""
    async with odd(ground), keda.leading(ground.cluster):
        since = ground.cluster.mark()
        code, told = await ground.check()
        text = await ground.call("adopt", "--check")
        assert not _writes_of_admin(ground, since)
    problems = {one["about"]: (one["sentence"], one["remedy"]) for one in told["problem"]}
    assert code == text[0] == 2
    assert set(problems) == {
        "Lease keda/operator.keda.sh",
        "Helm release keda/keda",
        "ValidatingWebhookConfiguration keda-admission",
        "ScaledObject odd/first",
        "ScaledObject odd/second",
        "ScaledObject odd/strange",
        "ScaledObject odd/orphan",
        "ScaledJob odd/batch",
        "TriggerAuthentication odd/file",
    }
    assert text[1].splitlines()[-1] == f"not ready: {len(told['problem'])} problems"
    _say_what_to_do(problems)
    [taken, kedas] = [one for one in told["warning"] + told["note"] if one["about"].startswith("APIService")]
    assert "`helm uninstall keda` deletes it" in taken["sentence"]
    assert "SCALER_TAKE_OVER_METRICS_API" in kedas["sentence"]


def _say_what_to_do(problems: dict[str, tuple[str, str]]) -> None:
    assert problems["Lease keda/operator.keda.sh"] == (
        f"{keda.HOLDER} leads by it: a KEDA scales this cluster",
        "kubectl -n keda scale deployment keda-operator --replicas 0",
    )
    assert all(name in problems["Helm release keda/keda"][0] for name in keda.NAMES)
    assert problems["ValidatingWebhookConfiguration keda-admission"] == (
        "its Service keda/keda-admission-webhooks has nobody behind it: every write of one asks there in vain",
        "kubectl delete validatingwebhookconfiguration keda-admission",
    )
    assert "by the hpa 'theirs'" in problems["ScaledObject odd/first"][0]
    assert problems["ScaledObject odd/strange"][0].startswith("spec.triggers[0].type: ")
    sentence = "spec.filePath: filePath is only supported for ClusterTriggerAuthentication"
    assert problems["TriggerAuthentication odd/file"][0] == sentence


async def test_there_and_back(ground: Place) -> None:
    left = keda.crowd(ground.source.url)
    await _left_by_keda(ground, left)
    async with keda.leading(ground.cluster) as operator:
        await _kept(ground)
        kubeconfig = await install(ground.cluster, OVERLAY, namespace=keda.NAMESPACE)
        settings = {**await given(ground.cluster, OVERLAY), "NAMESPACE": keda.NAMESPACE}
        with replica(ground.cluster, kubeconfig, name="event-scaler-0", **settings) as daemon:
            await daemon.start()
            before, since = await ground.picture(), ground.cluster.mark()
            await _waits(ground, daemon)
            assert not any(await _believed(ground))
            await ground.kubectl("kubectl -n keda scale deployment keda-operator --replicas 0")
            await operator.stop()
            await _taken_over(ground, daemon, left)
            assert all(await _believed(ground))
            await ground.kubectl("kubectl delete validatingwebhookconfiguration keda-admission")
            await _nothing_moved(ground, before, left, since)
            await _refuses_to_release(ground)
            await daemon.stop()
    await _given_back(ground, "--to", f"{keda.NAMESPACE}/{keda.METRICS_SERVICE}")
    spec = (await ground.kube.get(API_SERVICE))["spec"]
    assert (spec["service"]["name"], "caBundle" in spec) == (keda.METRICS_SERVICE, False)
    with replica(ground.cluster, kubeconfig, name="event-scaler-1", **settings) as daemon:
        await _without_keda(ground, daemon, left)
    await _given_back(ground)
    assert await ground.kube.find(API_SERVICE) is None
    await ground.helm.install()
    assert (await ground.kube.get(API_SERVICE))["spec"]["service"]["name"] == keda.METRICS_SERVICE
    assert set(await ground.found()) == set(left)


async def _believed(ground: Place) -> list[bool]:
    """For each of our webhooks, whether the API server knows by whom its answers are signed."""
    found = await ground.kube.get(f"{keda.WEBHOOKS}/event-scaler-admission")
    return ["caBundle" in hook["clientConfig"] for hook in found["webhooks"]]


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
    """Helm is told to keep the definitions, as the finding says."""
    _, told = await ground.check()
    [remedy] = [one["remedy"] for one in told["problem"] if one["about"] == "Helm release keda/keda"]
    told_helm = shlex.split(
        remedy.replace("kedacore/keda", str(ground.helm.chart)).replace("THE-SAME-VERSION", keda.VERSION)
    )
    assert told_helm[0] == "helm"
    await ground.helm(*told_helm[1:])
    code, told = await ground.check()
    assert code == 2
    assert {one["about"] for one in told["problem"]} == {
        "Lease keda/operator.keda.sh",
        "ValidatingWebhookConfiguration keda-admission",
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
        assert len(statuses) <= 4, statuses


def _only_completed(left: keda.Left, found: Object) -> None:
    """What KEDA wrote still stands; empty words may be filled, and what was unknown may be known."""
    status = dict(found["status"])
    told, now = keda.flat(left.status["conditions"]), keda.flat(status.pop("conditions"))
    for type_, one in told.items():
        said = {name: value for name, value in one.items() if value and one["status"] != "Unknown"}
        assert {name: now[type_][name] for name in said} == said, left.name
    wrote = {name: value for name, value in left.status.items() if name != "conditions"}
    assert {name: status.get(name) for name in wrote} == wrote, left.name


async def _refuses_to_release(ground: Place) -> None:
    since = ground.cluster.mark()
    code, out, err = await ground.call("release")
    assert (code, out) == (2, "")
    assert "event-scaler-0" in err
    assert "stop it first: kubectl -n keda scale deployment event-scaler --replicas 0" in err
    assert not _writes_of_admin(ground, since)


async def _without_keda(ground: Place, daemon: KubeDaemon, left: dict[str, keda.Left]) -> None:
    """Taken over a second time; then KEDA goes, and nothing goes with it but the APIService, which a leader makes."""
    await daemon.lead()
    await ground.kube.until(API_SERVICE, _is_available, patience=PATIENCE)
    kept = await ground.found()
    await ground.helm.uninstall()
    assert {name: one["metadata"]["uid"] for name, one in (await ground.found()).items()} == {
        name: one["metadata"]["uid"] for name, one in kept.items()
    }
    assert set(kept) == set(left)
    await daemon.stop()
    await daemon.lead()
    await ground.kube.until(API_SERVICE, _is_available, patience=PATIENCE)
    await daemon.stop()


async def _given_back(ground: Place, *to: str) -> None:
    """Told first, then done: active objects are active as of now, everything else is as it was."""
    active = {"active", "falling", "happy", "restoring"}
    old, before, since = await ground.found(), await ground.picture(), ground.cluster.mark()
    code, out, _ = await ground.call("release", *to, "--dry-run", "--output", "json")
    planned = json.loads(out)
    assert (code, planned["dryRun"], _writes_of_admin(ground, since)) == (0, True, [])
    begun = keda.moment(keda.stamp())
    assert not any(keda.would_rest(old[name], begun) for name in active)
    assert all(keda.would_rest(old[name], begun + 301) for name in active)
    code, out, err = await ground.call("release", *to)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == len(planned["written"]) + len(planned["remarks"])
    for name, one in (await ground.found()).items():
        stamped, was = one["status"].get("lastActiveTime"), old[name]["status"].get("lastActiveTime")
        assert (keda.moment(stamped) >= begun) if name in active else (stamped == was), name
        assert not one["metadata"].get("finalizers"), name
    assert await ground.picture() == before
    assert not (await ground.kube.get(keda.LEASE))["spec"]["holderIdentity"]


def _writes_of_admin(ground: Place, since: int) -> list[str]:
    asked = ground.cluster.audit(since)
    return [f"{one.verb} {one.uri}" for one in asked if one.user == "admin" and is_write(one)]

"""The control plane starts, does what a cluster's does, comes back after a fall, and leaves nothing behind."""

import asyncio
import base64
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature

import tests.rig.control_plane
from tests.rig.cache import Unavailable
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kube_build import ASSETS, KUBERNETES, RECIPES, fetch
from tests.rig.kube_client import JSON_PATCH, MOMENT, KubeClient, KubeError, connect, path
from tests.rig.kubelet import READY, RESULT
from tests.rig.process import Server

REVIEW = path("authentication.k8s.io/v1", "selfsubjectreviews")
GROUP = "rotation.rig.test"
# Says what it was called with, and makes what it was asked for.
GO = """#!/bin/sh
echo "$CGO_ENABLED $GOWORK $*" >> "{said}"
echo changed >> go.mod
while [ "$1" != -o ]; do shift; done
if [ -d "$2" ]; then cd "$2"; shift 2; for package; do : > "${{package##*/}}"; done; else : > "$2"; fi
"""


def _pod(labels: dict[str, str], **named: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels} | named, "spec": {"containers": [{"name": "main", "image": "nothing"}]}}


def _deployment(name: str, replicas: int, **labels: str) -> dict[str, Any]:
    own = {"app": name}
    template = _pod(own | labels)
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": own}, "template": template},
    }


def _ready(count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda deployment: deployment["status"].get("readyReplicas", 0) == count


async def _who(client: KubeClient) -> dict[str, Any]:
    answer = await client.create(REVIEW, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    user: dict[str, Any] = answer["status"]["userInfo"]
    return user


# What it answers


async def test_it_is_ready_and_of_the_version_that_is_built(control_plane: ControlPlane) -> None:
    async with control_plane.client() as client:
        assert await client.text("/readyz") == "ok"
        assert (await client.get("/version"))["gitVersion"] == "v1.36.3"


async def test_kubectl_writes_and_reads(control_plane: ControlPlane, namespace: str) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata: {word: yes-indeed}\n"
    applied = await control_plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=manifest)
    assert applied.code == 0, applied.err
    read = await control_plane.kubectl("get", "cm", "told", "-n", namespace, "-o", "jsonpath={.data.word}")
    assert read.out == "yes-indeed"
    refused = await control_plane.kubectl("get", "cm", "-n", namespace, user="stranger")
    assert refused.code == 1
    assert "Forbidden" in refused.err


async def test_a_user_has_the_groups_asked_for(control_plane: ControlPlane) -> None:
    async with control_plane.client("maria", ("shop", "shop:admins")) as client:
        user = await _who(client)
    assert user["username"] == "maria"
    assert {"shop", "shop:admins"} <= set(user["groups"])


async def test_a_service_account_comes_in_by_its_token(control_plane: ControlPlane, namespace: str) -> None:
    async with control_plane.client() as client:
        await client.create(path("v1", "serviceaccounts", namespace), {"metadata": {"name": "worker"}})
    kubeconfig = control_plane.kubeconfig_for_token(await control_plane.token(namespace, "worker"))
    async with connect(kubeconfig) as client:
        assert (await _who(client))["username"] == f"system:serviceaccount:{namespace}:worker"
        with pytest.raises(KubeError) as refused:
            await client.get(path("v1", "secrets", namespace))
    assert (refused.value.status, refused.value.reason) == (403, "Forbidden")


async def test_the_audit_log_tells_who_did_what(control_plane: ControlPlane, namespace: str) -> None:
    maps = path("v1", "configmaps", namespace)
    mark = control_plane.mark()
    async with control_plane.client("daemon") as daemon, control_plane.client() as admin:
        with pytest.raises(KubeError):
            await daemon.get(maps)
        await admin.get(maps)
        await admin.create(maps, {"metadata": {"name": "written"}})
    asked = [request for request in control_plane.audit(mark) if request.uri == maps]
    seen = [(request.user, request.verb, request.code) for request in asked if ":" not in request.user]
    assert seen == [("daemon", "list", 403), ("admin", "create", 201)]
    assert control_plane.audit(control_plane.mark()) == []


async def test_the_autoscaler_calls_as_itself(control_plane: ControlPlane, namespace: str) -> None:
    """Accounts are on: its writes are not those of a system:masters."""
    metric = {"type": "External", "external": {"metric": {"name": "none"}, "target": {"type": "Value", "value": "1"}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    autoscaler = {
        "metadata": {"name": "scaled"},
        "spec": {"maxReplicas": 2, "scaleTargetRef": target, "metrics": [metric]},
    }
    mark = control_plane.mark()
    async with control_plane.client() as client:
        await client.create(path("apps/v1", "deployments", namespace), _deployment("scaled", 1))
        await client.create(path("autoscaling/v2", "horizontalpodautoscalers", namespace), autoscaler)
        where = path("autoscaling/v2", "horizontalpodautoscalers", namespace, "scaled")
        await client.until(where, lambda hpa: bool(hpa["status"].get("conditions")), patience=10)
    account = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
    async with asyncio.timeout(5):
        while f"{where}/status" not in [one.uri for one in control_plane.audit(mark, user=account)]:  # noqa: ASYNC110
            await asyncio.sleep(MOMENT)


# Its pods


async def test_pods_become_ready(control_plane: ControlPlane, namespace: str) -> None:
    async with control_plane.client() as client:
        await client.create(path("apps/v1", "deployments", namespace), _deployment("web", 3))
        await client.until(path("apps/v1", "deployments", namespace, "web"), _ready(3), patience=10)
        await client.patch(path("apps/v1", "deployments", namespace, "web", part="scale"), {"spec": {"replicas": 0}})
        await client.until(path("v1", "pods", namespace), lambda pods: not pods["items"], patience=10)


async def test_a_pod_can_be_kept_unready(control_plane: ControlPlane, namespace: str) -> None:
    async with control_plane.client() as client:
        await client.create(path("v1", "pods", namespace), _pod({READY: "false"}, name="slow"))
        where = path("v1", "pods", namespace, "slow")
        running = await client.until(where, lambda pod: pod["status"]["phase"] == "Running", patience=10)
        assert {"type": "Ready", "status": "False"}.items() <= running["status"]["conditions"][-1].items()
        await client.patch(where, {"metadata": {"labels": {READY: None}}})
        await client.until(where, lambda pod: pod["status"]["conditions"][-1]["status"] == "True", patience=10)


async def test_a_job_ends_when_it_is_told_to(control_plane: ControlPlane, namespace: str) -> None:
    template = _pod({RESULT: "succeeded"})
    template["spec"]["restartPolicy"] = "Never"
    async with control_plane.client() as client:
        job = {"metadata": {"name": "work"}, "spec": {"template": template}}
        await client.create(path("batch/v1", "jobs", namespace), job)
        where = path("batch/v1", "jobs", namespace, "work")
        await client.until(where, lambda job: job["status"].get("succeeded") == 1, patience=15)


# Its client


async def test_changes_are_watched(control_plane: ControlPlane, namespace: str) -> None:
    maps = path("v1", "configmaps", namespace)
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
    seen = []
    async with control_plane.client() as client:
        since = (await client.get(maps))["metadata"]["resourceVersion"]
        await client.apply(f"{maps}/one", one)
        await client.patch(f"{maps}/one", [{"op": "replace", "path": "/data/a", "value": "2"}], kind=JSON_PATCH)
        await client.delete(f"{maps}/one")
        async for change, item in client.watch(maps, since=since, fieldSelector="metadata.name=one"):
            seen.append((change, item["data"]["a"]))
            if change == "DELETED":
                break
        await client.gone(f"{maps}/one")
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


async def test_what_does_not_come_is_said(control_plane: ControlPlane, namespace: str) -> None:
    async with control_plane.client() as client:
        with pytest.raises(AssertionError, match="did not come to it in 0 s; last seen"):
            await client.until(f"/api/v1/namespaces/{namespace}", lambda _: False, patience=0.2)


# Its faults


async def test_the_api_server_goes_and_comes_back(control_plane: ControlPlane, namespace: str) -> None:
    before = control_plane.server
    async with control_plane.down(control_plane.api_server):
        assert control_plane.api_server.pid is None
    assert control_plane.server == before
    async with control_plane.client() as client:
        await client.create(path("apps/v1", "deployments", namespace), _deployment("later", 1))
        await client.until(path("apps/v1", "deployments", namespace, "later"), _ready(1))


async def test_a_frozen_one_answers_when_it_is_thawed(control_plane: ControlPlane) -> None:
    async with control_plane.client() as client:
        with control_plane.frozen(control_plane.api_server), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await client.get("/version")
        assert await client.text("/readyz") == "ok"


# The front proxy


class Aggregated:
    """An API server behind the real one that tells which authority signed the certificate it was asked with."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.seen: list[x509.Certificate] = []

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        shown = request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.seen.append(x509.load_der_x509_certificate(shown))
        kind = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1", "resources": []}
        return web.json_response(kind)

    @asynccontextmanager
    async def serving(self, address: str) -> AsyncIterator[int]:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, address, 0, ssl_context=self.context)
            await site.start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


def _aggregated(control_plane: ControlPlane, namespace: str) -> Aggregated:
    pair = control_plane.authority.issue("aggregated", names=[f"behind.{namespace}.svc"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return Aggregated(context)


async def _register(client: KubeClient, namespace: str, address: str, port: int, ca: str) -> None:
    named = [{"name": "https", "port": port}]
    service = {"metadata": {"name": "behind"}, "spec": {"ports": [{"name": "https", "port": 443}]}}
    labels = {"kubernetes.io/service-name": "behind"}
    endpoints = [{"addresses": [address], "conditions": {"ready": True}}]
    piece = {
        "metadata": {"name": "behind", "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": named,
    }
    spec = {
        "group": GROUP,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"namespace": namespace, "name": "behind", "port": 443},
        "caBundle": base64.b64encode(ca.encode()).decode(),
    }
    await client.create(path("v1", "services", namespace), service)
    await client.create(path("discovery.k8s.io/v1", "endpointslices", namespace), piece)
    await client.create(
        path("apiregistration.k8s.io/v1", "apiservices"), {"metadata": {"name": f"v1.{GROUP}"}, "spec": spec}
    )


def _signed(certificate: x509.Certificate, authority: str) -> bool:
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except InvalidSignature:
        return False
    return True


async def _asked_with(client: KubeClient, behind: Aggregated, authority: str) -> None:
    """Until a request comes with a certificate of this authority; one that met the old trust may fail before."""
    while not _signed(behind.seen[-1], authority):
        with suppress(KubeError):
            await client.get(f"/apis/{GROUP}/v1")


def _available(service: dict[str, Any]) -> bool:
    conditions = service.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Available" and condition["status"] == "True" for condition in conditions)


async def test_the_front_proxy_is_rotated_under_an_aggregated_server(
    control_plane: ControlPlane, namespace: str
) -> None:
    behind = _aggregated(control_plane, namespace)
    old = control_plane.front_proxy.certificate.read_text()
    behind.context.load_verify_locations(cadata=old)
    service = path("apiregistration.k8s.io/v1", "apiservices", name=f"v1.{GROUP}")
    async with control_plane.client() as client, behind.serving(control_plane.address) as port:
        await _register(client, namespace, control_plane.address, port, control_plane.ca)
        try:
            await client.until(service, _available)
            await client.get(f"/apis/{GROUP}/v1")
            first = behind.seen[-1]
            await control_plane.rotate_front_proxy()
            new = control_plane.front_proxy.certificate.read_text()
            behind.context.load_verify_locations(cadata=new)
            async with asyncio.timeout(10):
                await _asked_with(client, behind, new)
            published = await client.get(tests.rig.control_plane.AUTHENTICATION)
        finally:
            await client.delete(service)
    assert _signed(first, old)
    assert not _signed(first, new)
    assert old in published["data"]["requestheader-client-ca-file"]
    with pytest.raises(x509.ExtensionNotFound):
        first.extensions.get_extension_for_class(x509.SubjectAlternativeName)


# Its life


def _left_nothing(server: Server, pid: int | None) -> bool:
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    return not server.log.parent.exists()


async def test_another_one_with_other_options_leaves_nothing(control_plane: ControlPlane) -> None:
    options = Options(service_account_admission=True, api_server_flags=("--feature-gates=HPAScaleToZero=true",))
    with tests.rig.control_plane.control_plane(options) as another:
        assert another.server != control_plane.server
        servers = {
            server: server.pid for server in (another.etcd, another.api_server, another.controllers, another.kubelet)
        }
        async with another.client() as client:
            await client.until("/api/v1/namespaces/default/serviceaccounts/default", lambda _: True)
            pod = await client.create(path("v1", "pods", "default"), _pod({}, name="one"))
    assert all(_left_nothing(server, pid) for server, pid in servers.items())
    assert pod["spec"]["serviceAccountName"] == "default"


# How it is had


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty cache and no other programs than those of this folder."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(ASSETS, raising=False)
    return programs


def test_both_builds_are_made_once_and_leave_the_recipes_alone(elsewhere: Path) -> None:
    said = elsewhere / "said"
    (elsewhere / "go").write_text(GO.format(said=said))
    (elsewhere / "go").chmod(0o755)
    before = {file: file.read_bytes() for file in RECIPES.rglob("go.*")}
    folder = fetch()
    assert fetch() == folder
    assert {file.name for file in folder.iterdir() if file.is_file()} == set(KUBERNETES)
    etcd, kubernetes = said.read_text().splitlines()
    assert etcd.startswith("0 off build -mod=readonly")
    assert "version.gitVersion=v1.36.3" in kubernetes
    assert {file: file.read_bytes() for file in RECIPES.rglob("go.*")} == before


def test_without_go_it_is_not_to_be_had(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(elsewhere))
    with pytest.raises(Unavailable, match="no go"):
        fetch()


def test_programs_that_are_there_are_taken(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ASSETS, str(elsewhere))
    with pytest.raises(Unavailable, match="has no etcd"):
        fetch()
    for name in ("etcd", *KUBERNETES):
        (elsewhere / name).touch()
    assert fetch() == elsewhere

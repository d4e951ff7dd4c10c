"""What `helm template` makes, on a real control plane: it is accepted as it is, and the daemon, as the ServiceAccount
and with the variables of the Deployment that came out, leads and serves. It is refused nothing it asks for. And what
Helm itself leaves alone when it installs, upgrades and uninstalls."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaler.settings import KEDA, PREFIX
from tests.e2e.installation import install as kustomized
from tests.e2e.installation import led_to_nobody
from tests.e2e.kube_daemon import API_SERVICE, NAMESPACE, ROOT, KubeDaemon, replica
from tests.e2e.kube_objects import (
    Object,
    authentication,
    condition,
    deployment,
    deployments,
    number,
    objects,
    place,
    scaled_object,
    secret,
)
from tests.e2e.servers import Numbers
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.helm import helm as run
from tests.rig.kube_client import KubeClient, path

CHART = ROOT / "deploy" / "chart"
RIG = ("LISTEN", "LOG_FORMAT")
"""Said by the rig: more than one daemon is on this machine, and their logs are read."""


@pytest.fixture
def plane(control_planes: Callable[[Options], AbstractContextManager[ControlPlane]]) -> Iterator[ControlPlane]:
    """Where nothing is installed yet."""
    with control_planes(Options()) as made:
        yield made


@pytest.fixture
async def kube(plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with plane.client() as client:
        yield client


async def install(plane: ControlPlane, helm: Path, *flags: str, release: str = "event-scaler") -> list[Object]:
    """As the chart's README says, but that the manifests are applied by kubectl; gives them."""
    namespace = (ROOT / "deploy" / "daemon" / "namespace.yaml").read_text()
    rendered = run(helm, "template", release, str(CHART), "--namespace", NAMESPACE, *flags)
    assert rendered.returncode == 0, rendered.stderr
    for manifest in (namespace, led_to_nobody(rendered.stdout)):
        applied = await plane.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
        assert applied.code == 0, applied.err
    return [one for one in yaml.safe_load_all(rendered.stdout) if one]


def settings(manifests: list[Object]) -> dict[str, str]:
    """The Deployment's variables, as the rig calls them; what the downward API fills in is the rig's to say."""
    [found] = [one for one in manifests if one["kind"] == "Deployment"]
    [container] = found["spec"]["template"]["spec"]["containers"]
    ours = {variable: field.upper() for field, variable in KEDA.items()}
    given = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    named = {ours.get(name) or name.removeprefix(PREFIX): value for name, value in given.items()}
    return {name: value for name, value in named.items() if name not in RIG}


async def account(plane: ControlPlane, manifests: list[Object]) -> Path:
    [found] = [one for one in manifests if one["kind"] == "Deployment"]
    name = found["spec"]["template"]["spec"]["serviceAccountName"]
    return plane.kubeconfig_for_token(await plane.token(NAMESPACE, name), namespace=NAMESPACE)


async def served(kube: KubeClient, daemon: KubeDaemon, namespace: str, answers: Numbers) -> None:
    """A number with a Secret, from 0 to 1 by the daemon, on to 4 by the HPA, which asks the metrics API."""
    login = {"authMode": "apiKey", "keyParamName": "key"}
    trigger: dict[str, Any] = {**number(f"{answers.url}/n", **login), "authenticationRef": {"name": "login"}}
    made = [
        secret("login", key="k"),
        authentication("login", ("apiKey", "login", "key")),
        deployment("worker"),
        scaled_object("worker", trigger),
    ]
    answers.answers["n"] = 20
    for one in made:
        await kube.create(place(one, namespace), one)
    await kube.until(deployments(namespace, "worker"), lambda one: one["spec"]["replicas"] == 4)
    ready = await kube.until(objects(namespace, "worker"), lambda one: condition(one, "Ready")[0] == "True")
    assert condition(ready, "Ready")[1] == "ScaledObjectReady"
    answers.answers["n"] = 0
    await kube.until(deployments(namespace, "worker"), lambda one: one["spec"]["replicas"] == 0)
    assert daemon.moves(f"{namespace}/worker")[0] == (0, 1)


def refused(plane: ControlPlane, name: str = "event-scaler") -> list[str]:
    user = f"system:serviceaccount:{NAMESPACE}:{name}"
    asked = plane.audit(user=user)
    assert asked
    return [f"{one.verb} {one.uri}" for one in asked if one.code == 403]


async def test_with_its_defaults_the_chart_is_an_installation(
    plane: ControlPlane, kube: KubeClient, helm: Path, answers: Numbers
) -> None:
    manifests = await install(plane, helm)
    with replica(plane, await account(plane, manifests), **settings(manifests)) as daemon:
        await daemon.lead()
        await served(kube, daemon, "default", answers)
        registered = await kube.get(API_SERVICE)
        assert condition(registered, "Available")[0] == "True"
        assert registered["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        again = await install(plane, helm)
        assert again == manifests
        assert (await kube.get(API_SERVICE))["spec"]["caBundle"] == registered["spec"]["caBundle"]
        assert refused(plane) == []


async def test_confined_and_under_another_name_it_serves_its_namespaces_alone(
    plane: ControlPlane, kube: KubeClient, helm: Path, answers: Numbers
) -> None:
    """The Lease is in a third namespace."""
    for name in ("shop", "billing", "elsewhere", "leases"):
        await kube.create("/api/v1/namespaces", {"metadata": {"name": name}})
    flags = ("--set", "watchNamespaces={shop,billing}", "--set", "lease.namespace=leases", "--set", "lease.name=ours")
    manifests = await install(plane, helm, *flags, release="apart")
    user = f"system:serviceaccount:{NAMESPACE}:apart-event-scaler"
    with replica(plane, await account(plane, manifests), **settings(manifests)) as daemon:
        await daemon.lead()
        other = scaled_object("worker", number(f"{answers.url}/other"))
        await kube.create(place(other, "elsewhere"), other)
        await served(kube, daemon, "shop", answers)
        lease = await kube.get(path("coordination.k8s.io/v1", "leases", "leases", "ours"))
        assert lease["spec"]["holderIdentity"].startswith(daemon.name)
        assert "status" not in await kube.get(objects("elsewhere", "worker"))
        assert answers.asked["other"] == 0
        assert refused(plane, "apart-event-scaler") == []
    for namespace, may in (("shop", "yes"), ("billing", "yes"), (NAMESPACE, "yes"), ("elsewhere", "no")):
        said = await plane.kubectl("auth", "can-i", "get", "secrets", "--namespace", namespace, "--as", user)
        assert said.out.strip() == may, namespace


async def test_helm_takes_over_from_kustomize_and_leaves_the_objects_when_it_goes(
    plane: ControlPlane, kube: KubeClient, helm: Path
) -> None:
    """Nor does it take the authority out of the APIService that the leader has put in."""

    def said(*arguments: str) -> str:
        done = run(helm, *arguments, "--kubeconfig", str(plane.kubeconfig()), "--namespace", NAMESPACE)
        return done.stdout + done.stderr

    await kustomized(plane)
    await kube.patch(API_SERVICE, {"spec": {"caBundle": "QUJD"}})
    made = await kube.create(objects("default"), scaled_object("worker", number("http://127.0.0.1:9/n")))
    upgrade = ("upgrade", "--install", "event-scaler", str(CHART))
    assert "invalid ownership metadata" in said(*upgrade)
    assert "STATUS: deployed" in said(*upgrade, "--take-ownership")
    assert "STATUS: deployed" in said(*upgrade, "--set", "replicas=3")
    assert (await kube.get(API_SERVICE))["spec"]["caBundle"] == "QUJD"
    assert (await kube.get(deployments(NAMESPACE, "event-scaler")))["spec"]["replicas"] == 3
    assert "[CustomResourceDefinition] scaledobjects.keda.sh" in said("uninstall", "event-scaler")
    await kube.gone(API_SERVICE)
    await kube.gone(deployments(NAMESPACE, "event-scaler"))
    left = await kube.get(objects("default", "worker"))
    assert left["metadata"]["uid"] == made["metadata"]["uid"]
    assert "deletionTimestamp" not in left["metadata"]

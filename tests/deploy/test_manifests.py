"""What is installed, before any cluster sees it: the manifests agree with each other, with the settings they rely on,
and with what the daemon sends; the rules are the least. That the daemon runs by them is shown end to end elsewhere."""

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaler.declare import parameters
from scaler.manifests.kinds import KINDS
from scaler.settings import KEDA, PREFIX, Settings
from scaler.web.admission.endpoint import DEADLINE, path_of
from tests.deploy.rights import API_SERVICE, CLUSTER, OWN, SERVED, Asked, Object, Rights, covers, needed, single

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE, NAMESPACED, IN_KEDA = "deploy/base", "deploy/overlays/namespaced", "deploy/overlays/in-keda-namespace"
COMPLETE = [BASE, NAMESPACED, IN_KEDA]
SOURCES = sorted({*DEPLOY.rglob("*.yaml")} - {*DEPLOY.glob("chart/**/*")})
OWN_ROLES = ("event-scaler-objects", "event-scaler-secrets", "event-scaler-cluster", "event-scaler-own")
DEFAULTS = Settings()
Render = Callable[[str], list[Object]]


@pytest.fixture(scope="session")
def render(kubectl: Path) -> Render:
    """What `kubectl kustomize` makes of a folder, each rendered once."""
    known: dict[str, list[Object]] = {}

    def rendered(folder: str) -> list[Object]:
        if folder not in known:
            done = subprocess.run([kubectl, "kustomize", ROOT / folder], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            known[folder] = list(yaml.safe_load_all(done.stdout))
        return known[folder]

    return rendered


def _one(objects: list[Object], kind: str, name: str = "event-scaler") -> Object:
    [found] = [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def _named(objects: list[Object], kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in objects if one["kind"] == kind}


def _container(objects: list[Object]) -> Object:
    [found] = _one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def _variables(objects: list[Object]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in _container(objects)["env"]}


def _settings(objects: list[Object]) -> dict[str, Any]:
    """What the Deployment's environment says, by the settings' fields."""
    fields = {variable: field for field, variable in KEDA.items()}
    fields |= {PREFIX + field.upper(): field for field in parameters(Settings)}
    return {fields[name]: value for name, value in _variables(objects).items()}


def _rights(objects: list[Object]) -> Rights:
    return Rights(objects, "event-scaler", _one(objects, "ServiceAccount")["metadata"]["namespace"])


def _documents(path: Path) -> Iterator[Object]:
    yield from (one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if isinstance(one, dict))


# --------------------------------------------------------------------------------------------------------- everything


@pytest.mark.parametrize("folder", [*COMPLETE, "deploy/daemon", "crds"])
def test_it_renders_without_a_warning(render: Render, folder: str) -> None:
    objects = render(folder)
    keys = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]
    assert len(keys) == len(set(keys)) > 5


def test_all_definitions_are_installed(render: Render) -> None:
    listed = yaml.safe_load((ROOT / "crds" / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in ROOT.glob("crds/*keda.sh_*.yaml"))
    assert _named(render(BASE), "CustomResourceDefinition") == {f"{kind.plural}.{kind.group}" for kind in KINDS}


def test_the_daemon_can_be_deleted_without_the_definitions(render: Render) -> None:
    without = [one for one in render(BASE) if one["kind"] != "CustomResourceDefinition"]
    assert sorted(map(str, render("deploy/daemon"))) == sorted(map(str, without))


# ------------------------------------------------------------------------------------------------ names and numbers


@pytest.mark.parametrize("folder", COMPLETE)
def test_every_variable_is_a_setting(render: Render, folder: str) -> None:
    assert _settings(render(folder)).keys() >= {"namespaces", "listen", "namespace", "pod_name", "pod_ip"}


def test_the_names_are_those_of_the_settings(render: Render) -> None:
    objects = render(BASE)
    names = {
        rule["resources"][0]: rule["resourceNames"]
        for rule in _one(objects, "Role", "event-scaler-own")["rules"]
        if "resourceNames" in rule
    }
    assert names == {
        "leases": [DEFAULTS.lease_name],
        "secrets": [DEFAULTS.cert_secret],
        "endpointslices": [DEFAULTS.metrics_service],
    }
    assert {"lease_name", "cert_secret", "metrics_service"}.isdisjoint(_settings(objects))


def test_the_metrics_api_leads_to_the_listener(render: Render) -> None:
    objects = render(BASE)
    service = _one(objects, "Service", DEFAULTS.metrics_service)
    [port] = service["spec"]["ports"]
    assert "selector" not in service["spec"]
    assert (port["name"], port["port"], port["targetPort"]) == ("https", 443, DEFAULTS.metrics_address[1])
    [api] = [one for one in objects if one["kind"] == "APIService"]
    assert api["metadata"]["name"] == f"{api['spec']['version']}.{api['spec']['group']}"
    metadata = service["metadata"]
    assert api["spec"]["service"] == {"namespace": metadata["namespace"], "name": metadata["name"], "port": 443}
    assert {"caBundle", "insecureSkipTLSVerify"}.isdisjoint(api["spec"])


@pytest.mark.parametrize(("folder", "name"), [(BASE, "keda-admission"), (IN_KEDA, "event-scaler-admission")])
def test_the_webhook_leads_to_the_listener(render: Render, folder: str, name: str) -> None:
    """In KEDA's namespace, beside KEDA's own."""
    objects = render(folder)
    told = Settings(**{key: value for key, value in _settings(objects).items() if key.startswith("webhook_")})
    service = _one(objects, "Service", told.webhook_service)
    ports = {one["name"]: one["containerPort"] for one in _container(objects)["ports"]}
    assert service["spec"]["ports"] == [{"name": "https", "port": 443, "targetPort": "webhooks"}]
    assert service["spec"]["selector"] == _one(objects, "Service")["spec"]["selector"]
    assert ("0.0.0.0", ports["webhooks"]) == told.webhook_address
    assert told.webhook_configuration == name
    where = {"namespace": service["metadata"]["namespace"], "name": told.webhook_service}
    hooks = _one(objects, "ValidatingWebhookConfiguration", name)["webhooks"]
    assert [one["clientConfig"] for one in hooks] == [{"service": {**where, "path": path_of(kind)}} for kind in KINDS]


@pytest.mark.parametrize("folder", COMPLETE)
def test_the_webhook_is_asked_about_what_is_written_and_no_more(render: Render, folder: str) -> None:
    [configuration] = [one for one in render(folder) if one["kind"] == "ValidatingWebhookConfiguration"]
    hooks = configuration["webhooks"]
    assert [one["rules"] for one in hooks] == [
        [
            {
                "apiGroups": [kind.group],
                "apiVersions": [kind.version],
                "operations": ["CREATE", "UPDATE"],
                "resources": [kind.plural],
            }
        ]
        for kind in KINDS
    ]
    assert len({one["name"] for one in hooks}) == len(KINDS)
    assert {(one["failurePolicy"], one["sideEffects"], one["timeoutSeconds"]) for one in hooks} == {
        ("Ignore", "None", 10)
    }
    assert DEADLINE < 10


def test_confined_the_webhook_is_asked_about_what_is_served(render: Render) -> None:
    objects = render(NAMESPACED)
    served = _settings(objects)["namespaces"].split(",")
    hooks = _one(objects, "ValidatingWebhookConfiguration", "keda-admission")["webhooks"]
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": served}
    for kind, hook in zip(KINDS, hooks, strict=True):
        assert hook.get("namespaceSelector") == ({"matchExpressions": [expression]} if kind.namespaced else None)


def test_the_ports_are_those_of_the_listeners(render: Render) -> None:
    objects = render(BASE)
    ports = {one["name"]: one["containerPort"] for one in _container(objects)["ports"]}
    listen = Settings(listen=_settings(objects)["listen"])
    assert listen.address == ("0.0.0.0", ports["metrics"])
    assert DEFAULTS.metrics_address == ("0.0.0.0", ports["https"])
    [scraped] = _one(objects, "Service")["spec"]["ports"]
    assert scraped == {"name": "metrics", "port": ports["metrics"], "targetPort": "metrics"}


def test_the_probes_ask_the_plain_listener(render: Render) -> None:
    container = _container(render(BASE))
    asked = {name: container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")}
    assert asked["livenessProbe"] == {"path": "/healthz", "port": "metrics"}
    assert asked["readinessProbe"] == {"path": "/readyz", "port": "metrics"}


@pytest.mark.parametrize(
    ("field", "path"), [("namespace", "metadata.namespace"), ("pod_name", "metadata.name"), ("pod_ip", "status.podIP")]
)
def test_the_pod_knows_itself(render: Render, field: str, path: str) -> None:
    assert _settings(render(BASE))[field] == {"fieldRef": {"fieldPath": path}}


@pytest.mark.parametrize("folder", COMPLETE)
def test_what_selects_pods_selects_these(render: Render, folder: str) -> None:
    objects = render(folder)
    spec = _one(objects, "Deployment")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert _one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert _one(objects, "Service")["spec"]["selector"] == labels
    assert {
        tuple(one["labelSelector"]["matchLabels"]) for one in spec["template"]["spec"]["topologySpreadConstraints"]
    } == {tuple(labels)}


def test_one_replica_is_left_when_nodes_are_drained(render: Render) -> None:
    objects = render(BASE)
    budget = _one(objects, "PodDisruptionBudget")["spec"]
    assert _one(objects, "Deployment")["spec"]["replicas"] > budget["minAvailable"] >= 1


def test_the_image_is_of_this_version(render: Render) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert _container(render(BASE))["image"] == f"event-scaler:{version}"


# ------------------------------------------------------------------------------------------------------------ the pod


@pytest.mark.parametrize("folder", COMPLETE)
def test_the_pod_passes_where_pods_are_restricted(render: Render, folder: str) -> None:
    """Pod Security's level `restricted`, and a little more."""
    pod = _one(render(folder), "Deployment")["spec"]["template"]["spec"]
    assert {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers"}.isdisjoint(pod)
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert [volume.keys() - {"name"} for volume in pod["volumes"]] == [{"emptyDir"}]
    container = _container(render(folder))
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_the_namespace_lets_nothing_else_in(render: Render) -> None:
    labels = _one(render(BASE), "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_image_runs_as_somebody() -> None:
    """`runAsNonRoot` believes numbers only."""
    text = (DEPLOY / "Dockerfile").read_text()
    [user] = re.findall(r"^USER (\d+):\d+$", text, re.M)
    assert int(user) > 0
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M):
        for path in line.split():
            assert (ROOT / path).exists()
            assert f"!{path}" in allowed


# ---------------------------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_rule_says_what_it_is_for(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("  - apiGroups:")]
    assert [lines[number] for number in rules if not lines[number - 1].startswith("  # ")] == []
    roles = [one for one in _documents(path) if one.get("kind") in ("ClusterRole", "Role")]
    assert len(rules) == sum(len(one["rules"]) for one in roles)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_rule_is_wide(path: Path) -> None:
    for role in _documents(path):
        for rule in role.get("rules", ()) if role.get("kind") in ("ClusterRole", "Role") else ():
            assert "*" not in rule["verbs"]
            assert not {"impersonate", "bind", "escalate"} & set(rule["verbs"])
            if {"secrets", "configmaps"} & set(rule["resources"]):
                assert {"list", "watch", "delete", "update", "deletecollection"}.isdisjoint(rule["verbs"])
            if "*" in str(rule["resources"]):
                assert rule["resources"] == ["*/scale"] or rule["apiGroups"] == ["external.metrics.k8s.io"]


@pytest.mark.parametrize(("folder", "webhook"), [(BASE, "keda-admission"), (IN_KEDA, "event-scaler-admission")])
def test_the_daemon_may_do_what_it_does(render: Render, folder: str, webhook: str) -> None:
    rights = _rights(render(folder))
    assert [asked for asked in needed(webhook) if not rights.allow(asked)] == []


@pytest.mark.parametrize("role", OWN_ROLES)
def test_the_daemon_may_do_nothing_else(render: Render, role: str) -> None:
    [found] = [
        one for one in render(BASE) if one["kind"] in ("ClusterRole", "Role") and one["metadata"]["name"] == role
    ]
    where = {"event-scaler-own": {OWN}, "event-scaler-cluster": {CLUSTER}}.get(role, {SERVED, OWN})
    used = [asked for asked in needed() if asked.where in where]
    for rule in found["rules"]:
        assert [one for one in single(rule) if not any(map(partial(covers, one), used))] == []


def test_a_right_that_is_missing_would_be_found(render: Render) -> None:
    rights = _rights(render(BASE))
    assert not rights.allow(Asked("list", "secrets"))
    assert not rights.allow(Asked("patch", "deployments", "apps", SERVED, "any"))
    assert not rights.allow(Asked("get", "leases", "coordination.k8s.io", OWN, "another"))
    assert not rights.allow(Asked("get", "leases", "coordination.k8s.io", SERVED, "operator.keda.sh"))


@pytest.mark.parametrize("role", ["event-scaler-view", "event-scaler-edit"])
def test_users_see_all_kinds(render: Render, role: str) -> None:
    found = _one(render(BASE), "ClusterRole", role)
    verb, scope = ("watch", None) if role.endswith("view") else ("create", True)
    for kind in KINDS:
        covered = any(covers(rule, Asked(verb, kind.plural, kind.group)) for rule in found["rules"])
        assert covered == (scope is None or kind.namespaced)
    assert found["metadata"]["labels"][f"rbac.authorization.k8s.io/aggregate-to-{role.rpartition('-')[2]}"] == "true"


@pytest.mark.parametrize("folder", COMPLETE)
def test_the_hpa_controller_may_ask(render: Render, folder: str) -> None:
    rights = Rights(render(folder), "horizontal-pod-autoscaler", "kube-system")
    assert rights.allow(Asked("list", "s0-kafka-orders", "external.metrics.k8s.io"))


@pytest.mark.parametrize("folder", COMPLETE)
def test_identities_are_looked_up_by_kubernetes_own_roles(render: Render, folder: str) -> None:
    objects = render(folder)
    account = _one(objects, "ServiceAccount")["metadata"]
    subjects = [{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}]
    delegator = _one(objects, "ClusterRoleBinding", "event-scaler-auth-delegator")
    reader = _one(objects, "RoleBinding", "event-scaler-authentication-reader")
    assert (delegator["roleRef"]["name"], delegator["subjects"]) == ("system:auth-delegator", subjects)
    assert reader["metadata"]["namespace"] == "kube-system"
    assert reader["roleRef"]["name"] == "extension-apiserver-authentication-reader"
    assert reader["subjects"] == subjects


# ------------------------------------------------------------------------------------------------------------ variants


def test_confined_the_daemon_may_do_what_it_does_where_it_serves(render: Render) -> None:
    objects = render(NAMESPACED)
    served = _settings(objects)["namespaces"].split(",")
    rights = _rights(objects)
    assert len(served) > 1
    for name in served:
        for asked in needed():
            here = asked._replace(name=name) if asked.resource == "namespaces" else asked
            assert rights.allow(here, also_by=name), here


def test_confined_it_may_do_nothing_elsewhere(render: Render) -> None:
    objects = render(NAMESPACED)
    rights = _rights(objects)
    served = set(_settings(objects)["namespaces"].split(","))
    assert rights.namespaces == {None, "event-scaler", *served}
    elsewhere = [one for one in needed() if one.where is SERVED]
    assert [one for one in elsewhere if rights.allow(one, also_by="elsewhere")] == []


def test_confined_it_reads_no_secret_of_others(render: Render) -> None:
    rights = _rights(render(NAMESPACED))
    assert not rights.allow(Asked("get", "secrets", name="any"), also_by="elsewhere")
    assert rights.allow(Asked("get", "secrets", where=OWN, name="any"))


def test_confined_no_rule_is_written_twice(render: Render) -> None:
    roles = ("ClusterRole", "Role")
    assert [one for one in render(NAMESPACED) if one["kind"] in roles] == [
        one for one in render(BASE) if one["kind"] in roles
    ]


def test_in_kedas_namespace_everything_is_there(render: Render) -> None:
    objects = render(IN_KEDA)
    assert {one["metadata"].get("namespace") for one in objects} == {None, "keda", "kube-system"}
    assert "namespace: event-scaler" not in yaml.safe_dump_all(objects)
    assert _settings(objects)["take_over_metrics_api"] == "true"


@pytest.mark.parametrize(("folder", "may"), [(BASE, False), (NAMESPACED, False), (IN_KEDA, True)])
def test_an_api_service_is_created_only_where_it_may_vanish(render: Render, folder: str, may: bool) -> None:
    assert _rights(render(folder)).allow(Asked("create", *API_SERVICE, CLUSTER)) == may
    assert ("APIService" in {one["kind"] for one in render(folder)}) != may


def test_in_kedas_namespace_nothing_of_kedas_is_touched(render: Render) -> None:
    kinds = {one["kind"] for one in render(IN_KEDA)}
    assert {"Namespace", "CustomResourceDefinition", "APIService"}.isdisjoint(kinds)
    assert all(one["metadata"]["name"].startswith("event-scaler") for one in render(IN_KEDA))


# --------------------------------------------------------------------------------------------------------- the guide


def test_the_guide_has_every_setting() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `SCALER_([A-Z0-9_]+)` \|", text, re.M))
    assert told == {field.upper() for field in parameters(Settings)} - {"RELOAD"}
    for variable in KEDA.values():
        assert f"`{variable}`" in text


def test_the_guide_names_no_variable_that_is_none() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bSCALER_([A-Z_]+[A-Z])\b", text))
    assert named <= {field.upper() for field in parameters(Settings)} | {"PORT"}

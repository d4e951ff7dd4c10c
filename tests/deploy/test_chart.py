"""The Helm chart is the kustomize base said otherwise: with its defaults, and with the values that stand for an
overlay, the same objects come out. What else can be chosen is looked at one by one. That it runs is shown end to end
elsewhere."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaler.declare import parameters
from scaler.settings import KEDA, PREFIX, Settings
from scripts.chart import files
from tests.deploy.rights import API_SERVICE, CLUSTER, OWN, WEBHOOK, Asked, Object, Rights, needed
from tests.rig.helm import helm as run

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "chart"
LABELS = {f"app.kubernetes.io/{name}" for name in ("name", "part-of", "instance", "version", "managed-by")} | {
    "helm.sh/chart"
}
KEEP = "helm.sh/resource-policy"
CONFINED = {"watchNamespaces": ["billing", "shop"]}
IN_KEDA = {"takeOverMetricsApi": True, "crds": {"install": False}}
ELSEWHERE = {"lease": {"name": "ours", "namespace": "leases"}}
GIVEN = {"certificates": {"existingSecret": "from-cert-manager"}}

Values = dict[str, Any]
Render = Callable[..., list[Object]]


@pytest.fixture(scope="session")
def render(helm: Path) -> Render:
    """What `helm template` makes of the chart, each rendered once."""
    known: dict[str, list[Object]] = {}

    def rendered(
        values: Values | None = None, *, release: str = "event-scaler", namespace: str = "event-scaler"
    ) -> list[Object]:
        given = ["--namespace", namespace, *_flags(values or {})]
        if str([release, given]) not in known:
            done = run(helm, "template", release, str(CHART), *given)
            assert (done.returncode, done.stderr) == (0, "")
            known[str([release, given])] = [one for one in yaml.safe_load_all(done.stdout) if one]
        return known[str([release, given])]

    return rendered


@pytest.fixture(scope="session")
def refused(helm: Path) -> Callable[[Values], str]:
    """What is said to values that are none."""

    def said(values: Values) -> str:
        done = run(helm, "template", "event-scaler", str(CHART), *_flags(values))
        assert done.returncode != 0
        return done.stderr

    return said


def _flags(values: Values) -> list[str]:
    return [f"--set-json={name}={json.dumps(value)}" for name, value in values.items()]


def _by_name(objects: list[Object]) -> dict[tuple[str, str, str], Object]:
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}


def _one(objects: list[Object], kind: str, name: str = "event-scaler") -> Object:
    [found] = [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def _pod(objects: list[Object]) -> Object:
    [deployment] = [one for one in objects if one["kind"] == "Deployment"]
    return dict(deployment["spec"]["template"]["spec"])


def _variables(objects: list[Object]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in _pod(objects)["containers"][0]["env"]}


def _rights(objects: list[Object], account: str = "event-scaler") -> Rights:
    return Rights(objects, account, "event-scaler")


def _meant(one: Object) -> Object:
    """The object without labels and the annotation of what stays, and with its variables in an order."""
    made: Object = json.loads(json.dumps(one))
    made["metadata"].pop("labels", None)
    annotations = made["metadata"].pop("annotations", {})
    made["metadata"]["annotations"] = {name: value for name, value in annotations.items() if name != KEEP}
    if made["kind"] == "Deployment":
        made["spec"]["template"]["spec"]["containers"][0]["env"].sort(key=lambda variable: variable["name"])
    return made


# ------------------------------------------------------------------------------------------------- the same as the base


@pytest.mark.parametrize(
    ("folder", "values", "namespace"),
    [
        ("deploy/base", {}, "event-scaler"),
        ("deploy/overlays/namespaced", CONFINED, "event-scaler"),
        ("deploy/overlays/in-keda-namespace", IN_KEDA, "keda"),
    ],
)
def test_what_comes_out_is_what_kustomize_makes(
    render: Render, kubectl: Path, folder: str, values: Values, namespace: str
) -> None:
    """But for the Namespace: a release is kept in it, so it is there before."""
    made = subprocess.run([kubectl, "kustomize", ROOT / folder], capture_output=True, text=True, check=True)
    theirs = _by_name([one for one in yaml.safe_load_all(made.stdout) if one["kind"] != "Namespace"])
    ours = _by_name(render(values, namespace=namespace))
    assert ours.keys() == theirs.keys()
    for key, one in theirs.items():
        assert _meant(ours[key]) == _meant(one), key
        labels, more = one["metadata"].get("labels", {}), ours[key]["metadata"]["labels"]
        assert labels.items() <= more.items(), key
        assert more.keys() - labels.keys() <= LABELS


def test_what_is_made_from_elsewhere_is_in_step() -> None:
    """`scripts/gen --check` says the same."""
    assert {path: (ROOT / path).read_text(encoding="utf-8") for path in files()} == files()


def test_a_change_at_the_source_is_found_and_carried_over(tmp_path: Path) -> None:
    for name in ("scripts", "crds", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    roles, gone = tmp_path / "deploy" / "daemon" / "roles.yaml", tmp_path / "crds" / "keda.sh_scaledjobs.yaml"
    roles.write_text(roles.read_text().replace("resources: [rollouts]", "resources: [rollouts, turns]"))
    gone.unlink()

    def generate(*flags: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "scripts" / "chart.py"), *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    found = generate("--check")
    assert found.returncode == 1
    for name in ("templates/crds/keda.sh_scaledjobs.yaml", "templates/_rules.tpl"):
        assert f"deploy/chart/{name} is not what it is made from: run `scripts/gen`" in found.stderr
    assert generate().returncode == 0
    assert "[rollouts, turns]" in (tmp_path / "deploy" / "chart" / "templates" / "_rules.tpl").read_text()
    assert (generate("--check").returncode, generate("--check").stderr) == (0, "")


def test_the_versions_are_the_repository_s(render: Render) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert _pod(render())["containers"][0]["image"] == f"event-scaler:{chart['appVersion']}"
    assert chart["version"] == chart["appVersion"]


def test_helm_finds_no_fault(helm: Path) -> None:
    done = run(helm, "lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_definitions_stay_when_the_release_goes(render: Render) -> None:
    kept = {one["kind"] for one in render() if KEEP in one["metadata"].get("annotations", {})}
    found = [one for one in render() if one["kind"] == "CustomResourceDefinition"]
    assert kept == {"CustomResourceDefinition"}
    assert {one["metadata"]["annotations"][KEEP] for one in found} == {"keep"}
    assert "CustomResourceDefinition" not in {one["kind"] for one in render({"crds": {"install": False}})}


def test_the_release_s_name_is_in_every_name_and_selector(render: Render) -> None:
    objects = render(release="second")
    names = {
        one["metadata"]["name"] for one in objects if one["kind"] not in ("CustomResourceDefinition", "APIService")
    }
    assert all(name.startswith("second-event-scaler") for name in names)
    chosen = {"app.kubernetes.io/name": "event-scaler", "app.kubernetes.io/instance": "second"}
    [deployment] = [one for one in objects if one["kind"] == "Deployment"]
    assert deployment["spec"]["selector"]["matchLabels"] == chosen
    assert deployment["spec"]["template"]["metadata"]["labels"] == chosen
    assert _one(objects, "PodDisruptionBudget", "second-event-scaler")["spec"]["selector"]["matchLabels"] == chosen
    assert _one(objects, "Service", "second-event-scaler")["spec"]["selector"] == chosen
    service = _variables(objects)["SCALER_METRICS_SERVICE"]
    assert service == _one(objects, "APIService", "v1beta1.external.metrics.k8s.io")["spec"]["service"]["name"]
    assert _one(objects, "Service", service)
    asked = Asked("patch", "endpointslices", "discovery.k8s.io", OWN, service)
    assert _rights(objects, "second-event-scaler").allow(asked)


def test_names_are_never_too_long(render: Render) -> None:
    objects = render({"fullnameOverride": "x" * 60})
    assert max(len(one["metadata"]["name"]) for one in objects if one["kind"] == "Service") <= 63


# ------------------------------------------------------------------------------------------------------------- rights


def test_confined_no_right_is_left_elsewhere(render: Render) -> None:
    rights = _rights(render({**CONFINED, "clusterObjectNamespace": "credentials"}))
    assert rights.namespaces == {None, "event-scaler", "billing", "shop", "credentials"}
    assert not rights.allow(Asked("get", "secrets", name="any"), also_by="elsewhere")
    assert rights.allow(Asked("get", "secrets", name="any"), also_by="credentials")
    assert rights.allow(Asked("get", "secrets", name="any"), also_by="billing")
    assert not rights.allow(Asked("list", "pods"), also_by="credentials")


def test_its_own_namespace_may_be_served_and_named_twice(render: Render) -> None:
    objects = render({"watchNamespaces": ["event-scaler", "shop", "shop"]})
    assert len(objects) == len(_by_name(objects))
    assert _rights(objects).namespaces == {None, "event-scaler", "shop"}


@pytest.mark.parametrize("values", [{}, CONFINED])
def test_secrets_may_be_read_in_one_namespace_only(render: Render, values: Values) -> None:
    objects = render({**values, "restrictSecrets": True})
    assert _variables(objects)["KEDA_RESTRICT_SECRET_ACCESS"] == "true"
    assert _rights(objects).allow(Asked("get", "secrets", where=OWN, name="any"))
    assert not _rights(objects).allow(Asked("get", "secrets", name="any"), also_by="shop")
    assert _rights(objects).allow(Asked("list", "pods"), also_by="shop")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, None),
        (CONFINED, "false"),
        ({"allowMetadataAddresses": False}, "false"),
        ({**CONFINED, "allowMetadataAddresses": True}, None),
    ],
)
def test_who_may_ask_metadata_addresses(render: Render, values: Values, told: str | None) -> None:
    """Whoever writes a trigger, where all namespaces are served, as with KEDA; nobody, where only some are."""
    assert _variables(render(values)).get("SCALER_ALLOW_METADATA_ADDRESSES") == told


@pytest.mark.parametrize(
    ("values", "told"),
    [({}, None), (CONFINED, "false"), ({"showOwnTokenToVault": False}, "false")],
)
def test_whom_the_pods_token_is_shown_to(render: Render, values: Values, told: str | None) -> None:
    """As above."""
    assert _variables(render(values)).get("SCALER_SHOW_OWN_TOKEN_TO_VAULT") == told


def test_the_lease_may_be_elsewhere(render: Render) -> None:
    objects = render(ELSEWHERE)
    variables, rights = _variables(objects), _rights(objects)
    assert (variables["SCALER_LEASE_NAME"], variables["SCALER_LEASE_NAMESPACE"]) == ("ours", "leases")
    for verb in ("get", "watch", "patch", "create"):
        lease = Asked(verb, "leases", "coordination.k8s.io", name="" if verb == "create" else "ours")
        assert rights.allow(lease, also_by="leases")
        assert not rights.allow(lease, also_by="event-scaler")
    others = [one for one in needed() if one.resource != "leases"]
    assert [one for one in others if not rights.allow(one)] == []


def test_a_certificate_may_be_given(render: Render) -> None:
    """Then the daemon makes none, and has no right to."""
    objects, pod = render(GIVEN), _pod(render(GIVEN))
    variables = _variables(objects)
    assert [variables[f"SCALER_{name}_FILE"] for name in ("CERT", "KEY", "CA")] == [
        "/certificates/tls.crt",
        "/certificates/tls.key",
        "/certificates/ca.crt",
    ]
    assert {"name": "certificates", "secret": {"secretName": "from-cert-manager"}} in pod["volumes"]
    mounts = pod["containers"][0]["volumeMounts"]
    assert {"name": "certificates", "mountPath": "/certificates", "readOnly": True} in mounts
    assert not _rights(objects).allow(Asked("create", "secrets", where=OWN))
    injected = {"certificates": {"existingSecret": "from-cert-manager", "caKey": ""}}
    assert "SCALER_CA_FILE" not in _variables(render(injected))


def test_its_own_certificates_may_be_called_otherwise(render: Render) -> None:
    objects = render({"certificates": {"ownSecret": "mine"}})
    assert _variables(objects)["SCALER_CERT_SECRET"] == "mine"
    assert _rights(objects).allow(Asked("patch", "secrets", where=OWN, name="mine"))


@pytest.mark.parametrize(
    ("values", "installed", "may"),
    [
        ({}, True, False),
        ({"observe": True}, False, False),
        ({"takeOverMetricsApi": True}, False, True),
        ({"apiService": {"create": False}}, False, False),
    ],
)
def test_who_brings_the_metrics_api(render: Render, values: Values, installed: bool, may: bool) -> None:
    objects = render(values)
    assert ("APIService" in {one["kind"] for one in objects}) == installed
    assert _rights(objects).allow(Asked("create", *API_SERVICE, CLUSTER)) == may


@pytest.mark.parametrize(
    ("values", "release", "name"),
    [
        ({}, "event-scaler", "keda-admission"),
        ({}, "second", "second-event-scaler-admission"),
        ({"takeOverMetricsApi": True}, "event-scaler", "event-scaler-admission"),
        ({"observe": True}, "event-scaler", ""),
        ({"webhook": {"create": False}}, "event-scaler", ""),
    ],
)
def test_who_is_asked_about_objects(render: Render, values: Values, release: str, name: str) -> None:
    """KEDA's names are left to a KEDA that may have them still."""
    objects = render(values, release=release)
    found = [one for one in objects if one["kind"] == "ValidatingWebhookConfiguration"]
    assert [one["metadata"]["name"] for one in found] == ([name] if name else [])
    told = _variables(objects)
    for one in found:
        assert {hook["clientConfig"]["service"]["name"] for hook in one["webhooks"]} == {f"{name}-webhooks"}
        assert _one(objects, "Service", f"{name}-webhooks")
        assert told.get("SCALER_WEBHOOK_CONFIGURATION", "keda-admission") == name
        assert told.get("SCALER_WEBHOOK_SERVICE", "keda-admission-webhooks") == f"{name}-webhooks"
        rights = _rights(objects, "event-scaler" if release == "event-scaler" else "second-event-scaler")
        assert rights.allow(Asked("patch", *WEBHOOK, CLUSTER, name))


def test_how_objects_are_judged_is_chosen(render: Render) -> None:
    chosen = {
        "webhook": {"failurePolicy": "Fail", "strict": True, "annotations": {"cert-manager.io/inject-ca-from": "a/b"}}
    }
    objects = render(chosen)
    found = _one(objects, "ValidatingWebhookConfiguration", "keda-admission")
    assert {hook["failurePolicy"] for hook in found["webhooks"]} == {"Fail"}
    assert found["metadata"]["annotations"] == chosen["webhook"]["annotations"]
    assert _variables(objects)["SCALER_STRICT_ADMISSION"] == "true"


# ------------------------------------------------------------------------------------------------------ what is chosen


@pytest.mark.parametrize(
    ("values", "variables"),
    [
        (CONFINED, {"WATCH_NAMESPACE": "billing,shop"}),
        ({"observe": True}, {"SCALER_OBSERVE": "true"}),
        ({"takeOverMetricsApi": True}, {"SCALER_TAKE_OVER_METRICS_API": "true"}),
        ({"clusterObjectNamespace": "keys"}, {"KEDA_CLUSTER_OBJECT_NAMESPACE": "keys"}),
        ({"env": {"SCALER_LOG_LEVEL": "debug", "SCALER_LISTEN": "[::]:8080"}}, {"SCALER_LISTEN": "[::]:8080"}),
        ({"env": {"TOKEN": {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}}}, {}),
    ],
)
def test_the_environment_is_chosen(render: Render, values: Values, variables: dict[str, str]) -> None:
    found = _variables(render(values))
    assert variables.items() <= found.items()
    if "TOKEN" in found:
        assert found["TOKEN"] == {"secretKeyRef": {"name": "a", "key": "b"}}


def test_every_variable_is_a_setting(render: Render) -> None:
    values = {**CONFINED, **ELSEWHERE, **GIVEN, "restrictSecrets": True, "clusterObjectNamespace": "keys"}
    values |= {"observe": True, "takeOverMetricsApi": True, "fullnameOverride": "scaler"}
    settings = {*KEDA.values(), *(PREFIX + field.upper() for field in parameters(Settings))}
    values["opentelemetry"] = {"metrics": True, "traces": True, "traceRatio": 1}
    own = _variables(render({"certificates": {"ownSecret": "mine"}}))
    assert {*_variables(render(values)), *own} <= settings


def test_opentelemetry_is_chosen(render: Render) -> None:
    chosen = {
        "metrics": True,
        "traces": True,
        "traceRatio": 0.25,
        "endpoint": "http://collector:4317",
        "protocol": "grpc",
    }
    assert {
        "SCALER_ENABLE_OPENTELEMETRY_METRICS": "true",
        "SCALER_ENABLE_OPENTELEMETRY_TRACES": "true",
        "SCALER_TRACE_RATIO": "0.25",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }.items() <= _variables(render({"opentelemetry": chosen})).items()
    assert not [name for name in _variables(render()) if "TELEMETRY" in name or name.startswith("OTEL")]


def test_monitoring_is_chosen(render: Render) -> None:
    """The objects for the Prometheus operator and for Grafana, each by itself; what is in them is the repository's."""
    ours = {"release": "kube-prometheus"}
    chosen = {
        "monitoring": {
            "serviceMonitor": {"create": True, "labels": ours, "interval": "15s"},
            "rules": {"create": True, "labels": ours},
            "dashboard": {"create": True, "labels": ours},
        }
    }
    objects = render(chosen)
    monitor, rules = _one(objects, "ServiceMonitor"), _one(objects, "PrometheusRule")
    dashboard = _one(objects, "ConfigMap", "event-scaler-dashboard")
    for one in (monitor, rules, dashboard):
        assert ours.items() <= one["metadata"]["labels"].items()
    service = _one(objects, "Service")
    [port] = monitor["spec"]["endpoints"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert (port["port"], port["interval"]) == (service["spec"]["ports"][0]["name"], "15s")
    assert rules["spec"] == yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    told = (ROOT / "deploy" / "grafana" / "event-scaler.json").read_text(encoding="utf-8")
    assert dashboard["data"]["event-scaler.json"].strip() == told.strip()
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert not {"ServiceMonitor", "PrometheusRule", "ConfigMap"} & {one["kind"] for one in render()}


TOLERATED = {"key": "autoscaling", "operator": "Exists", "effect": "NoSchedule"}
APART: Object = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}


@pytest.mark.parametrize(
    ("values", "field", "wanted"),
    [
        ({"nodeSelector": {"kubernetes.io/os": "linux"}}, "nodeSelector", {"kubernetes.io/os": "linux"}),
        ({"tolerations": [TOLERATED]}, "tolerations", [TOLERATED]),
        ({"affinity": APART}, "affinity", APART),
        ({"priorityClassName": "system-cluster-critical"}, "priorityClassName", "system-cluster-critical"),
        ({"image": {"pullSecrets": ["registry"]}}, "imagePullSecrets", [{"name": "registry"}]),
        ({"serviceAccount": {"name": "scaler"}}, "serviceAccountName", "scaler"),
    ],
)
def test_the_pod_is_chosen(render: Render, values: Values, field: str, wanted: Any) -> None:
    assert _pod(render(values))[field] == wanted
    assert field == "serviceAccountName" or field not in _pod(render())


def test_the_container_is_chosen(render: Render) -> None:
    image = {"repository": "registry.example.com/event-scaler", "tag": "1", "pullPolicy": "Always"}
    [container] = _pod(render({"image": image, "resources": {"limits": {"memory": "2Gi"}}}))["containers"]
    assert container["image"] == "registry.example.com/event-scaler:1"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"]["limits"] == {"memory": "2Gi"}
    assert container["resources"]["requests"] == {"cpu": "100m", "memory": "256Mi"}


def test_pods_are_labelled_for_others(render: Render) -> None:
    use = {"azure.workload.identity/use": "true"}
    template = _one(render({"podLabels": use, "podAnnotations": {"a": "b"}}), "Deployment")["spec"]["template"]
    assert use.items() <= template["metadata"]["labels"].items()
    assert template["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    ("values", "there"),
    [({"replicas": 3}, True), ({"replicas": 1}, False), ({"podDisruptionBudget": {"create": False}}, False)],
)
def test_a_single_replica_may_be_drained(render: Render, values: Values, there: bool) -> None:
    objects = render(values)
    assert _one(objects, "Deployment")["spec"]["replicas"] == values.get("replicas", 2)
    assert ("PodDisruptionBudget" in {one["kind"] for one in objects}) == there


def test_the_budget_is_chosen(render: Render) -> None:
    objects = render({"podDisruptionBudget": {"minAvailable": "50%"}})
    assert _one(objects, "PodDisruptionBudget")["spec"]["minAvailable"] == "50%"


def test_the_account_is_chosen(render: Render) -> None:
    annotations = {"azure.workload.identity/client-id": "1"}
    objects = render({"serviceAccount": {"name": "scaler", "annotations": annotations}})
    assert _one(objects, "ServiceAccount", "scaler")["metadata"]["annotations"] == annotations
    assert [one for one in needed() if not _rights(objects, "scaler").allow(one)] == []
    given = render({"serviceAccount": {"create": False, "name": "scaler"}})
    assert "ServiceAccount" not in {one["kind"] for one in given}
    assert [one for one in needed() if not _rights(given, "scaler").allow(one)] == []


# ----------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 1}, "'replica' not allowed"),
        ({"watchNamespaces": "shop"}, "/watchNamespaces"),
        ({"watchNamespaces": ["billing,shop"]}, "/watchNamespaces/0"),
        ({"env": {"SCALER_LEASE_NAME": "ours"}}, "SCALER_LEASE_NAME"),
        ({"env": {"SCALER_METRIC_MAX_AGE": 5}}, "/env/SCALER_METRIC_MAX_AGE"),
        ({"lease": {"name": ""}}, "/lease/name"),
        ({"opentelemetry": {"protocol": "udp"}}, "/opentelemetry/protocol"),
        ({"opentelemetry": {"traceRatio": 2}}, "/opentelemetry/traceRatio"),
    ],
)
def test_what_is_no_value_is_refused(refused: Callable[[Values], str], values: Values, named: str) -> None:
    assert named in refused(values)


def _leaves(values: Values, within: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and value and name != "resources":
            yield from _leaves(value, f"{within}{name}.")
        else:
            yield within + name


def test_the_schema_has_every_value() -> None:
    def known(schema: Object, within: str = "") -> Iterator[str]:
        for name, one in schema["properties"].items():
            yield from known(one, f"{within}{name}.") if "properties" in one else [within + name]

    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert set(known(schema)) == {*_leaves(values), "global"}


def test_the_guide_has_every_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    text = (CHART / "README.md").read_text(encoding="utf-8")
    assert [name for name in _leaves(values) if f"| `{name}` |" not in text] == []

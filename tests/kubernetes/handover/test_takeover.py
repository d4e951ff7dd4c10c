"""What is said of a cluster that was KEDA's: a table of what was found, each with what is told about it."""

from typing import Any

import msgspec
import pytest

from scaler import catalog
from scaler.kubernetes.handover.helm import Described, Release
from scaler.kubernetes.handover.takeover import Finding, Found, Led, Severity, Webhook, findings, ready
from scaler.kubernetes.objects import Custom, ManagedField
from scaler.kubernetes.reach.registration import ApiService
from tests.kubernetes.scene import custom, hpa

PROBLEM, WARNING, NOTE = Severity.PROBLEM, Severity.WARNING, Severity.NOTE
TRIGGER = {
    "type": "cron",
    "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": "2"},
}
CRD = "scaledobjects.keda.sh"


def told(found: Found) -> list[tuple[Severity, str]]:
    """Severity and subject of everything, but that there are no definitions here."""
    return [(one.severity, one.about) for one in said(found)]


def said(found: Found) -> list[Finding]:
    every = findings(found, catalog.find)
    return [
        one
        for one in every
        if one.about not in (f"CustomResourceDefinition {CRD}", "APIService v1beta1.external.metrics.k8s.io")
    ]


def scaled(
    name: str = "orders", target: str = "worker", *, trigger: Any = None, spec: Any = None, **metadata: Any
) -> Custom:
    wanted = {"scaleTargetRef": {"name": target}, "triggers": [trigger or TRIGGER], **(spec or {})}
    return custom(name, spec=wanted, **metadata)


def objects(*found: Custom, kind: str = "ScaledObject") -> Found:
    return Found(objects={kind: found})


# ------------------------------------------------------------------------------------------------------------ who leads


@pytest.mark.parametrize(
    ("led", "severity", "says"),
    [
        (Led("keda", "keda-operator-1_a", renewed=True), PROBLEM, "keda-operator-1_a leads by it"),
        (Led("keda", "keda-operator-1_a"), NOTE, "keda-operator-1_a does not renew it any more"),
        (Led("keda"), NOTE, "nobody holds it"),
        (Led("keda", "event-scaler-0_b", renewed=True, ours=True), NOTE, "an event-scaler, leads by it"),
        (Led("keda", "event-scaler-0_b", ours=True), NOTE, "renews it no more"),
    ],
)
def test_leases(led: Led, severity: Severity, says: str) -> None:
    [one] = said(Found(leases=[led]))
    assert (one.severity, one.about) == (severity, "Lease keda/operator.keda.sh")
    assert says in one.sentence
    assert one.remedy == ("kubectl -n keda scale deployment keda-operator --replicas 0" if severity is PROBLEM else "")


# ----------------------------------------------------------------------------------------------------------------- Helm


def definition(policy: str = "", manager: str = "helm", chart: str = "") -> Described:
    notes = {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "tools"}
    wrote = ManagedField(manager, fields_v1={"f:metadata": {"f:annotations": {"f:helm.sh/resource-policy": {}}}})
    return Described(
        name=CRD,
        labels={"app.kubernetes.io/managed-by": "Helm"} | ({"helm.sh/chart": chart} if chart else {}),
        annotations=notes | ({"helm.sh/resource-policy": policy} if policy else {}),
        managed_fields=(wrote,) if policy else (),
    )


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (definition(), PROBLEM),
        (definition("delete"), PROBLEM),
        (definition("keep"), None),
        (definition("Keep ", "helm-controller"), None),
        (definition("keep", "kubectl-annotate"), WARNING),
        (Described(name=CRD), None),
        (Described(name=CRD, labels={"app.kubernetes.io/managed-by": "Helm"}), None),
    ],
)
def test_what_helm_would_take_along(found: Described, severity: Severity | None) -> None:
    """Helm reads its own record of the release: what somebody else has annotated may not be in there."""
    told = findings(Found(definitions={CRD: found}), catalog.find)
    about = [(one.severity, CRD in one.sentence, one.remedy) for one in told if one.about == "Helm release tools/keda"]
    keeping = Release("tools", "keda", "").keeping()
    assert about == ([(severity, True, keeping)] if severity else [])


def test_one_finding_for_a_release_with_the_version_of_its_chart() -> None:
    found = {name: definition(chart="keda-2.17.2") for name in (CRD, "scaledjobs.keda.sh")}
    [one] = [one for one in findings(Found(definitions=found), catalog.find) if one.severity is PROBLEM]
    assert one.sentence.startswith("`helm uninstall keda` deletes scaledjobs.keda.sh, scaledobjects.keda.sh, ")
    assert "-n tools --version 2.17.2 --reuse-values" in one.remedy


def test_without_definitions_there_is_nothing_to_take_over() -> None:
    assert [(one.severity, one.about) for one in findings(Found(), catalog.find)] == [
        (NOTE, f"CustomResourceDefinition {CRD}"),
        (NOTE, "APIService v1beta1.external.metrics.k8s.io"),
    ]


# ----------------------------------------------------------------------------------------------------------- API server


def api_service(namespace: str = "", name: str = "", **metadata: Any) -> ApiService:
    service = {"namespace": namespace, "name": name} if name else None
    return msgspec.convert({"metadata": metadata, "spec": {"service": service}}, ApiService)


KEDAS = {"labels": {"app.kubernetes.io/part-of": "keda-operator"}}
HELMS = {"annotations": {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "keda"}}


@pytest.mark.parametrize(
    ("registered", "severities"),
    [
        (None, [NOTE]),
        (api_service("keda", "keda-operator-metrics-apiserver"), [NOTE]),
        (api_service("keda", "mine", **KEDAS), [NOTE]),
        (api_service("ours", "metrics"), [NOTE]),
        (api_service("datadog", "metrics"), [PROBLEM]),
        (api_service(), [PROBLEM]),
        (api_service("ours", "metrics", **HELMS), [WARNING, NOTE]),
        (api_service("keda", "keda-metrics-apiserver", **HELMS), [WARNING, NOTE]),
    ],
)
def test_whose_the_external_metrics_are(registered: ApiService | None, severities: list[Severity]) -> None:
    found = Found({CRD: Described()}, api_service=registered, services=frozenset({("ours", "metrics")}))
    assert [one.severity for one in findings(found, catalog.find)] == severities


@pytest.mark.parametrize(
    ("webhook", "severity", "says"),
    [
        (Webhook("keda-admission", "keda/hooks", exists=True, answered=True), NOTE, "still checked by KEDA's webhook"),
        (Webhook("keda-admission", "keda/hooks", exists=True), PROBLEM, "has nobody behind it: every write of one"),
        (Webhook("a", "keda/hooks", exists=True, answered=True, ours=True), NOTE, "checked by the daemon's webhook"),
        (Webhook("a", "keda/hooks", exists=True, ours=True), WARNING, "has nobody behind it: every write of one"),
        (Webhook("a", "keda/hooks", strict=True, ours=True), PROBLEM, "is gone: no object of KEDA's can be written"),
        (Webhook("keda-admission", "keda/hooks", strict=True), PROBLEM, "is gone: no object of KEDA's can be written"),
    ],
)
def test_webhooks(webhook: Webhook, severity: Severity, says: str) -> None:
    [one] = said(Found(webhooks=[webhook]))
    assert (one.severity, bool(one.remedy)) == (severity, severity is not NOTE)
    assert says in one.sentence


# -------------------------------------------------------------------------------------------------------------- objects


@pytest.mark.parametrize(
    ("one", "sentences"),
    [
        (scaled(), []),
        (scaled(trigger={"type": "nowhere", "metadata": {}}), ["spec.triggers[0].type: "]),
        (
            scaled(spec={"advanced": {"scalingModifiers": {"formula": "a + b", "target": "2"}}}),
            ["spec.advanced.scalingModifiers.formula: "],
        ),
        (
            scaled(trigger={**TRIGGER, "authenticationRef": {"name": "mine"}}),
            ["spec.triggers[0].authenticationRef: there is no TriggerAuthentication mine"],
        ),
        (
            scaled(trigger={**TRIGGER, "authenticationRef": {"name": "all", "kind": "ClusterTriggerAuthentication"}}),
            ["spec.triggers[0].authenticationRef: there is no ClusterTriggerAuthentication all"],
        ),
        (scaled(trigger={"type": "nowhere", "metadata": {}}, deletion_timestamp="2026-11-25T00:00:00Z"), []),
    ],
)
def test_objects_that_would_be_refused(one: Custom, sentences: list[str]) -> None:
    problems = said(objects(one))
    assert {each.about for each in problems} <= {"ScaledObject shop/orders"}
    assert len(problems) == len(sentences)
    assert all(each.sentence.startswith(sentence) for each, sentence in zip(problems, sentences, strict=True))


def test_an_authentication_that_is_there_is_found() -> None:
    trigger = {**TRIGGER, "authenticationRef": {"name": "mine"}}
    mine = custom("mine", spec={"env": [{"parameter": "password", "name": "PASSWORD"}]})
    elsewhere = custom("mine", namespace="other", spec={"env": []})
    found = {"ScaledObject": [scaled(trigger=trigger)], "TriggerAuthentication": [mine]}
    assert told(Found(objects=found)) == []
    assert told(Found(objects={**found, "TriggerAuthentication": [elsewhere]})) == [
        (PROBLEM, "ScaledObject shop/orders")
    ]


def test_authentications_that_would_be_refused() -> None:
    vault = custom("vault", spec={"filePath": "/mnt/password"})
    [one] = said(objects(vault, kind="TriggerAuthentication"))
    sentence = "spec.filePath: filePath is only supported for ClusterTriggerAuthentication"
    assert (one.severity, one.sentence) == (PROBLEM, sentence)


def test_what_is_odd_but_accepted_is_a_warning() -> None:
    odd = {**TRIGGER, "metadata": {**TRIGGER["metadata"], "timezon": "UTC"}}  # type: ignore[dict-item]
    found = findings(objects(scaled(trigger=odd)), catalog.find)
    assert [one.about for one in found if one.severity is WARNING] == ["ScaledObject shop/orders"]
    assert ready(found)


def test_scaled_jobs_are_looked_at_as_scaled_objects_are() -> None:
    job = {"jobTargetRef": {"template": {}}, "triggers": [TRIGGER]}
    assert told(objects(custom("batch", spec=job), kind="ScaledJob")) == []
    usage = {**job, "triggers": [{"type": "cpu", "metadata": {"value": "60"}}]}
    found = said(objects(custom("batch", spec=usage), kind="ScaledJob"))
    assert {(one.severity, one.about) for one in found} == {(PROBLEM, "ScaledJob shop/batch")}
    assert "spec.triggers[0].type: cpu says nothing of work that waits: it makes no Jobs" in [
        one.sentence for one in found
    ]


def test_a_kind_without_namespace_is_named_without() -> None:
    one = custom("all", namespace="", spec={"podIdentity": {"provider": "nobody"}})
    assert told(objects(one, kind="ClusterTriggerAuthentication")) == [(PROBLEM, "ClusterTriggerAuthentication all")]


def test_sources_of_cloud_events_are_run() -> None:
    assert told(objects(custom("all"), kind="CloudEventSource")) == []


def test_an_hpa_of_somebody_else() -> None:
    found = Found(objects={"ScaledObject": [scaled()]}, hpas=[hpa("theirs"), hpa("elsewhere", target="other")])
    [one] = said(found)
    assert (one.severity, one.about) == (PROBLEM, "ScaledObject shop/orders")
    assert one.sentence == "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the hpa 'theirs'"


@pytest.mark.parametrize(
    "there",
    [
        hpa("keda-hpa-orders", owner="orders"),
        hpa("renamed-since", owner="orders"),
        hpa("theirs", annotations={"validations.keda.sh/hpa-ownership": "false"}),
        hpa("theirs", target="other"),
        hpa("theirs", namespace="elsewhere"),
    ],
)
def test_hpas_that_do_no_harm(there: Any) -> None:
    assert told(Found(objects={"ScaledObject": [scaled()]}, hpas=[there])) == []


def test_an_hpa_of_the_wanted_name_that_scales_something_else() -> None:
    taken = hpa("keda-hpa-orders", target="other")
    [one] = said(Found(objects={"ScaledObject": [scaled()]}, hpas=[taken]))
    assert one.sentence == "the hpa 'keda-hpa-orders' already exists and scales the Deployment 'other'"


def test_the_mode_decides_which_hpas_matter() -> None:
    """Direct, a tolerated one is somebody's all the same; what is only observed fights nobody."""
    tolerated = hpa("theirs", annotations={"validations.keda.sh/hpa-ownership": "false"})
    direct = scaled(annotations={"event-scaler.dev/mode": "direct"})
    observed = scaled(annotations={"event-scaler.dev/mode": "observe"})
    assert told(Found(objects={"ScaledObject": [direct]}, hpas=[tolerated])) == [(PROBLEM, "ScaledObject shop/orders")]
    assert told(Found(objects={"ScaledObject": [observed]}, hpas=[hpa("theirs")])) == []


def test_two_objects_on_one_workload() -> None:
    """The older one is served, and the younger one's HPA does not stand in its way: it goes."""
    old = scaled("old", creation_timestamp="2026-11-24T00:00:00Z")
    young = scaled("a-young", creation_timestamp="2026-11-25T00:00:00Z")
    found = Found(
        objects={"ScaledObject": [young, old]},
        hpas=[hpa("keda-hpa-old", owner="old"), hpa("keda-hpa-a-young", owner="a-young")],
    )
    [one] = said(found)
    assert (one.severity, one.about) == (PROBLEM, "ScaledObject shop/a-young")
    assert one.sentence == "scales the Deployment worker, as old does, which is older and is served"


def test_kedas_finalizer() -> None:
    bearing = scaled(finalizers=("finalizer.keda.sh",))
    waiting = scaled("gone", "gone", finalizers=("finalizer.keda.sh",), deletion_timestamp="2026-11-25T00:00:00Z")
    assert told(objects(bearing, waiting)) == [(WARNING, "ScaledObject shop/gone"), (NOTE, "finalizers")]
    assert said(objects(bearing, waiting))[-1].sentence.startswith("2 objects have finalizer.keda.sh")


def test_problems_come_first() -> None:
    found = Found(
        leases=[Led("keda")],
        webhooks=[Webhook("keda-admission", "keda/hooks")],
        objects={"ScaledJob": [custom("batch")]},
    )
    severities = [one.severity for one in findings(found, catalog.find)]
    assert severities == sorted(severities, key=[PROBLEM, WARNING, NOTE].index)
    assert not ready(findings(found, catalog.find))

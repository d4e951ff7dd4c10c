"""The definitions that a cluster is given: what an API server takes at all, what KEDA's users see, what is refused."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from scaler.declare import load_document
from scaler.manifests import crd
from scaler.manifests.cloud_event_source import EventType
from scaler.manifests.kinds import CLOUD_EVENT_SOURCE, KINDS, SCALED_JOB, SCALED_OBJECT, TRIGGER_AUTHENTICATION, Kind
from tests.manifests.cel import refusals

Json = Mapping[str, Any]
NAMES = [kind.kind for kind in KINDS]


def version(kind: Kind) -> Json:
    (only,) = crd.definition(kind)["spec"]["versions"]
    return only  # type: ignore[no-any-return]  # JSON


def schema(kind: Kind) -> Json:
    return version(kind)["schema"]["openAPIV3Schema"]  # type: ignore[no-any-return]  # JSON


def nodes(node: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    yield path, node
    for name, sub in node.get("properties", {}).items():
        yield from nodes(sub, f"{path}.{name}")
    for inside in ("items", "additionalProperties"):
        if isinstance(node.get(inside), Mapping):
            yield from nodes(node[inside], f"{path}[]")


def at(kind: Kind, path: str) -> Json:
    return dict(nodes(schema(kind)))[path]


# ---------------------------------------------------------------------------------------------- what a server takes


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_file_is_the_definition_written_out(kind: Kind) -> None:
    text = crd.files()[f"{kind.group}_{kind.plural}.yaml"]
    assert yaml.safe_load(text) == crd.definition(kind)
    assert "&id" not in text


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_every_node_is_structural(kind: Kind) -> None:
    """What an API server asks of a schema before it takes it, and no default that it would write into objects."""
    for path, node in nodes(schema(kind)):
        free = node.get("x-kubernetes-int-or-string") or node.get("x-kubernetes-preserve-unknown-fields")
        assert "type" in node or free, path
        assert not node.keys() & {"$ref", "oneOf", "allOf", "not", "default", "const"}, path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert ("items" in node) == (node.get("type") == "array"), path
        assert {*node.get("required", ())} <= node.get("properties", {}).keys(), path
        assert not isinstance(node.get("additionalProperties"), bool), path
        assert isinstance(node.get("exclusiveMinimum", True), bool), path


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_names_and_the_status_by_itself(kind: Kind) -> None:
    document = crd.definition(kind)
    assert document["metadata"] == {"name": f"{kind.plural}.{kind.group}"}
    assert version(kind)["subresources"] == {"status": {}}
    assert (version(kind)["served"], version(kind)["storage"]) == (True, True)
    assert at(kind, ".metadata") == {"type": "object"}


def test_every_field_is_explained() -> None:
    for kind in KINDS:
        for path, node in nodes(schema(kind)):
            if path.startswith((".spec", ".status")) and not path.endswith("[]"):
                assert node["description"].strip(), path
                assert "\n" not in node["description"], path


# ------------------------------------------------------------------------------------------------- what people see

COLUMNS = {
    "ScaledObject": "ScaleTargetKind ScaleTargetName Min Max Ready Active Fallback Paused Triggers Authentications Age",
    "ScaledJob": "Min Max Ready Active Paused Triggers Authentications Age",
    "TriggerAuthentication": "PodIdentity Secret Env VaultAddress ScaledObjects ScaledJobs",
    "ClusterTriggerAuthentication": "PodIdentity Secret Env FilePath VaultAddress ScaledObjects ScaledJobs",
    "CloudEventSource": "Active",
    "ClusterCloudEventSource": "Active",
}


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_columns_are_kedas_and_lead_to_declared_fields(kind: Kind) -> None:
    columns = version(kind)["additionalPrinterColumns"]
    assert [one["name"] for one in columns] == COLUMNS[kind.kind].split()
    known = {path for path, _ in nodes(schema(kind))} | {".metadata.creationTimestamp"}
    for one in columns:
        path = one["jsonPath"].replace("[*]", "[]").partition("[?")
        assert (f"{path[0]}[].status" if path[1] else path[0]) in known, one


def test_users_of_an_authentication_are_shown_on_wish() -> None:
    columns = version(TRIGGER_AUTHENTICATION)["additionalPrinterColumns"]
    assert [one["name"] for one in columns if one.get("priority") == 1] == ["ScaledObjects", "ScaledJobs"]


@pytest.mark.parametrize(
    ("kind", "short", "scope"),
    [
        ("ScaledObject", ["so"], "Namespaced"),
        ("ScaledJob", ["sj"], "Namespaced"),
        ("TriggerAuthentication", ["ta", "triggerauth"], "Namespaced"),
        ("ClusterTriggerAuthentication", ["cta", "clustertriggerauth"], "Cluster"),
        ("CloudEventSource", None, "Namespaced"),
        ("ClusterCloudEventSource", None, "Cluster"),
    ],
)
def test_short_names_and_scope(kind: str, short: list[str] | None, scope: str) -> None:
    spec = crd.definition(next(one for one in KINDS if one.kind == kind))["spec"]
    assert (spec["names"].get("shortNames"), spec["scope"]) == (short, scope)


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("path", "bounds"),
    [
        (".spec.pollingInterval", {"minimum": 1}),
        (".spec.maxReplicaCount", {"minimum": 1}),
        (".spec.idleReplicaCount", {"minimum": 0}),
        (".spec.triggers", {"minItems": 1}),
        (".spec.triggers[].type", {"minLength": 1}),
        (".spec.scaleTargetRef.name", {"minLength": 1}),
        (".spec.triggers[].metricType", {}),
        (".spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.selectPolicy", {}),
        (".spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies[].value", {}),
        (".spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies[].periodSeconds", {}),
        (
            ".spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.stabilizationWindowSeconds",
            {"minimum": 0, "maximum": 3600},
        ),
    ],
)
def test_bounds_are_kedas_and_no_others(path: str, bounds: Json) -> None:
    node = at(SCALED_OBJECT, path)
    assert {key: node[key] for key in node if key not in ("type", "format", "description", "items")} == bounds


SMALLEST = {
    "ScaledObject": {
        ".spec.pollingInterval": 1,
        ".spec.cooldownPeriod": 0,
        ".spec.initialCooldownPeriod": 0,
        ".spec.idleReplicaCount": 0,
        ".spec.minReplicaCount": 0,
        ".spec.maxReplicaCount": 1,
        ".spec.triggers": 1,
        ".spec.triggers[].type": 1,
        ".spec.scaleTargetRef.name": 1,
        ".spec.fallback.failureThreshold": 0,
        ".spec.fallback.replicas": 0,
        ".spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.stabilizationWindowSeconds": 0,
        ".spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds": 0,
    },
    "ScaledJob": {
        ".spec.pollingInterval": 1,
        ".spec.minReplicaCount": 0,
        ".spec.maxReplicaCount": 1,
        ".spec.successfulJobsHistoryLimit": 0,
        ".spec.failedJobsHistoryLimit": 0,
        ".spec.triggers": 1,
        ".spec.triggers[].type": 1,
    },
    "TriggerAuthentication": {
        ".spec.hashiCorpVault.secrets": 1,
        ".spec.azureKeyVault.secrets": 1,
        ".spec.gcpSecretManager.secrets": 1,
        ".spec.awsSecretManager.secrets": 1,
    },
    "CloudEventSource": {},
}


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_bounds_of_every_kind(kind: Kind) -> None:
    smallest = {
        path: node[key]
        for path, node in nodes(schema(kind))
        for key in ("minimum", "minItems", "minLength")
        if key in node
    }
    assert smallest == SMALLEST[kind.kind.removeprefix("Cluster")]
    windows = {path: node["maximum"] for path, node in nodes(schema(kind)) if "maximum" in node}
    assert windows == {path: 3600 for path in smallest if path.endswith("stabilizationWindowSeconds")}


REFERENCE = ["TriggerAuthentication", "ClusterTriggerAuthentication"]
IDENTITY = {"provider": ["azure-workload", "gcp", "aws", "aws-eks", "none"], "identityOwner": ["keda", "workload"]}
ROLLOUT = ["gradual", "immediate"]
TYPES = [one.value for one in EventType]
CHOICES = {
    "ScaledObject": {
        ".spec.triggers[].authenticationRef.kind": REFERENCE,
        ".spec.fallback.behavior": [
            "static",
            "currentReplicas",
            "currentReplicasIfHigher",
            "currentReplicasIfLower",
            "scalingModifiers",
        ],
        ".spec.advanced.scalingModifiers.metricType": ["AverageValue", "Value"],
    },
    "ScaledJob": {
        ".spec.triggers[].authenticationRef.kind": REFERENCE,
        ".spec.scalingStrategy.strategy": ["default", "custom", "accurate", "eager"],
        ".spec.scalingStrategy.multipleScalersCalculation": ["max", "min", "avg", "sum"],
        ".spec.rollout.strategy": ROLLOUT,
        ".spec.rollout.propagationPolicy": ["foreground", "background"],
        ".spec.rolloutStrategy": ROLLOUT,
    },
    "TriggerAuthentication": {
        **{
            f".spec.{block}podIdentity.{field}": choices
            for block in ("", "azureKeyVault.", "gcpSecretManager.", "awsSecretManager.")
            for field, choices in IDENTITY.items()
        },
        ".spec.hashiCorpVault.authentication": ["token", "kubernetes"],
        ".spec.hashiCorpVault.secrets[].type": ["", "secretV2", "secret", "pki"],
        ".spec.oauth2.type": ["clientCredentials"],
    },
    "CloudEventSource": {
        ".spec.authenticationRef.kind": REFERENCE,
        ".spec.eventSubscription.includedEventTypes[]": TYPES,
        ".spec.eventSubscription.excludedEventTypes[]": TYPES,
    },
}


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_choices(kind: Kind) -> None:
    """A ScaledObject's metricType and selectPolicy have none: KEDA's definitions leave them open."""
    found = {path: node["enum"] for path, node in nodes(schema(kind)) if "enum" in node}
    assert found == CHOICES[kind.kind.removeprefix("Cluster")]


def test_times_and_long_numbers_say_so() -> None:
    assert at(SCALED_OBJECT, ".status.lastActiveTime")["format"] == "date-time"
    assert at(SCALED_JOB, ".spec.jobTargetRef.activeDeadlineSeconds")["format"] == "int64"


def test_a_job_is_kept_as_it_was_written() -> None:
    job = at(SCALED_JOB, ".spec.jobTargetRef")
    assert job["x-kubernetes-preserve-unknown-fields"] is True
    assert job["required"] == ["template"]
    assert at(SCALED_JOB, ".spec.jobTargetRef.template")["x-kubernetes-preserve-unknown-fields"] is True


TRIGGERS = [{"type": "cron", "metadata": {}}]
TARGET = {"name": "worker"}


def scaled_object(**spec: Any) -> Json:
    return {"scaleTargetRef": TARGET, "triggers": TRIGGERS, **spec}


def identity(**identity: Any) -> Json:
    return {"podIdentity": identity}


def advanced(**advanced: Any) -> Json:
    return scaled_object(advanced=advanced)


FALLBACK = {"failureThreshold": 1, "replicas": 1, "behavior": "scalingModifiers"}
MIN_MAX = "minReplicaCount must not be greater than maxReplicaCount (100 where it is not given)"
IDLE = "idleReplicaCount must be less than minReplicaCount (0 where it is not given)"
FORMULA = "formula is required with scalingModifiers"
GOAL = "target is required with a formula"
BEHAVIOR = "fallback.behavior scalingModifiers needs advanced.scalingModifiers.formula"
HPA = "name must have at most 63 characters"
TENANT = "podIdentity.identityAuthorityHost needs podIdentity.identityTenantId"
OWNER = "podIdentity.roleArn must not be given with the identityOwner workload"
ROLE = "podIdentity.externalID needs podIdentity.roleArn"
BOTH = "includedEventTypes and excludedEventTypes must not be given together"
READY = ["keda.scaledobject.ready.v1"]


@pytest.mark.parametrize(
    ("kind", "spec", "messages"),
    [
        (SCALED_OBJECT, scaled_object(), []),
        (SCALED_OBJECT, scaled_object(minReplicaCount=2, maxReplicaCount=2), []),
        (SCALED_OBJECT, scaled_object(minReplicaCount=3, maxReplicaCount=2), [MIN_MAX]),
        (SCALED_OBJECT, scaled_object(minReplicaCount=100), []),
        (SCALED_OBJECT, scaled_object(minReplicaCount=101), [MIN_MAX]),
        (SCALED_OBJECT, scaled_object(idleReplicaCount=0, minReplicaCount=1), []),
        (SCALED_OBJECT, scaled_object(idleReplicaCount=1, minReplicaCount=1), [IDLE]),
        (SCALED_OBJECT, scaled_object(idleReplicaCount=0), [IDLE]),
        (SCALED_OBJECT, scaled_object(fallback=FALLBACK), [BEHAVIOR]),
        (SCALED_OBJECT, scaled_object(fallback=FALLBACK, advanced={}), [BEHAVIOR]),
        (SCALED_OBJECT, scaled_object(fallback=FALLBACK, advanced={"scalingModifiers": {}}), [BEHAVIOR]),
        (SCALED_OBJECT, scaled_object(fallback=FALLBACK | {"behavior": "static"}), []),
        (SCALED_OBJECT, scaled_object(fallback={"failureThreshold": 1, "replicas": 1}), []),
        (
            SCALED_OBJECT,
            scaled_object(fallback=FALLBACK, advanced={"scalingModifiers": {"formula": "a", "target": "1"}}),
            [],
        ),
        (SCALED_OBJECT, advanced(scalingModifiers={}), []),
        (SCALED_OBJECT, advanced(scalingModifiers={"formula": "", "target": ""}), []),
        (SCALED_OBJECT, advanced(scalingModifiers={"formula": "a"}), [GOAL]),
        (SCALED_OBJECT, advanced(scalingModifiers={"formula": "a", "target": ""}), [GOAL]),
        (SCALED_OBJECT, advanced(scalingModifiers={"target": "1"}), [FORMULA]),
        (SCALED_OBJECT, advanced(scalingModifiers={"formula": "", "activationTarget": "1"}), [FORMULA]),
        (SCALED_OBJECT, advanced(scalingModifiers={"metricType": "Value"}), [FORMULA]),
        (SCALED_OBJECT, advanced(horizontalPodAutoscalerConfig={"name": "h" * 63}), []),
        (SCALED_OBJECT, advanced(horizontalPodAutoscalerConfig={"name": "h" * 64}), [HPA]),
        (SCALED_JOB, {"jobTargetRef": {"template": {}}, "triggers": TRIGGERS, "minReplicaCount": 200}, []),
        (TRIGGER_AUTHENTICATION, {}, []),
        (TRIGGER_AUTHENTICATION, identity(provider="azure-workload", identityId="a", identityTenantId="b"), []),
        (
            TRIGGER_AUTHENTICATION,
            identity(provider="azure-workload", identityId=""),
            ["podIdentity.identityId must not be empty where it is given"],
        ),
        (
            TRIGGER_AUTHENTICATION,
            identity(provider="azure-workload", identityTenantId=""),
            ["podIdentity.identityTenantId must not be empty where it is given"],
        ),
        (TRIGGER_AUTHENTICATION, identity(provider="azure-workload", identityAuthorityHost="h"), [TENANT]),
        (
            TRIGGER_AUTHENTICATION,
            identity(provider="azure-workload", identityAuthorityHost="h", identityTenantId="t"),
            [],
        ),
        (TRIGGER_AUTHENTICATION, identity(provider="gcp", identityId="", identityAuthorityHost="h"), []),
        (TRIGGER_AUTHENTICATION, identity(provider="aws", roleArn="r", identityOwner="keda"), []),
        (TRIGGER_AUTHENTICATION, identity(provider="aws", roleArn="r", identityOwner="workload"), [OWNER]),
        (TRIGGER_AUTHENTICATION, identity(provider="aws", identityOwner="workload"), []),
        (TRIGGER_AUTHENTICATION, identity(provider="aws", externalID="e"), [ROLE]),
        (TRIGGER_AUTHENTICATION, identity(provider="aws", externalID="e", roleArn=""), [ROLE]),
        (TRIGGER_AUTHENTICATION, identity(provider="aws", externalID="e", roleArn="r"), []),
        (CLOUD_EVENT_SOURCE, {"destination": {}}, []),
        (CLOUD_EVENT_SOURCE, {"destination": {}, "eventSubscription": {"includedEventTypes": READY}}, []),
        (
            CLOUD_EVENT_SOURCE,
            {"destination": {}, "eventSubscription": {"includedEventTypes": READY, "excludedEventTypes": []}},
            [],
        ),
        (
            CLOUD_EVENT_SOURCE,
            {"destination": {}, "eventSubscription": {"includedEventTypes": READY, "excludedEventTypes": READY}},
            [BOTH],
        ),
    ],
)
def test_rules_over_several_fields(kind: Kind, spec: Json, messages: list[str]) -> None:
    """An API server asks them; loading refuses whatever they refuse."""
    assert list(refusals(schema(kind), {"spec": spec})) == messages
    if messages:
        assert load_document(kind.spec, spec, "spec").problems


def test_rules_look_into_no_list_and_stay_cheap() -> None:
    """A list without a bound is dear to an API server, which refuses a definition whose rules might cost too much."""
    for kind in KINDS:
        for path, node in nodes(schema(kind)):
            for rule in node.get("x-kubernetes-validations", ()):
                assert "[" not in path
                assert not re.search(r"\b(all|exists|exists_one|filter|map|matches)\(|\bin\b", rule["rule"])
                assert "\n" not in rule["message"]

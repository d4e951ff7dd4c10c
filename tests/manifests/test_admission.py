"""What is said of each kind by itself: KEDA's rules refuse, in KEDA's words and under KEDA's names; what KEDA lets in
is no more than doubted."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from scaler import catalog
from scaler.manifests.admission import Finding, Findings, about_annotations, findings, spec_of
from scaler.manifests.kinds import KINDS
from scaler.manifests.watched import Manifest, Ref

CRON: dict[str, Any] = {
    "type": "cron",
    "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "5"},
}
CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
KAFKA = {"type": "kafka", "metadata": {"bootstrapServers": "kafka:9092", "consumerGroup": "a", "topic": "orders"}}
FALLBACK = {"failureThreshold": 3, "replicas": 2}


def manifest(kind: str = "ScaledObject", name: str = "orders", body: Any = None, **spec: Any) -> Manifest:
    metadata = {"name": name, "namespace": "shop"}
    return Manifest(Ref(kind, "shop", name), body if body is not None else {"metadata": metadata, "spec": spec})


def scaled(*triggers: Mapping[str, Any], name: str = "orders", **spec: Any) -> Manifest:
    return manifest(name=name, scaleTargetRef={"name": "worker"}, triggers=list(triggers or (CRON,)), **spec)


def annotated(text: Any, key: str = "autoscaling.keda.sh/paused-replicas") -> Manifest:
    made = scaled()
    return Manifest(made.ref, {**made.body, "metadata": {"name": "orders", "annotations": {key: text}}})


def told(made: Manifest) -> Findings:
    return findings(made, catalog.find)


def reasons(among: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(one.path, one.reason) for one in among]


def advanced(name: str) -> dict[str, Any]:
    return {"horizontalPodAutoscalerConfig": {"name": name}}


def test_nothing_is_said_of_what_is_right() -> None:
    assert told(scaled(CRON, KAFKA)) == Findings()
    assert told(scaled(CPU, minReplicaCount=1, idleReplicaCount=None)) == Findings()


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("made", "path", "reason", "says"),
    [
        (
            scaled(minReplicaCount=5, maxReplicaCount=3),
            "spec.minReplicaCount",
            "incorrect-replicas",
            "MinReplicaCount=5 must be less than MaxReplicaCount=3",
        ),
        (
            scaled(minReplicaCount=2, idleReplicaCount=2),
            "spec.idleReplicaCount",
            "incorrect-replicas",
            "IdleReplicaCount=2 must be less than MinReplicaCount=2",
        ),
        (scaled(name="n" * 64, advanced=advanced("short")), "metadata.name", "name-too-long", "at most 63"),
        (
            scaled(name="n" * 55),
            "metadata.name",
            "hpa-name-too-long",
            f"HPA name 'keda-hpa-{'n' * 55}' is 64 characters long and must be no more than 63",
        ),
        (
            scaled(advanced=advanced("h" * 64)),
            "spec.advanced.horizontalPodAutoscalerConfig.name",
            "hpa-name-too-long",
            "63",
        ),
        (scaled(CPU, minReplicaCount=1, fallback=FALLBACK), "spec.fallback", "incorrect-fallback", "cpu and memory"),
        (
            scaled(fallback={**FALLBACK, "replicas": -1}),
            "spec.fallback.replicas",
            "incorrect-fallback",
            "must be at least 0",
        ),
        (
            scaled(fallback={**FALLBACK, "behavior": "scalingModifiers"}),
            "spec.fallback.behavior",
            "scaling-modifiers-fallback",
            "formula",
        ),
        (
            manifest(scaleTargetRef={"name": "x"}, triggers=[]),
            "spec.triggers",
            "incorrect-triggers",
            "no triggers defined in the ScaledObject/ScaledJob",
        ),
        (
            scaled({**CPU, "useCachedMetrics": True}, CRON),
            "spec.triggers[0].useCachedMetrics",
            "incorrect-triggers",
            "property useCachedMetrics is not supported for 'cpu' scaler",
        ),
        (
            scaled({**CRON, "useCachedMetrics": True}),
            "spec.triggers[0].useCachedMetrics",
            "incorrect-triggers",
            "property useCachedMetrics is not supported for 'cron' scaler",
        ),
        (
            scaled(CPU),
            "spec.minReplicaCount",
            "scale-to-zero-requirements-not-met",
            "scaledobject has only cpu/memory triggers AND minReplica is 0",
        ),
        (
            scaled(advanced={"scalingModifiers": {"target": "2"}}),
            "spec.advanced.scalingModifiers.formula",
            "scaling-modifiers",
            "is required",
        ),
        (
            scaled({**CRON, "name": "a"}, advanced={"scalingModifiers": {"formula": "a +", "target": "2"}}),
            "spec.advanced.scalingModifiers.formula",
            "scaling-modifiers",
            "error validating formula in ScalingModifiers",
        ),
        (
            scaled({**CRON, "name": "a"}, advanced={"scalingModifiers": {"formula": "a", "target": "-2"}}),
            "spec.advanced.scalingModifiers.target",
            "scaling-modifiers",
            "error validating target in ScalingModifiers",
        ),
        (scaled(pollingInterval=0), "spec.pollingInterval", "", "must be at least 1"),
        (scaled(pollingInterval="often"), "spec.pollingInterval", "", ""),
        (
            manifest(scaleTargetRef={"name": "x"}, triggers="all"),
            "spec.triggers",
            "incorrect-triggers",
            "must be a list",
        ),
        (manifest(body={"metadata": {}, "spec": None}), "spec", "", "must be a mapping"),
        (manifest(body={"metadata": [1], "spec": {}}), "metadata", "", "must be a mapping"),
        (
            manifest(body={"metadata": {"annotations": "a"}, "spec": {}}),
            "metadata.annotations",
            "",
            "must be a mapping",
        ),
        (scaled(*[CRON] * 501), "spec.triggers", "incorrect-triggers", "501 triggers are more than the 500"),
        (annotated(1, "a"), "metadata.annotations.a", "", "must be text"),
        (
            scaled({"type": "cron", "metadata": {"start": 8}}),
            "spec.triggers[0].metadata.start",
            "incorrect-triggers",
            "",
        ),
    ],
)
def test_refused(made: Manifest, path: str, reason: str, says: str) -> None:
    [refusal] = told(made).refusals
    assert (refusal.path, refusal.reason) == (path, reason)
    assert says in refusal.sentence


def test_two_triggers_of_one_name() -> None:
    twice = {**CRON, "name": "a"}
    made = told(scaled(twice, CRON, twice))
    assert reasons(made.refusals) == [(f"spec.triggers[{index}].name", "incorrect-triggers") for index in (0, 2)]
    assert "triggerName 'a' is defined multiple times" in made.refusals[0].sentence


def test_everything_is_said_at_once() -> None:
    made = told(
        scaled(
            {**KAFKA, "metadata": {"lagThreshold": "0", "topik": "orders"}},
            {"type": "kafkaa", "metadata": {}},
            {**CRON, "useCachedMetrics": True},
            name="n" * 64,
            minReplicaCount=5,
            maxReplicaCount=3,
            fallback={**FALLBACK, "behavior": "scalingModifiers"},
        )
    )
    assert {reason for _, reason in reasons(made.refusals)} == {
        "name-too-long",
        "hpa-name-too-long",
        "incorrect-replicas",
        "scaling-modifiers-fallback",
        "incorrect-triggers",
    }
    assert {one.path for one in made.doubts} >= {"spec.triggers[0].metadata.lagThreshold", "spec.triggers[1].type"}
    assert [str(one) for one in made.warnings] == [
        "spec.triggers[0].metadata.topik: is not known here, did you mean topic?"
    ]


# ------------------------------------------------------------------------------------------------------------- doubted


@pytest.mark.parametrize(
    ("made", "path", "says"),
    [
        (scaled({"type": "kafkaa", "metadata": {}}), "spec.triggers[0].type", "did you mean kafka?"),
        (scaled({**CRON, "metadata": {**CRON["metadata"], "end": "never"}}), "spec.triggers[0].metadata.end", ""),
        (scaled({**CRON, "metricType": "Utilization"}), "spec.triggers[0].metricType", "for cpu and memory only"),
        (annotated("five"), "metadata.annotations.autoscaling.keda.sh/paused-replicas", "must be a whole number"),
        (
            annotated("sideways", "event-scaler.dev/mode"),
            "metadata.annotations.event-scaler.dev/mode",
            "must be one of",
        ),
    ],
)
def test_what_cannot_work_is_doubted(made: Manifest, path: str, says: str) -> None:
    found = told(made)
    assert found.refusals == ()
    [doubt] = found.doubts
    assert doubt.path == path
    assert says in doubt.sentence
    assert [one.path for one in found.strict.refusals] == [path]
    assert found.strict.doubts == ()


def test_what_credentials_may_bring_is_not_missing() -> None:
    queue = {"type": "azure-queue", "metadata": {"queueName": "a"}, "authenticationRef": {"name": "not-there-yet"}}
    assert told(scaled(queue)) == Findings()


def test_of_annotations_alone() -> None:
    both = told(annotated("five")) + told(scaled({"type": "kafkaa", "metadata": {}}))
    said = about_annotations(both)
    assert (said.refusals, said.doubts) == ((), ())
    assert [one.path for one in said.warnings] == ["metadata.annotations.autoscaling.keda.sh/paused-replicas"]


# ------------------------------------------------------------------------------------------------------------- warnings


POLLING, COOLDOWN = "spec.pollingInterval", "spec.cooldownPeriod"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (scaled(pollingInterval=10, cooldownPeriod=10, minReplicaCount=1), [POLLING, COOLDOWN]),
        (scaled(pollingInterval=10, minReplicaCount=1), [POLLING]),
        (scaled(cooldownPeriod=10, minReplicaCount=1), [COOLDOWN]),
        (scaled(minReplicaCount=1), []),
        (scaled(pollingInterval=10, cooldownPeriod=10), []),
        (scaled(pollingInterval=10, cooldownPeriod=10, minReplicaCount=0), []),
        (scaled(pollingInterval=10, cooldownPeriod=10, minReplicaCount=2, idleReplicaCount=0), []),
        (
            scaled({**KAFKA, "useCachedMetrics": True}, pollingInterval=10, cooldownPeriod=10, minReplicaCount=1),
            [COOLDOWN],
        ),
    ],
)
def test_settings_without_effect(made: Manifest, expected: list[str]) -> None:
    found = told(made)
    assert (found.refusals, found.doubts) == ((), ())
    assert [one.path for one in found.warnings] == expected


def test_in_direct_mode_they_have_one() -> None:
    made = scaled(pollingInterval=10, cooldownPeriod=10, minReplicaCount=1)
    metadata = {"name": "orders", "annotations": {"event-scaler.dev/mode": "direct"}}
    assert told(Manifest(made.ref, {**made.body, "metadata": metadata})).warnings == ()


# ---------------------------------------------------------------------------------------------------------- other kinds


def test_a_scaled_job_is_asked_for_its_triggers() -> None:
    template = {"template": {"spec": {"containers": [{"name": "main"}]}}}
    assert told(manifest("ScaledJob", jobTargetRef=template, triggers=[KAFKA])) == Findings()
    twice = {**KAFKA, "name": "a"}
    refusals = told(manifest("ScaledJob", jobTargetRef=template, triggers=[twice, twice])).refusals
    assert reasons(refusals) == [("spec.triggers[0].name", ""), ("spec.triggers[1].name", "")]
    [refusal] = told(manifest("ScaledJob", jobTargetRef=template, triggers=[])).refusals
    assert "no triggers defined in the ScaledObject/ScaledJob" in refusal.sentence


@pytest.mark.parametrize("kind", ["TriggerAuthentication", "ClusterTriggerAuthentication"])
@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"podIdentity": {"provider": "azure-workload", "identityId": ""}}, "spec.podIdentity.identityId"),
        ({"podIdentity": {"provider": "azure-workload", "identityTenantId": ""}}, "spec.podIdentity.identityTenantId"),
        (
            {"podIdentity": {"provider": "azure-workload", "identityAuthorityHost": "https://a"}},
            "spec.podIdentity.identityAuthorityHost",
        ),
        (
            {"podIdentity": {"provider": "aws", "roleArn": "arn:x", "identityOwner": "workload"}},
            "spec.podIdentity.roleArn",
        ),
        ({"podIdentity": {"provider": "aws", "externalID": "x"}}, "spec.podIdentity.externalID"),
        ({"secretTargetRef": [{"parameter": "a", "name": "b"}]}, "spec.secretTargetRef[0].key"),
    ],
)
def test_an_identity_that_contradicts_itself(kind: str, spec: dict[str, Any], path: str) -> None:
    assert [one.path for one in told(manifest(kind, **spec)).refusals] == [path]


@pytest.mark.parametrize("kind", ["TriggerAuthentication", "ClusterTriggerAuthentication"])
@pytest.mark.parametrize(
    "oauth2",
    [
        {"type": "password", "clientId": "a", "tokenUrl": "https://a"},
        {"type": "clientCredentials", "tokenUrl": "https://a"},
        {"type": "clientCredentials", "clientId": "a"},
        {"type": "clientCredentials", "clientId": "a", "tokenUrl": "ftp://a"},
    ],
)
def test_a_token_that_nobody_gives(kind: str, oauth2: dict[str, Any]) -> None:
    secret = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    refusals = told(manifest(kind, oauth2={"clientSecret": secret, **oauth2})).refusals
    assert refusals
    assert all(one.path.startswith("spec.oauth2") for one in refusals)


@pytest.mark.parametrize("kind", ["CloudEventSource", "ClusterCloudEventSource"])
def test_sources_of_events(kind: str) -> None:
    there: dict[str, Any] = {"destination": {"http": {"uri": "http://events"}}}
    ready, failed = ["keda.scaledobject.ready.v1"], ["keda.scaledobject.failed.v1"]
    assert told(manifest(kind, **there)) == Findings()
    assert told(manifest(kind, **there, eventSubscription={"includedEventTypes": ready})) == Findings()
    both = {"includedEventTypes": ready, "excludedEventTypes": failed}
    [refusal] = told(manifest(kind, **there, eventSubscription=both)).refusals
    assert refusal.path == "spec.eventSubscription.excludedEventTypes"
    [refusal] = told(manifest(kind, **there, eventSubscription={"includedEventTypes": ["keda.else"]})).refusals
    assert refusal.path == "spec.eventSubscription.includedEventTypes[0]"
    assert [one.path for one in told(manifest(kind, destination={"http": {}})).refusals] == [
        "spec.destination.http.uri"
    ]


@pytest.mark.parametrize("uri", ["sink/events", "http://xn--a/"])
def test_a_source_whose_address_is_none_is_taken_with_a_doubt_as_kedas_is(uri: str) -> None:
    found = told(manifest("CloudEventSource", destination={"http": {"uri": uri}}))
    [doubt] = found.doubts
    assert (str(doubt), found.refusals) == ("spec.destination.http.uri: must be an http or https URL", ())


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
@pytest.mark.parametrize("spec", [None, [], "x", 1, {}, {"triggers": [None, 1, []]}, {"a": {"b": []}}])
def test_whatever_stands_there_something_is_said(kind: str, spec: Any) -> None:
    made = told(manifest(kind, body={"metadata": {"name": "a"}, "spec": spec}))
    assert isinstance(made, Findings)


def test_the_spec_is_there_where_its_fields_are_what_they_should_be() -> None:
    assert spec_of(scaled(minReplicaCount=5, maxReplicaCount=3)) is not None
    assert spec_of(scaled(minReplicaCount="5x")) is None
    assert spec_of(manifest("ScaledJob")) is None

"""Binding: every problem of a manifest together, each under its path; credentials; what was bound from what."""

from collections.abc import Mapping
from typing import Any

import pytest

from scaler import catalog
from scaler.core.model import FallbackBehavior, MetricType, Mode, PolicyType, Select
from scaler.errors import CredentialError, GivenError, ManifestError, NotFound
from scaler.manifests.bind import Binding, bind, examine
from scaler.manifests.watched import Manifest, Ref, Watched

KAFKA = {
    "type": "kafka",
    "metadata": {"bootstrapServers": "a:1,b:2", "consumerGroup": "g", "topic": "orders", "lagThreshold": "50"},
}
CRON = {
    "type": "cron",
    "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "3"},
}
CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}


def scaled_object(annotations: Mapping[str, str] | None = None, **spec: Any) -> Manifest:
    body = {
        "metadata": {"name": "orders", "namespace": "shop", "annotations": annotations or {}},
        "spec": {"scaleTargetRef": {"name": "worker"}, "triggers": [KAFKA], **spec},
    }
    return Manifest(Ref("ScaledObject", "shop", "orders"), body, created=1000.0)


class World:
    """What a cluster could tell while binding."""

    def __init__(self, data: Mapping[Ref, Mapping[str, str]], specs: Mapping[Ref, Mapping[str, Any]]) -> None:
        self.data, self.specs = data, specs

    async def read(self, ref: Ref) -> Mapping[str, str]:
        if ref not in self.data:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return self.data[ref]

    async def manifest(self, ref: Ref) -> Manifest:
        if ref not in self.specs:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return Manifest(ref, {"spec": self.specs[ref]})


async def bound(
    manifest: Manifest,
    data: Mapping[Ref, Mapping[str, str]] | None = None,
    specs: Mapping[Ref, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Watched:
    world = World(data or {}, specs or {})
    return await bind(manifest, Binding(catalog.find, world.read, world.manifest, **more))


def problems(manifest: Manifest) -> Mapping[str, str]:
    return examine(manifest, catalog.find).problems


@pytest.mark.parametrize("empty", [{}, {"apiVersion": ""}, {"kind": ""}, {"apiVersion": "", "kind": ""}])
async def test_a_target_is_a_deployment_where_nothing_else_is_said(empty: dict[str, str]) -> None:
    watched = await bound(scaled_object(scaleTargetRef={"name": "worker", **empty}))
    assert watched.spec.target_kind == "apps/v1.Deployment"


async def test_everything_of_a_spec() -> None:
    watched = await bound(
        scaled_object(
            {"autoscaling.keda.sh/paused-scale-in": "true", "event-scaler.dev/mode": "direct"},
            pollingInterval=7,
            cooldownPeriod=11,
            initialCooldownPeriod=5,
            minReplicaCount=2,
            idleReplicaCount=1,
            maxReplicaCount=9,
            fallback={"failureThreshold": 3, "replicas": 4, "behavior": "currentReplicasIfHigher"},
            advanced={
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        "scaleDown": {
                            "stabilizationWindowSeconds": 60,
                            "selectPolicy": "Min",
                            "tolerance": "0.05",
                            "policies": [{"type": "Percent", "value": 10, "periodSeconds": 15}],
                        }
                    }
                }
            },
        )
    )
    spec = watched.spec
    assert (spec.minimum, spec.idle, spec.maximum, spec.cooldown, spec.initial_cooldown) == (2, 1, 9, 11, 5)
    assert (watched.interval, spec.created, spec.mode, spec.pause.scale_in) == (7, 1000.0, Mode.DIRECT, True)
    assert spec.fallback is not None
    assert (spec.fallback.threshold, spec.fallback.replicas) == (3, 4)
    assert spec.fallback.behavior is FallbackBehavior.CURRENT_IF_HIGHER
    assert spec.behavior is not None
    down = spec.behavior.down
    assert (down.window, down.select, down.tolerance) == (60, Select.MIN, 0.05)
    assert [(one.type, one.value, one.period) for one in down.policies] == [(PolicyType.PERCENT, 10, 15)]
    assert spec.behavior.up.window is None
    [goal] = spec.goals
    assert (goal.metric, goal.target, goal.activation) == ("s0-kafka-orders", 50, 0)
    assert spec.target_kind == "apps/v1.Deployment"


async def test_metric_names_count_every_trigger() -> None:
    watched = await bound(scaled_object(triggers=[CPU, KAFKA], minReplicaCount=1), sources={"cpu": _NoSource()})
    assert [goal.metric for goal in watched.spec.goals] == ["cpu", "s1-kafka-orders"]
    assert watched.spec.goals[0].kind is MetricType.UTILIZATION


async def test_usage_of_several_containers_of_one_workload() -> None:
    """As in KEDA, where each becomes a ContainerResource of the HPA; twice the same stays an error."""
    proxy = {**CPU, "metadata": {"value": "80", "containerName": "proxy"}}
    watched = await bound(scaled_object(triggers=[CPU, proxy], minReplicaCount=1), sources={"cpu": _NoSource()})
    assert [(goal.metric, goal.container, goal.written) for goal in watched.spec.goals] == [
        ("cpu", "", "60"),
        ("cpu/proxy", "proxy", "80"),
    ]
    with pytest.raises(ManifestError, match="metricName cpu/proxy defined multiple times"):
        await bound(scaled_object(triggers=[proxy, proxy], minReplicaCount=1), sources={"cpu": _NoSource()})


def test_all_problems_at_once_each_with_its_path() -> None:
    found = problems(
        scaled_object(
            {"autoscaling.keda.sh/paused-replicas": "many"},
            minReplicaCount=5,
            maxReplicaCount=2,
            triggers=[
                {"type": "kafka", "metadata": {"bootstrapServers": "a:1", "lagThreshold": "0"}},
                {"type": "kafak", "metadata": {}},
                {"type": "cron", "metadata": {"start": "x"}, "useCachedMetrics": True},
            ],
        )
    )
    assert set(found) >= {
        "metadata.annotations.autoscaling.keda.sh/paused-replicas",
        "spec.minReplicaCount",
        "spec.triggers[0].metadata.consumerGroup",
        "spec.triggers[0].metadata.lagThreshold",
        "spec.triggers[1].type",
        "spec.triggers[2].metadata.end",
        "spec.triggers[2].metadata.desiredReplicas",
        "spec.triggers[2].useCachedMetrics",
    }
    assert found["spec.triggers[0].metadata.lagThreshold"] == "must be greater than 0"
    assert "did you mean kafka" in found["spec.triggers[1].type"]
    assert found["spec.minReplicaCount"] == "MinReplicaCount=5 must be less than MaxReplicaCount=2"


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"pollingInterval": "30"}, "spec.pollingInterval", "whole number, without quotes"),
        ({"pollingInterval": 0}, "spec.pollingInterval", "at least 1"),
        ({"triggers": []}, "spec.triggers", "no triggers defined"),
        ({"triggers": {}}, "spec.triggers", "must be a list"),
        ({"scaleTargetRef": {"name": ""}}, "spec.scaleTargetRef.name", "must not be empty"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.name", "is required"),
        ({"idleReplicaCount": 2, "minReplicaCount": 2}, "spec.idleReplicaCount", "must be less than MinReplicaCount=2"),
        ({"triggers": [CPU]}, "spec.minReplicaCount", "only cpu/memory triggers AND minReplica is 0"),
        ({"triggers": [KAFKA | {"metricType": "Utilization"}]}, "spec.triggers[0].metricType", "for cpu and memory"),
        ({"triggers": [CPU | {"metricType": "Value"}], "minReplicaCount": 1}, "spec.triggers[0].metricType", "needs"),
        ({"triggers": [KAFKA | {"name": "a"}, CRON | {"name": "a"}]}, "spec.triggers[1].name", "multiple times"),
        ({"fallback": {"replicas": 1}}, "spec.fallback.failureThreshold", "is required"),
        ({"fallback": {"failureThreshold": 1, "replicas": 1, "behavior": "x"}}, "spec.fallback.behavior", "one of"),
        (
            {"advanced": {"scalingModifiers": {"formula": "a+b"}}},
            "spec.advanced.scalingModifiers.formula",
            "unknown name",
        ),
        (
            {"advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": {"tolerance": "much"}}}}},
            "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.tolerance",
            "quantity",
        ),
        (
            {"triggers": [{"type": "kafka", "metadata": {**KAFKA["metadata"], "lagThreshold": 5}}]},  # type: ignore[dict-item]  # what a person may write
            "spec.triggers[0].metadata.lagThreshold",
            "put it in quotes",
        ),
    ],
)
def test_one_problem(spec: dict[str, Any], path: str, words: str) -> None:
    assert words in problems(scaled_object(**spec))[path]


def test_a_name_that_no_label_could_hold() -> None:
    body = {"metadata": {}, "spec": {"scaleTargetRef": {"name": "worker"}, "triggers": [KAFKA]}}
    assert not problems(Manifest(Ref("ScaledObject", "shop", "n" * 63), body))
    long = Manifest(Ref("ScaledObject", "shop", "n" * 64), body)
    assert problems(long) == {"metadata.name": "must have at most 63 characters"}


def test_an_unknown_name_is_a_warning_and_says_what_was_meant() -> None:
    entry = {**KAFKA, "metadata": {**KAFKA["metadata"], "lagTreshold": "5"}}  # type: ignore[dict-item]  # as above
    examined = examine(scaled_object(triggers=[entry], cooldownPeriods=3), catalog.find)
    assert not examined.problems
    assert examined.warnings == {
        "spec.triggers[0].metadata.lagTreshold": "is not known here, did you mean lagThreshold?",
        "spec.cooldownPeriods": "is not known here, did you mean cooldownPeriod?",
    }


TA = Ref("TriggerAuthentication", "shop", "login")
SECRET = Ref("Secret", "shop", "kafka")
WITH_LOGIN = {
    "type": "kafka",
    "metadata": {**KAFKA["metadata"], "sasl": "plaintext", "tls": "disable"},  # type: ignore[dict-item]  # as above
    "authenticationRef": {"name": "login"},
}
LOGIN = {
    "secretTargetRef": [
        {"parameter": "username", "name": "kafka", "key": "user"},
        {"parameter": "password", "name": "kafka", "key": "pass"},
    ]
}


async def test_credentials_reach_the_source_and_are_never_shown() -> None:
    data = {SECRET: {"user": "ann", "pass": "planted-secret"}}
    watched = await bound(scaled_object(triggers=[WITH_LOGIN]), data, {TA: LOGIN})
    other = await bound(scaled_object(triggers=[WITH_LOGIN]), {SECRET: {"user": "ann", "pass": "b"}}, {TA: LOGIN})
    assert watched.triggers[0].source != other.triggers[0].source
    assert "planted-secret" not in repr(watched)
    assert {TA, SECRET} <= watched.refs


async def test_a_secret_cannot_pose_as_the_daemons_identity() -> None:
    """Else whoever may write a Secret could have any file of the daemon's sent to a host of their choice."""
    names = ("podIdentity", "federatedTokenFile", "authorityHost", "clientId", "tenantId", "identityAuthorityHost")
    refs = [{"parameter": name, "name": "kafka", "key": "k"} for name in names]
    entry = {"type": "azure-queue", "metadata": {"queueName": "q", "accountName": "acc"}}
    entry["authenticationRef"] = {"name": "login"}
    with pytest.raises(ManifestError) as raised:
        await bound(scaled_object(triggers=[entry]), {SECRET: {"k": "azure-workload"}}, {TA: {"secretTargetRef": refs}})
    assert "spec.triggers[0]" in str(raised.value)


AMAZON = {
    "bootstrapServers": "b-1.shop.abc.c2.kafka.eu-west-1.amazonaws.com:9098",
    "sasl": "oauthbearer",
    "saslTokenProvider": "aws_msk_iam",
    "tls": "enable",
    "awsRegion": "eu-west-1",
}
MSK = {
    "type": "kafka",
    "metadata": {**KAFKA["metadata"], **AMAZON},  # type: ignore[dict-item]  # as above
    "authenticationRef": {"name": "login"},
}
ORDERS = "arn:aws:iam::123456789012:role/orders"


async def test_an_identity_reaches_the_trigger() -> None:
    """Named in the TriggerAuthentication, or by the workload's own ServiceAccount: the same role is the same source."""
    named = {TA: {"podIdentity": {"provider": "aws", "roleArn": ORDERS}}}
    first = await bound(scaled_object(triggers=[MSK]), {}, named)
    annotated = {Ref("Identity", "shop", "worker"): {"eks.amazonaws.com/role-arn": ORDERS}}
    second = await bound(
        scaled_object(triggers=[MSK]),
        annotated,
        {TA: {"podIdentity": {"provider": "aws", "identityOwner": "workload"}}},
    )
    own = await bound(scaled_object(triggers=[MSK]), {}, {TA: {"podIdentity": {"provider": "aws"}}})
    assert first.triggers[0].source == second.triggers[0].source != own.triggers[0].source


async def test_a_workload_without_a_role_is_named() -> None:
    with pytest.raises(CredentialError) as raised:
        await bound(scaled_object(triggers=[MSK]), {}, {TA: {"podIdentity": {"provider": "aws-eks"}}})
    assert "spec.triggers[0].authenticationRef: spec.podIdentity: the workload's role cannot be told" in str(
        raised.value
    )


async def test_a_secret_cannot_name_a_role_either() -> None:
    names = ("podIdentity", "identityRoleArn", "identityExternalId", "daemonIdentity")
    refs = [{"parameter": name, "name": "kafka", "key": "k"} for name in names]
    with pytest.raises(ManifestError, match="awsAccessKeyID"):
        await bound(scaled_object(triggers=[MSK]), {SECRET: {"k": "aws"}}, {TA: {"secretTargetRef": refs}})


async def test_the_same_manifest_is_the_same_question() -> None:
    first, second = await bound(scaled_object()), await bound(scaled_object())
    assert first.triggers[0].source == second.triggers[0].source
    assert hash(first.triggers[0].query) == hash(second.triggers[0].query)
    assert first == second


@pytest.mark.parametrize(
    ("data", "specs", "words"),
    [
        ({}, {}, "spec.triggers[0].authenticationRef: there is no TriggerAuthentication login"),
        ({}, {TA: LOGIN}, "there is no Secret kafka"),
        ({SECRET: {"user": "ann"}}, {TA: LOGIN}, "Secret kafka has no key pass"),
    ],
)
async def test_a_reference_that_leads_nowhere_is_named(data: Any, specs: Any, words: str) -> None:
    with pytest.raises(CredentialError) as raised:
        await bound(scaled_object(triggers=[WITH_LOGIN]), data, specs)
    assert words in str(raised.value)
    assert "ann" not in str(raised.value)


async def test_a_wrong_authentication_is_named_with_its_own_path() -> None:
    with pytest.raises(ManifestError) as raised:
        await bound(scaled_object(triggers=[WITH_LOGIN]), {}, {TA: {"hashiCorpVault": {"address": "x"}}})
    assert "TriggerAuthentication login" in str(raised.value)
    assert "spec.hashiCorpVault" in str(raised.value)


async def test_the_environment_of_the_target_feeds_from_env() -> None:
    entry = {"type": "kafka", "metadata": {"bootstrapServersFromEnv": "BROKERS", "consumerGroup": "g", "topic": "t"}}
    manifest = scaled_object(triggers=[entry], scaleTargetRef={"name": "worker", "envSourceContainerName": "main"})
    watched = await bound(manifest, {Ref("Environment", "shop", "worker/main"): {"BROKERS": "k:9092"}})
    assert "k:9092" in repr(watched.triggers[0].source)
    assert Ref("Secret", "shop", "") in watched.refs
    with pytest.raises(ManifestError, match="the environment has no BROKERS"):
        await bound(manifest, {Ref("Environment", "shop", "worker/main"): {}})


QUEUE = {"type": "azure-queue", "metadata": {"queueName": "orders"}}


@pytest.mark.parametrize("connection", ["", "nothing that can be read"])
async def test_a_wrong_value_in_a_secret_is_mended_without_an_edit(connection: str) -> None:
    entry = {**QUEUE, "authenticationRef": {"name": "login"}}
    spec = {"secretTargetRef": [{"parameter": "connection", "name": "kafka", "key": "c"}]}
    with pytest.raises(GivenError) as raised:
        await bound(scaled_object(triggers=[entry]), {SECRET: {"c": connection}}, {TA: spec})
    assert raised.value.retriable
    wrong = {**entry, "metadata": {**QUEUE["metadata"], "queueLength": "none"}}  # type: ignore[dict-item]
    for triggers in ([QUEUE], [wrong], [entry, {"type": "cron", "metadata": {}}]):
        with pytest.raises(ManifestError) as refused:
            await bound(scaled_object(triggers=triggers), {SECRET: {"c": connection}}, {TA: spec})
        assert not refused.value.retriable, "the manifest itself is wrong: that takes an edit"


async def test_a_wrong_value_in_the_environment_is_mended_without_an_edit() -> None:
    entry = {**QUEUE, "metadata": {"queueName": "orders", "connectionFromEnv": "CONNECTION"}}
    data = {Ref("Environment", "shop", "worker/"): {"CONNECTION": "nothing"}}
    with pytest.raises(GivenError):
        await bound(scaled_object(triggers=[entry]), data)


async def test_parameters_from_the_workloads_environment() -> None:
    spec = {"env": [{"parameter": "username", "name": "USER"}, {"parameter": "password", "name": "PASS"}]}
    data = {Ref("Environment", "shop", "worker/"): {"USER": "ann", "PASS": "secret"}}
    watched = await bound(scaled_object(triggers=[WITH_LOGIN]), data, {TA: spec})
    same = await bound(scaled_object(triggers=[WITH_LOGIN]), {SECRET: {"user": "ann", "pass": "secret"}}, {TA: LOGIN})
    other = await bound(scaled_object(triggers=[WITH_LOGIN]), {SECRET: {"user": "bob", "pass": "secret"}}, {TA: LOGIN})
    assert watched.triggers[0].source == same.triggers[0].source
    assert watched.triggers[0].source != other.triggers[0].source


def test_what_may_still_come_is_not_missing() -> None:
    assert not problems(scaled_object(triggers=[WITH_LOGIN]))


def test_one_bad_trigger_does_not_hide_the_others() -> None:
    found = problems(scaled_object(triggers=[{"metadata": {}}, {"type": "kafka", "metadata": {"topic": "t"}}]))
    assert "spec.triggers[0].type" in found
    assert "spec.triggers[1].metadata.bootstrapServers" in found


async def test_the_adapter_may_leave_no_choice_of_mode() -> None:
    watched = await bound(scaled_object({"event-scaler.dev/mode": "hpa"}), mode=Mode.DIRECT)
    assert watched.spec.mode is Mode.DIRECT


def test_an_authentication_by_itself() -> None:
    ref = Ref("TriggerAuthentication", "shop", "login")
    body = {"spec": {"secretTargetRef": [{"parameter": "a", "name": "b"}], "podIdentity": {"provider": "aws"}}}
    found = problems(Manifest(ref, body))
    assert found["spec.secretTargetRef[0].key"] == "is required"
    assert examine(Manifest(ref, {"spec": {"secretTargetRefs": []}}), catalog.find).warnings


class _NoSource:
    """Stands where the cluster's own source would; only looked up here, never opened."""

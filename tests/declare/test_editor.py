"""The schema that editors check manifests by: it marks what loading would refuse as far as a file alone can say."""

from typing import Any

import pytest

from scaler.declare import (
    AUTH,
    ENV,
    METADATA,
    Declared,
    Duration,
    Listed,
    Resource,
    activation,
    load,
    param,
    secret,
    target,
)
from scaler.declare.editor import editor_schema, metadata_schema
from tests.declare.json_schema import complaints


class Kafka(Declared):
    """Lag of a consumer group."""

    servers: str = param("Where.", places=(METADATA, ENV), names=("bootstrapServers",))
    topic: str = param("Which.", names=("topic", "topicName"))
    lag_threshold: int = target("Lag for one replica.", default=10)
    activation_lag_threshold: float = activation()
    policy: str = param("From where.", default="latest", choices=("latest", "earliest"))
    modes: Listed = param("Which.", default=(), choices=("a", "b"))
    verify: bool = param("Whether.", default=True)
    timeout: Duration = param("How long.", default=3.0)
    sasl: str = param("How to log in.", default="", places=(METADATA, AUTH))
    username: str = param("Who.", places=(METADATA, AUTH))
    password: str = secret("The password.", default="")
    partition: str = param("Which.", default="", exclusive=("partitions",))
    partitions: str = param("Which.", default="")
    old: str = param("An old one.", default="", deprecated="Use policy.")
    older: str = param("An older one.", default="", announce="Goes away.")


class Entry(Resource):
    """A trigger."""

    type: str = param("Its type.")
    metadata: dict[str, str] = param("Its parameters.", default={})


class Spec(Resource):
    """A spec."""

    triggers: tuple[Entry, ...] = param("What is watched.")
    cooldown_period: int = param("Seconds.", default=300, at_least=0)


class Other(Resource):
    """Another spec."""

    env: str = param("A variable.", default="")


SCHEMA = editor_schema({"ScaledObject": Spec, "TriggerAuthentication": Other}, Entry, {"kafka": Kafka})
GOOD = {"bootstrapServers": "k:9092", "topic": "orders"}


def manifest(metadata: dict[str, Any], type_: str = "kafka") -> dict[str, Any]:
    spec = {"triggers": [{"type": type_, "metadata": metadata}]}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lagThreshold": "5", "activationLagThreshold": "0.5", "policy": "earliest", "verify": "F", "timeout": "1m30s"},
        {"timeout": "500", "lagThreshold": "", "modes": "a, b", "sasl": "plain", "username": "me"},
        {"bootstrapServersFromEnv": "SERVERS"},
        {"partition": "1"},
        {"older": "x"},
    ],
)
def test_what_loading_accepts_is_not_marked(changes: dict[str, str]) -> None:
    metadata = {**GOOD, **changes}
    assert load(Kafka, metadata).problems == {}
    assert complaints(SCHEMA, manifest(metadata)) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"lagThreshold": "5.0"}, ".lagThreshold: pattern"),
        ({"lagThreshold": "five"}, ".lagThreshold: pattern"),
        ({"activationLagThreshold": "05"}, ".activationLagThreshold: pattern"),
        ({"verify": "yes"}, ".verify: pattern"),
        ({"timeout": "1 h"}, ".timeout: pattern"),
        ({"timeout": "-1s"}, ".timeout: pattern"),
        ({"policy": "newest"}, ".policy: enum"),
        ({"old": "x"}, ".old: not"),
        ({"partition": "1", "partitions": "2"}, ": not"),
    ],
)
def test_what_loading_refuses_is_marked(changes: dict[str, str], complaint: str) -> None:
    metadata = {**GOOD, **changes}
    assert load(Kafka, metadata).problems != {}
    assert complaints(SCHEMA, manifest(metadata)) == [f".spec.triggers[0].metadata{complaint}"]


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"topic": "t"}, ": anyOf"),
        ({"bootstrapServers": "k"}, ": anyOf"),
        ({**GOOD, "lagTreshold": "5"}, ".lagTreshold: unknown"),
        ({**GOOD, "password": "p"}, ".password: unknown"),
        ({**GOOD, "topicFromEnv": "T"}, ".topicFromEnv: unknown"),
        ({**GOOD, "lagThreshold": 5}, ".lagThreshold: type"),
    ],
)
def test_what_is_missing_unknown_or_not_text_is_marked(metadata: dict[str, Any], complaint: str) -> None:
    assert complaints(SCHEMA, manifest(metadata))[0] == f".spec.triggers[0].metadata{complaint}"


def test_a_plug_ins_type_is_not_marked_and_a_malformed_one_is() -> None:
    assert complaints(SCHEMA, manifest({"anything": "goes"}, "my-queue")) == []
    assert complaints(SCHEMA, manifest({}, "My_Queue")) == [".spec.triggers[0].type: anyOf"]


def test_the_rest_of_the_object_is_looked_at_too() -> None:
    document = manifest(GOOD)
    document["spec"] |= {"cooldownPeriod": -1, "coolDown": 1}
    assert complaints(SCHEMA, document) == [".spec.cooldownPeriod: minimum", ".spec.coolDown: unknown"]
    del document["spec"]
    assert complaints(SCHEMA, document) == [".spec: required"]


def test_other_kinds_in_the_same_file_are_left_alone() -> None:
    assert complaints(SCHEMA, {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1}}) == []
    assert complaints(
        SCHEMA, {"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication", "spec": {"x": 1}}
    ) == [".spec.x: unknown"]


def test_everything_is_described() -> None:
    properties = metadata_schema(Kafka)["properties"]
    assert properties["topic"]["description"] == properties["topicName"]["description"] == "Which."
    assert "Where." in properties["bootstrapServersFromEnv"]["description"]
    assert properties["lagThreshold"]["default"] == "10"
    assert properties["older"]["deprecationMessage"] == "Goes away."

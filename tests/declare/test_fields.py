"""The vocabulary of a declaration: what a class that uses it says of itself, and what its instances are."""

import pytest
from pydantic import ValidationError

from scaler.declare import (
    AUTH,
    ENV,
    METADATA,
    Declared,
    Duration,
    Listed,
    Ranges,
    Resource,
    activation,
    param,
    parameters,
    secret,
    target,
)


class Queue(Declared):
    """A queue."""

    queue_name: str = param("Name of the queue.")
    tls: str = param(
        "Whether to use TLS.", default="disable", names=("tls", "enableTLS"), choices=("enable", "disable")
    )
    host: str = param("Where it is.", places=(AUTH, METADATA, ENV))
    password: str = secret("The password.", default="")
    length: float = target("Messages for one replica.", default=5, names=("queueLength",))
    activation_length: int = activation()
    timeout: Duration | None = param("How long to wait.", default=None)
    shards: Ranges = param("Which shards.", default=())
    hosts: Listed = param("More hosts.", default=())
    verify: bool = param("Whether to look at the certificate.", default=True)


def test_a_name_is_the_fields_in_camel_case_unless_said_otherwise() -> None:
    names = {field: one.names for field, one in parameters(Queue).items()}
    assert names["queue_name"] == ("queueName",)
    assert names["activation_length"] == ("activationLength",)
    assert names["tls"] == ("tls", "enableTLS")
    assert names["length"] == ("queueLength",)


def test_parameters_come_in_the_order_of_declaration() -> None:
    assert [*parameters(Queue)][:4] == ["queue_name", "tls", "host", "password"]


def test_places_are_metadata_but_for_secrets() -> None:
    places = {field: one.words.places for field, one in parameters(Queue).items()}
    assert places["queue_name"] == (METADATA,)
    assert places["password"] == (AUTH,)
    assert places["host"] == (AUTH, METADATA, ENV)
    assert parameters(Queue)["host"].readable_from(ENV)
    assert not parameters(Queue)["password"].readable_from(METADATA)


def test_what_has_no_default_is_required() -> None:
    assert [field for field, one in parameters(Queue).items() if one.required] == ["queue_name", "host"]


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("queue_name", "text"),
        ("length", "number"),
        ("activation_length", "integer"),
        ("timeout", "duration"),
        ("shards", "list of numbers and ranges"),
        ("hosts", "list"),
        ("verify", "true or false"),
    ],
)
def test_the_kind_follows_from_the_annotation(field: str, kind: str) -> None:
    assert parameters(Queue)[field].kind.name == kind


def test_the_roles() -> None:
    roles = {field: one.words.role for field, one in parameters(Queue).items()}
    assert (roles["length"], roles["activation_length"]) == ("target", "activation")
    assert (roles["password"], roles["queue_name"]) == ("secret", "param")


def test_a_target_is_greater_than_zero() -> None:
    assert parameters(Queue)["length"].words.above == 0


def test_nothing_is_declared_without_its_documentation() -> None:
    with pytest.raises(TypeError, match="declared with its documentation"):
        param("")


def test_a_shared_group_is_a_base_class() -> None:
    class Credentials(Declared):
        """Shared."""

        username: str = param("Who.", default="")

    class Broker(Credentials):
        """A broker."""

        vhost: str = param("Where.", default="/")

    assert [*parameters(Broker)] == ["username", "vhost"]


def queue(**changes: object) -> Queue:
    return Queue.model_validate({"queue_name": "orders", "host": "h", "password": "hush", **changes}, by_name=True)


def test_instances_are_values() -> None:
    assert queue() == queue()
    assert hash(queue()) == hash(queue())
    assert queue() != queue(password="other")


def test_a_default_that_is_written_is_no_difference() -> None:
    assert queue(tls="disable", length="5") == queue()


def test_instances_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        queue().queue_name = "other"


def test_a_secret_is_in_no_text_of_an_instance() -> None:
    shown = queue(password="hush-3f1c")
    assert "hush-3f1c" not in f"{shown!r} {shown} {shown!s}"
    assert shown.password == "hush-3f1c"


def test_a_refused_value_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as refused:
        queue(length="hush-3f1c", tls="hush-3f1c")
    assert "hush-3f1c" not in str(refused.value)
    assert "must be a number" in str(refused.value)


class Policy(Resource):
    """A part of a custom resource."""

    type: str = param("Its type.", choices=("Pods", "Percent"))
    value: int = param("How many.", above=0, at_most=10)
    stop: bool = param("Whether to stop.", default=False)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"type": "Pods", "value": "5"}, "must be a whole number, without quotes"),
        ({"type": "Pods", "value": 5.5}, "must be a whole number, without quotes"),
        ({"type": "Pods", "value": True}, "must be a whole number, without quotes"),
        ({"type": 5, "value": 5}, "must be text; put it in quotes"),
        ({"type": "Pods", "value": 5, "stop": "true"}, "must be true or false, without quotes"),
        ({"type": "pods", "value": 5}, "must be one of Pods, Percent"),
        ({"type": "Pods", "value": 0}, "must be greater than 0"),
        ({"type": "Pods", "value": 11}, "must be at most 10"),
    ],
)
def test_a_resource_takes_jsons_types_as_strictly_as_an_api_server(written: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Policy.model_validate(written)

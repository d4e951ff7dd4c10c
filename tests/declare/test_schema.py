"""Schemas of declared classes, and the list of parameters in KEDA's layout."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import ConfigDict

from scaler.core.quantity import parse
from scaler.declare import (
    AUTH,
    ENV,
    METADATA,
    Declared,
    Duration,
    QuantityText,
    Resource,
    Rule,
    activation,
    param,
    secret,
    target,
)
from scaler.declare.schema import CRD, Dialect, parameter_list, schema_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Resource):
    """A part."""

    name: str = param("Its name.")
    limit: int | None = param("A bound.", default=None, above=0, at_most=9)


class Open(Resource):
    """A part that
    keeps what it is given."""

    model_config = ConfigDict(extra="allow")

    name: str = param("Its name.")


class Outer(Resource):
    """The whole."""

    rules = (Rule("!has(self.count) || self.count < self.ratio", "count must be less than ratio"),)

    inner: Inner = param("A part.")
    parts: tuple[Inner, ...] = param("More parts.", default=())
    labels: dict[str, str] = param("Text by name.", default={})
    ports: Mapping[str, int] | None = param("Numbers by name.", default=None)
    kind: str = param("Its kind.", default="a", choices=("a", "b"))
    colour: Colour = param("Its colour.", default=Colour.RED)
    side: Literal["left", "right"] = param("Its side.", default="left")
    ratio: float = param("A ratio.", default=0.5, above=0)
    count: int = param("How many.", default=0, at_least=0)
    stop: bool = param("Whether to stop.", default=False)
    tolerance: QuantityText | None = param("A quantity.", default=None)
    template: Any = param("Anything.", default=None)
    parts_of_it: Mapping[str, Any] = param("Anything by name.", default={})
    title: str = param("A title.", default="a", filled=True)
    steps: tuple[str, ...] = param("Steps.", default=("a",), filled=True)
    mode: str = param("A mode.", default="a", choices=("a", "b"), loose=True)
    most: int = param("The most.", default=1, above=0, at_most=9, loose=True)
    since: str = param("A time.", default="", format="date-time")
    more: Open | None = param("More.", default=None)


EDITOR = Dialect(defaults=True, closed=True)
QUANTITY = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE])?$"
INNER = {
    "type": "object",
    "description": "A part.",
    "properties": {
        "name": {"type": "string", "description": "Its name."},
        "limit": {"type": "integer", "format": "int32", "description": "A bound.", "minimum": 1, "maximum": 9},
    },
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("inner", INNER | {"description": "A part."}),
        ("parts", {"type": "array", "items": INNER, "description": "More parts."}),
        (
            "labels",
            {"type": "object", "additionalProperties": {"type": "string"}, "description": "Text by name."},
        ),
        (
            "ports",
            {
                "type": "object",
                "additionalProperties": {"type": "integer", "format": "int32"},
                "description": "Numbers by name.",
            },
        ),
        ("kind", {"type": "string", "description": "Its kind.", "enum": ["a", "b"]}),
        ("colour", {"type": "string", "description": "Its colour.", "enum": ["red", "blue"]}),
        ("side", {"type": "string", "description": "Its side.", "enum": ["left", "right"]}),
        ("ratio", {"type": "number", "description": "A ratio.", "minimum": 0, "exclusiveMinimum": True}),
        ("count", {"type": "integer", "format": "int32", "description": "How many.", "minimum": 0}),
        ("stop", {"type": "boolean", "description": "Whether to stop."}),
        (
            "tolerance",
            {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "pattern": QUANTITY,
                "x-kubernetes-int-or-string": True,
                "description": "A quantity.",
            },
        ),
        ("template", {"x-kubernetes-preserve-unknown-fields": True, "description": "Anything."}),
        (
            "partsOfIt",
            {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "description": "Anything by name."},
        ),
        ("title", {"type": "string", "description": "A title.", "minLength": 1}),
        ("steps", {"type": "array", "items": {"type": "string"}, "description": "Steps.", "minItems": 1}),
        ("mode", {"type": "string", "description": "A mode."}),
        ("most", {"type": "integer", "format": "int32", "description": "The most."}),
        ("since", {"type": "string", "format": "date-time", "description": "A time."}),
        (
            "more",
            {
                "type": "object",
                "description": "More.",
                "properties": {"name": {"type": "string", "description": "Its name."}},
                "required": ["name"],
                "x-kubernetes-preserve-unknown-fields": True,
            },
        ),
    ],
)
def test_a_property_follows_from_its_annotation(name: str, schema: object) -> None:
    assert schema_of(Outer)["properties"][name] == schema


@pytest.mark.parametrize("text", ["1", "+1.5", "-.5", "1.", "100m", "2Gi", "1e3", "1E-3", "5E", "0"])
def test_a_quantity_is_told_from_other_text(text: str) -> None:
    assert re.search(QUANTITY, text)
    parse(text)


@pytest.mark.parametrize("text", ["", "much", "1 Gi", "1Gii", "1e", ".", "1K", "1mm", "e3"])
def test_other_text_is_no_quantity(text: str) -> None:
    assert not re.search(QUANTITY, text)
    with pytest.raises(ValueError, match="quantity"):
        parse(text)


def test_rules_are_an_api_servers_alone() -> None:
    assert schema_of(Outer)["x-kubernetes-validations"] == [
        {"rule": "!has(self.count) || self.count < self.ratio", "message": "count must be less than ratio"}
    ]
    assert "x-kubernetes-validations" not in schema_of(Outer, EDITOR)


def test_an_editor_is_told_every_bound_in_its_own_dialect() -> None:
    properties = schema_of(Outer, EDITOR)["properties"]
    assert (properties["mode"]["enum"], properties["most"]["maximum"]) == (["a", "b"], 9)
    assert properties["ratio"]["exclusiveMinimum"] == 0
    assert "minimum" not in properties["ratio"]


def test_what_is_open_stays_open_and_is_described_in_one_line() -> None:
    schema = schema_of(Open, EDITOR)
    assert "additionalProperties" not in schema
    assert schema["description"] == "A part that keeps what it is given."


def test_what_has_no_default_is_required() -> None:
    assert schema_of(Outer)["required"] == ["inner"]
    assert "required" not in schema_of(Outer, CRD)["properties"]["labels"]


def test_a_crd_has_neither_defaults_nor_closed_objects() -> None:
    text = repr(schema_of(Outer, CRD))
    assert "'default'" not in text
    assert "'additionalProperties': False" not in text


def test_an_editor_wants_both() -> None:
    schema = schema_of(Outer, EDITOR)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["inner"]["additionalProperties"] is False
    defaults = {name: one["default"] for name, one in schema["properties"].items() if "default" in one}
    assert defaults == {
        "kind": "a",
        "colour": "red",
        "side": "left",
        "ratio": 0.5,
        "count": 0,
        "stop": False,
        "title": "a",
        "mode": "a",
        "most": 1,
    }


def test_a_class_may_be_pointed_at() -> None:
    schema = schema_of(Outer, Dialect(elsewhere={Inner: "#/$defs/inner"}))
    assert schema["properties"]["inner"]["$ref"] == "#/$defs/inner"
    assert schema["properties"]["parts"]["items"] == {"$ref": "#/$defs/inner"}


class Queue(Declared):
    """A queue."""

    name: str = param("Its name.", names=("queueName", "queue"))
    host: str = param("Where.", places=(METADATA, AUTH, ENV))
    mode: str = param("How.", default="all", choices=("all", "ready"))
    length: float = target("Messages for one replica.", default=5)
    activation_length: int = activation()
    timeout: Duration = param("How long.", default=3.0)
    verify: bool = param("Whether.", default=False)
    vhost: str = param("Which.", default="")
    password: str = secret("The password.", default="hush")
    old: str = param("An old one.", default="", deprecated="Use mode.")
    older: str = param("An older one.", default="", announce="Goes away.")


def test_parameters_in_kedas_layout() -> None:
    content = parameter_list({"queue": Queue}, "1.2.3")
    assert (content["schemaVersion"], content["eventScalerVersion"]) == (1, "1.2.3")
    (queue,) = content["scalers"]
    assert queue["type"] == "queue"
    text = {"type": "string", "metadataVariableReadable": True}
    assert queue["parameters"] == [
        {"name": "queueName"} | text,
        {"name": "queue"} | text,
        {"name": "host"} | text | {"envVariableReadable": True, "triggerAuthenticationVariableReadable": True},
        {"name": "mode", "default": "all", "allowedValue": ["all", "ready"]} | text,
        {"name": "length", "default": "5"} | text,
        {"name": "activationLength", "default": "0"} | text,
        {"name": "timeout", "default": "3s"} | text,
        {"name": "verify", "default": "false"} | text,
        {"name": "vhost", "optional": True} | text,
        {"name": "password", "type": "string", "optional": True, "triggerAuthenticationVariableReadable": True},
        {"name": "old", "optional": True, "deprecated": "Use mode."} | text,
        {"name": "older", "optional": True, "deprecatedAnnounce": "Goes away."} | text,
    ]


def test_types_are_listed_by_name() -> None:
    assert [one["type"] for one in parameter_list({"b": Queue, "a": Queue}, "1")["scalers"]] == ["a", "b"]

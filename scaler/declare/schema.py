"""JSON schemas made from declared classes: a class itself (`schema_of`, for CRDs and editors alike), and the parameters
of trigger types in the layout of KEDA's own list (`parameter_list`), by which the two can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from scaler.declare.fields import AUTH, ENV, METADATA, Declared, Parameter, Resource, Words, parameters
from scaler.declare.kinds import shown

Json = dict[str, Any]
_SCALARS: dict[Any, Json] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int32"},
    float: {"type": "number"},
}
_QUANTITY: Json = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE])?$",
    "x-kubernetes-int-or-string": True,
}
_OPEN: Json = {"x-kubernetes-preserve-unknown-fields": True}


@dataclass(frozen=True)
class Dialect:
    """What a schema is for. A CRD has neither defaults nor closed objects: an API server would write the ones into
    objects and refuse what the others do not list. `elsewhere` are classes that are pointed at, not spelled out."""

    defaults: bool = False
    closed: bool = False
    elsewhere: Mapping[type[Declared], str] = field(default_factory=dict)

    @property
    def served(self) -> bool:
        """Whether an API server admits objects by it: rules in CEL, OpenAPI 3.0, and no bound that KEDA has not."""
        return not self.closed


CRD = Dialect()


def schema_of(cls: type[Declared], dialect: Dialect = CRD) -> Json:
    """A declared class as an object whose values have JSON's types."""
    fields = parameters(cls).values()
    schema: Json = {"type": "object", "description": " ".join((cls.__doc__ or "").split())}
    if fields:
        schema["properties"] = {one.name: _property(cls, one, dialect) for one in fields}
    if required := [one.name for one in fields if one.required]:
        schema["required"] = required
    if cls.model_config.get("extra") == "allow":
        schema |= _OPEN
    elif dialect.closed:
        schema["additionalProperties"] = False
    if dialect.served and issubclass(cls, Resource) and cls.rules:
        schema["x-kubernetes-validations"] = [{"rule": one.cel, "message": one.message} for one in cls.rules]
    return schema


def _property(cls: type[Declared], parameter: Parameter, dialect: Dialect) -> Json:
    info, words = cls.model_fields[parameter.field], parameter.words
    schema = dict(_QUANTITY) if parameter.kind.name == "quantity" else _shape(info.annotation, dialect)
    schema["description"] = parameter.doc
    if words.format:
        schema["format"] = words.format
    if words.filled:
        schema["minItems" if schema.get("type") == "array" else "minLength"] = 1
    if not (words.loose and dialect.served):
        schema |= _bounds(words, dialect, whole=schema.get("type") == "integer")
    if dialect.defaults and isinstance(parameter.default, str | int | float) and parameter.default != "":
        schema["default"] = parameter.default
    return schema


def _bounds(words: Words, dialect: Dialect, *, whole: bool) -> Json:
    bounds: Json = {"enum": list(words.choices)} if words.choices else {}
    if words.above is not None and whole:
        bounds["minimum"] = words.above + 1
    elif words.above is not None:
        openapi = {"minimum": words.above, "exclusiveMinimum": True}
        bounds |= openapi if dialect.served else {"exclusiveMinimum": words.above}
    if words.at_least is not None:
        bounds["minimum"] = words.at_least
    if words.at_most is not None:
        bounds["maximum"] = words.at_most
    return bounds


def _shape(annotation: Any, dialect: Dialect) -> Json:
    """The schema of a Python type: a declared class, a scalar, an enumeration, or a list or mapping of those. What may
    be anything is open, and so is a mapping to anything."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _shape(next(one for one in arguments if one is not NoneType), dialect)
    if origin is Annotated:
        return _shape(arguments[0], dialect)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin in (tuple, list):
        return {"type": "array", "items": _shape(arguments[0], dialect)}
    if origin in (dict, Mapping):
        return {"type": "object"} | (
            _OPEN if arguments[1] is Any else {"additionalProperties": _shape(arguments[1], dialect)}
        )
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"type": "string", "enum": [one.value for one in annotation]}
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        pointer = dialect.elsewhere.get(annotation)
        return {"$ref": pointer} if pointer else schema_of(annotation, dialect)
    return dict(_SCALARS.get(annotation, _OPEN))


# ---------------------------------------------------------------------------------------------------- KEDA's layout


def parameter_list(scalers: Mapping[str, type[Declared]], version: str) -> Json:
    """All trigger types in the layout of KEDA's own `scalers-schema.json`; an alias is a parameter of its own there."""
    return {
        "schemaVersion": 1,
        "eventScalerVersion": version,
        "scalers": [
            {
                "type": type_,
                "parameters": [_as_keda(one, name) for one in parameters(cls).values() for name in one.names],
            }
            for type_, cls in sorted(scalers.items())
        ],
    }


def _as_keda(parameter: Parameter, name: str) -> Json:
    words, default = parameter.words, default_of(parameter)
    entry: Json = {"name": name, "type": "string"}
    if not parameter.required and not default:
        entry["optional"] = True
    for key, value in (
        ("default", default),
        ("allowedValue", list(words.choices)),
        ("deprecated", words.deprecated),
        ("deprecatedAnnounce", words.announce),
        ("metadataVariableReadable", parameter.readable_from(METADATA)),
        ("envVariableReadable", parameter.readable_from(ENV)),
        ("triggerAuthenticationVariableReadable", parameter.readable_from(AUTH)),
    ):
        if value:
            entry[key] = value
    return entry


def default_of(parameter: Parameter) -> str:
    """The default as it would be written; nothing where there is none, or where it may not be shown."""
    if parameter.required or parameter.words.role == "secret" or parameter.default is None:
        return ""
    return shown(parameter.default, parameter.kind)

"""One JSON schema for files of manifests, by which an editor completes and checks them: what a trigger's `metadata` may
hold follows from its `type`. It refuses nothing that loading accepts but unknown names, and says less than loading."""

from collections.abc import Iterator, Mapping

from scaler.declare.fields import AUTH, ENV, METADATA, Declared, Parameter, parameters
from scaler.declare.schema import Dialect, Json, default_of, schema_of

_WRITTEN = {
    "integer": r"^(-?(0|[1-9][0-9]*))?$",
    "number": r"^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)?$",
    "true or false": "^(true|false|True|False|TRUE|FALSE|t|f|T|F|1|0)?$",
    "duration": r"^(\+?([0-9]+|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h))+))?$",
}


def editor_schema(
    kinds: Mapping[str, type[Declared]], trigger: type[Declared], scalers: Mapping[str, type[Declared]]
) -> Json:
    """One schema for files of manifests: `kinds` are the classes of their `spec`, `trigger` is the class in them whose
    `metadata` depends on its `type`. What is not of these kinds may stand in the same file and is not looked at."""
    dialect = Dialect(defaults=True, closed=True, elsewhere={trigger: _at("trigger")["$ref"]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifests of event-scaler",
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"anyOf": [{"enum": sorted(kinds)}, {"type": "string"}]},
        },
        "allOf": [
            _when("kind", kind, {"required": ["apiVersion", "spec"], "properties": {"spec": _at(f"{kind}.spec")}})
            for kind in sorted(kinds)
        ],
        "$defs": {
            "trigger": _trigger_schema(trigger, scalers),
            **{f"{kind}.spec": schema_of(cls, dialect) for kind, cls in sorted(kinds.items())},
            **{f"trigger.{type_}": metadata_schema(cls) for type_, cls in sorted(scalers.items())},
        },
    }


def _trigger_schema(trigger: type[Declared], scalers: Mapping[str, type[Declared]]) -> Json:
    schema = schema_of(trigger, Dialect(defaults=True, closed=True))
    known = {"enum": sorted(scalers)}
    schema["properties"]["type"]["anyOf"] = [known, {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}]
    schema["allOf"] = [
        _when("type", type_, {"properties": {"metadata": _at(f"trigger.{type_}")}}) for type_ in sorted(scalers)
    ]
    return schema


def _when(name: str, value: str, then: Json) -> Json:
    return {"if": {"properties": {name: {"const": value}}, "required": [name]}, "then": then}


def _at(definition: str) -> Json:
    return {"$ref": f"#/$defs/{definition}"}


def metadata_schema(cls: type[Declared]) -> Json:
    """A trigger's `metadata`: every value is text, and `…FromEnv` stands beside what the environment may give."""
    fields = parameters(cls).values()
    schema: Json = {
        "type": "object",
        "description": (cls.__doc__ or "").strip(),
        "properties": dict(_entries(cls)),
        "additionalProperties": False,
    }
    rules = [rule for one in fields if (rule := _presence(one))] + list(_exclusions(cls))
    return schema | ({"allOf": rules} if rules else {})


def _entries(cls: type[Declared]) -> Iterator[tuple[str, Json]]:
    for parameter in parameters(cls).values():
        for name in parameter.names:
            if parameter.readable_from(METADATA):
                yield name, _text(parameter)
            if parameter.readable_from(ENV):
                about = f"Environment variable of the scaled workload that holds {name}: {parameter.doc}"
                yield f"{name}FromEnv", {"type": "string", "description": about}


def _text(parameter: Parameter) -> Json:
    words = parameter.words
    schema: Json = {"type": "string", "description": parameter.doc}
    if words.deprecated:
        return schema | {"not": {}, "errorMessage": words.deprecated, "deprecationMessage": words.deprecated}
    if words.announce:
        schema |= {"deprecated": True, "deprecationMessage": words.announce}
    if words.choices and parameter.kind.name == "text":
        schema["enum"] = list(words.choices)
    elif pattern := _WRITTEN.get(parameter.kind.name):
        schema |= {"pattern": pattern, "errorMessage": f"must be of the kind: {parameter.kind.name}"}
    if default := default_of(parameter):
        schema["default"] = default
    return schema


def _presence(parameter: Parameter) -> Json | None:
    """A required parameter, unless it may come from a TriggerAuthentication: then nobody can say by the file alone."""
    if not parameter.required or parameter.readable_from(AUTH):
        return None
    ways = [[name] for name in parameter.names if parameter.readable_from(METADATA)]
    ways += [[f"{name}FromEnv"] for name in parameter.names if parameter.readable_from(ENV)]
    return {"required": ways[0]} if len(ways) == 1 else {"anyOf": [{"required": way} for way in ways]}


def _exclusions(cls: type[Declared]) -> Iterator[Json]:
    for parameter in parameters(cls).values():
        for other in parameter.words.exclusive:
            sentence = f"{parameter.name} must not be set together with {other}"
            yield {"not": {"required": [parameter.name, other]}, "errorMessage": sentence}

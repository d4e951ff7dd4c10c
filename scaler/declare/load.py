"""From what was written to an instance of its declaration: places, aliases, `…FromEnv`, all problems at once, and what
is odd but accepted as notes. The same function serves the daemon, the webhook and `scaler validate`; it does no I/O."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Generic, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scaler.declare.fields import Declared, Parameter, Place, parameters

D = TypeVar("D", bound=Declared)


class _Unresolved:
    """Stands for a place that cannot be looked into yet (admission, `validate` without a cluster): what may still come
    from there is not missing."""

    def __repr__(self) -> str:
        return "UNRESOLVED"


UNRESOLVED: Final = _Unresolved()
Values = Mapping[str, str] | _Unresolved


@dataclass(frozen=True, slots=True)
class Loaded(Generic[D]):
    """`value` is there when there are no problems and nothing required is unresolved. Keys are as written."""

    value: D | None
    problems: Mapping[str, str]
    notes: Mapping[str, str]


def load(cls: type[D], metadata: Mapping[str, str], auth: Values = UNRESOLVED, env: Values = UNRESOLVED) -> Loaded[D]:
    """Read `metadata` (and, for parameters that allow it, `auth` and `env`) as the declared class.

    Values are trimmed and an empty one is not set, as in KEDA (behaviour 3.15). Raises nothing."""
    found: dict[str, Any] = {}
    written: dict[str, str] = {}
    problems: dict[str, str] = {}
    open_ends: set[str] = set()
    for field, parameter in parameters(cls).items():
        name, text = _find(parameter, metadata, auth, env)
        written[field] = name or parameter.name
        if text:
            found[field] = text
            if parameter.words.deprecated:
                problems[written[field]] = parameter.words.deprecated
            if parameter.words.once and (count := _places(parameter, metadata, auth, env)) > 1:
                problems[written[field]] = f"must be set in one place only, not in {count}"
        elif _may_still_come(parameter, metadata, auth, env):
            open_ends.add(field)
        elif parameter.required:
            problems[parameter.name] = _missing(parameter, metadata)
    problems.update(_exclusions(cls, found, written))
    value, refused = _validated(cls, found)
    if value is None and refused:  # the rules over several parameters still hold for the sound ones
        checked, _ = _validated(cls, {field: text for field, text in found.items() if field not in refused})
    else:
        checked = value
    known = {written[field]: problem for field, problem in refused.items() if field in found} | problems
    for name, problem in checked.check() if checked is not None else ():
        if not _open(cls, name, open_ends) and not any(_names(cls, name, written[field]) for field in refused):
            known.setdefault(name, problem)
    problems = known
    notes = dict(_notes(cls, metadata, found, written))
    return Loaded(None if problems or open_ends & _required(cls) else value, problems, notes)


def _validated(cls: type[D], found: Mapping[str, Any]) -> tuple[D | None, dict[str, str]]:
    """The instance, or why there is none: a sentence for each field that was refused, the missing ones included."""
    try:
        return cls.model_validate(found, by_name=True), {}
    except ValidationError as error:
        said = error.errors(include_input=False, include_context=False, include_url=False)
        return None, {_field_of(cls, str(one["loc"][0])): one["msg"] for one in reversed(said)}


def _names(cls: type[Declared], name: str, written: str) -> bool:
    """Whether two spellings are of one parameter."""
    return name == written or any(name in one.names and written in one.names for one in parameters(cls).values())


def _places(parameter: Parameter, metadata: Mapping[str, str], auth: Values, env: Values) -> int:
    """In how many of its places the parameter is set."""
    alone = (replace(parameter, words=replace(parameter.words, places=(one,))) for one in parameter.words.places)
    return sum(bool(_find(one, metadata, auth, env)[1]) for one in alone)


def _find(parameter: Parameter, metadata: Mapping[str, str], auth: Values, env: Values) -> tuple[str, str]:
    """The first place that has the parameter: (the key it was found under, its text)."""
    for place in parameter.words.places:
        for name in parameter.names:
            key, text = name, ""
            match place:
                case Place.METADATA:
                    text = metadata.get(name, "")
                case Place.AUTH if not isinstance(auth, _Unresolved):
                    text = auth.get(name, "")
                case Place.ENV if not isinstance(env, _Unresolved):
                    key = f"{name}FromEnv"
                    text = env.get(variable, "") if (variable := metadata.get(key)) else ""
            if text := text.strip():
                return key, text
    return "", ""


def _may_still_come(parameter: Parameter, metadata: Mapping[str, str], auth: Values, env: Values) -> bool:
    if parameter.readable_from(Place.AUTH) and isinstance(auth, _Unresolved):
        return True
    asked = any(metadata.get(f"{name}FromEnv") for name in parameter.names)
    return asked and parameter.readable_from(Place.ENV) and isinstance(env, _Unresolved)


def _missing(parameter: Parameter, metadata: Mapping[str, str]) -> str:
    for name in parameter.names:
        if (variable := metadata.get(f"{name}FromEnv")) and parameter.readable_from(Place.ENV):
            return f"is required, and the environment has no {variable} to take it from"
    return f"is required ({' or '.join(_ways(parameter))})"


def _ways(parameter: Parameter) -> Iterator[str]:
    for place in parameter.words.places:
        match place:
            case Place.METADATA:
                yield "in metadata"
            case Place.AUTH:
                yield "by authenticationRef"
            case Place.ENV:
                yield f"by {parameter.name}FromEnv"


def _exclusions(cls: type[Declared], found: Mapping[str, Any], written: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    fields = parameters(cls)
    by_name = {name: field for field, one in fields.items() for name in one.names}
    for field in found:
        for other in fields[field].words.exclusive:
            if by_name[other] in found:
                yield written[field], f"must not be set together with {other}"


def _required(cls: type[Declared]) -> set[str]:
    return {field for field, parameter in parameters(cls).items() if parameter.required}


def _open(cls: type[Declared], name: str, open_ends: set[str]) -> bool:
    return any(name in parameters(cls)[field].names for field in open_ends)


def _field_of(cls: type[Declared], location: str) -> str:
    """pydantic names a field by its alias in errors."""
    if location in parameters(cls):
        return location
    return next(field for field, info in cls.model_fields.items() if info.alias == location)


def _notes(
    cls: type[Declared], metadata: Mapping[str, str], found: Mapping[str, Any], written: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    known = {name: parameter for parameter in parameters(cls).values() for name in parameter.names}
    for field in found:
        if announce := parameters(cls)[field].words.announce:
            yield written[field], announce
    for key in metadata:
        base = key.removesuffix("FromEnv")
        if key in known:
            if not known[key].readable_from(Place.METADATA):
                yield key, f"is not read from metadata, only {' or '.join(_ways(known[key]))}"
        elif base in known:
            if not known[base].readable_from(Place.ENV):
                yield key, f"{base} is not read from the environment, only {' or '.join(_ways(known[base]))}"
        else:
            yield key, unknown(key, known)


_LONGEST_NAME, _MOST_NOTES = 100, 100


def unknown(key: str, known: Mapping[str, Any]) -> str:
    """The sentence for a name that nothing declares, with the nearest that something does. A text that is much longer
    than any name is not compared: that takes long."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6) if len(key) <= _LONGEST_NAME else []
    return f"is not known here{f', did you mean {near[0]}?' if near else ''}"


_SENTENCES = {
    "missing": "is required",
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "tuple_type": "must be a list",
    "enum": "must be one of {expected}",
}


def load_document(cls: type[D], document: Any, path: str) -> Loaded[D]:
    """Read a part of a custom resource (decoded JSON or YAML) as the declared class; keys are paths below `path`."""
    notes = dict(islice(_unknown_fields(cls, document, path), _MOST_NOTES))
    try:
        value = cls.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return Loaded(None, {_path(path, one["loc"]): _sentence(one) for one in found}, notes)
    problems = {f"{path}.{name}": problem for name, problem in value.check()}
    return Loaded(None if problems else value, problems, notes)


def _sentence(error: ErrorDetails) -> str:
    """Ours for what pydantic says in words of its own; never with what was written."""
    sentence = _SENTENCES.get(error["type"], error["msg"])
    return sentence.replace("{expected}", str(error.get("ctx", {}).get("expected", "")).replace("'", ""))


def _path(start: str, location: tuple[int | str, ...]) -> str:
    return start + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


def _unknown_fields(cls: type[Declared], document: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(document, Mapping):
        return
    known = {parameter.name: field for field, parameter in parameters(cls).items()}
    for key, value in document.items():
        where = f"{path}.{key}"
        if key not in known:
            if cls.model_config.get("extra") != "allow":
                yield where, unknown(str(key), known)
        elif inner := _declared_in(annotation := cls.model_fields[known[key]].annotation):
            by_name = get_origin(annotation) in (dict, Mapping)
            for at, one in _parts(value, where, by_name=by_name):
                yield from _unknown_fields(inner, one, at)


def _parts(value: Any, where: str, *, by_name: bool) -> Iterator[tuple[str, Any]]:
    """(path, document) of what stands in a field: itself, the entries of a list, or the values of a mapping."""
    if isinstance(value, list):
        yield from ((f"{where}[{index}]", one) for index, one in enumerate(value))
    elif by_name and isinstance(value, Mapping):
        yield from ((f"{where}.{name}", one) for name, one in value.items())
    else:
        yield where, value


def _declared_in(annotation: Any) -> type[Declared] | None:
    """The declared class that a field holds, by itself, optionally, in a tuple or as a mapping's values."""
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        return annotation
    return next((inner for one in get_args(annotation) if (inner := _declared_in(one))), None)

"""The vocabulary of a declaration: `param`, `secret`, `target`, `activation` on a class that extends `Declared`. The
first argument is the documentation, so that nothing is declared without it. What is done with it stands elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticUndefined

from scaler.declare.kinds import SCALARS, Kind


class Place(StrEnum):
    """Where a parameter's value may come from; the order of `places` is the order of search (KEDA behaviour 6)."""

    METADATA = "metadata"
    AUTH = "auth"
    ENV = "env"


METADATA, AUTH, ENV = Place.METADATA, Place.AUTH, Place.ENV
Role = Literal["param", "secret", "target", "activation"]


@dataclass(frozen=True, slots=True)
class Words:
    """What a declaration says beyond name, type and default."""

    role: Role = "param"
    places: tuple[Place, ...] = (METADATA,)
    names: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    deprecated: str = ""
    announce: str = ""
    exclusive: tuple[str, ...] = ()
    once: bool = False
    filled: bool = False
    loose: bool = False
    format: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over several fields as an API server asks it: an expression in CEL, in which `self` is the object. What
    it refuses, `check` refuses for everybody else."""

    cel: str
    message: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter, as loading, schema and documentation look at it. `names[0]` is how it is written; `kind`
    is how its text is read."""

    field: str
    names: tuple[str, ...]
    doc: str
    kind: Kind
    required: bool
    default: Any
    words: Words

    @property
    def name(self) -> str:
        return self.names[0]

    def readable_from(self, place: Place) -> bool:
        return place in self.words.places


def param(
    doc: str,
    *,
    default: Any = PydanticUndefined,
    places: tuple[Place, ...] = (METADATA,),
    names: tuple[str, ...] = (),
    choices: tuple[str, ...] = (),
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    deprecated: str = "",
    announce: str = "",
    exclusive: tuple[str, ...] = (),
    once: bool = False,
    filled: bool = False,
    loose: bool = False,
    format: str = "",
) -> Any:
    """A parameter; without `default` it is required. `above` is exclusive, `at_least` and `at_most` are inclusive;
    `names` are the spellings where they are not the field's camelCase, first the one to document; `deprecated` refuses
    the parameter with that sentence, `announce` warns with it; `exclusive` names what must not be set beside it;
    `once` refuses it where more than one of its places has it. Of custom resources: `filled` says in schemas that a
    text or list must not be empty (in loading, `check` does), `loose` keeps choices and bounds out of a CRD, because
    KEDA's admits more, and `format` is the schema's where it does not follow from the type."""
    words = Words("param", places, names, choices, above, at_least, at_most, deprecated, announce, exclusive, once)
    return _declared(doc, default, replace(words, filled=filled, loose=loose, format=format))


def secret(
    doc: str,
    *,
    default: Any = PydanticUndefined,
    places: tuple[Place, ...] = (AUTH,),
    names: tuple[str, ...] = (),
    exclusive: tuple[str, ...] = (),
) -> Any:
    """A parameter that is never shown: not by `repr`, nor in a log, an error, the board, the documentation."""
    return _declared(doc, default, Words("secret", places, names, exclusive=exclusive))


def target(
    doc: str,
    *,
    default: Any = PydanticUndefined,
    names: tuple[str, ...] = (),
    above: float | None = 0,
    places: tuple[Place, ...] = (METADATA,),
) -> Any:
    """What one replica should handle: the number the metric is divided by."""
    return _declared(doc, default, Words("target", places, names, above=above))


def activation(
    doc: str = "The target leaves zero when the value is greater than this.",
    *,
    default: Any = 0,
    names: tuple[str, ...] = (),
    at_least: float | None = None,
    places: tuple[Place, ...] = (METADATA,),
) -> Any:
    """The value above which the trigger is active (strictly, as in KEDA)."""
    return _declared(doc, default, Words("activation", places, names, at_least=at_least))


def _declared(doc: str, default: Any, words: Words) -> Any:
    if not doc:
        raise TypeError("a parameter is declared with its documentation")
    return Field(
        default=default,
        alias=words.names[0] if words.names else None,
        description=doc,
        repr=words.role != "secret",
        json_schema_extra={"words": words},  # type: ignore[dict-item]  # pydantic's type is JSON's; the schema made from it is ours, not pydantic's
    )


class Declared(BaseModel):
    """A class whose instances are what somebody wrote: frozen, comparable, hashable. Strings are read by KEDA's rules
    (`kinds`); a value that is refused is never quoted."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        validate_default=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _by_kedas_rules(cls, value: Any, info: Any) -> Any:
        """Scalars arrive as text: read here, so that no declaration spells out how (KEDA behaviour 3.15)."""
        if not isinstance(value, str):
            return value
        parameter = parameters(cls)[info.field_name]
        read = parameter.kind.read(value)
        _check_bounds(parameter.words, read)
        return read

    def check(self) -> Iterator[tuple[str, str]]:
        """Rules over several parameters: yields (parameter, problem). A shared group composes by `super().check()`."""
        yield from ()


_JSON: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "text; put it in quotes"),
    "quantity": ((str, int, float), "a quantity such as 500m or 2Gi"),
    "integer": ((int,), "a whole number, without quotes"),
    "number": ((int, float), "a number, without quotes"),
    "true or false": ((bool,), "true or false, without quotes"),
}


class Resource(Declared):
    """A part of a custom resource: values arrive with JSON's types, and are taken as strictly as by an API server. A
    class whose `model_config` says `extra="allow"` keeps what it does not declare."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    @field_validator("*", mode="before")
    @classmethod
    def _by_kedas_rules(cls, value: Any, info: Any) -> Any:
        parameter = parameters(cls)[info.field_name]
        types, a = _JSON.get(parameter.kind.name, ((), ""))
        if types and value is not None:
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                _refuse(f"must be {a}")
            _check_bounds(parameter.words, value)
        return str(value) if parameter.kind.name == "quantity" and value is not None else value


def _check_bounds(words: Words, value: Any) -> None:
    if words.choices and any(one not in words.choices for one in (value if isinstance(value, tuple) else (value,))):
        _refuse(f"must be one of {', '.join(words.choices)}")
    if words.above is not None and value <= words.above:
        _refuse(f"must be greater than {words.above:g}")
    if words.at_least is not None and value < words.at_least:
        _refuse(f"must be at least {words.at_least:g}")
    if words.at_most is not None and value > words.at_most:
        _refuse(f"must be at most {words.at_most:g}")


def _refuse(sentence: str) -> None:
    raise PydanticCustomError("declared", "{sentence}", {"sentence": sentence})


_OTHER = Kind("object", lambda text: text)


@cache
def parameters(cls: type[BaseModel]) -> dict[str, Parameter]:
    """All parameters of a declared class, by field, in the order of declaration."""
    return {name: _parameter(name, info) for name, info in cls.model_fields.items()}


def _parameter(name: str, info: Any) -> Parameter:
    extra = info.json_schema_extra
    words = extra["words"] if isinstance(extra, dict) and "words" in extra else Words()
    names = words.names or (info.alias or to_camel(name),)
    return Parameter(
        field=name,
        names=names,
        doc=info.description or "",
        kind=_kind(info),
        required=info.is_required(),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        words=words,
    )


def _kind(info: Any) -> Kind:
    for mark in info.metadata:
        if isinstance(mark, Kind):
            return mark
    annotation = info.annotation
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not NoneType)
    if get_origin(annotation) is Annotated:
        return next(mark for mark in get_args(annotation)[1:] if isinstance(mark, Kind))
    return SCALARS.get(annotation, _OTHER)

"""Finds scalers: `scalers/<type>.py` first, then plug-ins (entry points of the group `scaler.triggers`). The daemon
knows no type by itself; only what is named is imported, and what is wrong with one is an error of that type alone."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, metadata
from types import ModuleType
from typing import Any, TypeGuard

from scaler.declare.load import unknown
from scaler.errors import ManifestError
from scaler.sdk.scaler import AnyScaler, Scaler

DISTRIBUTION = "event-scaler"
BUILT_IN = "built in"
_GROUP = "scaler.triggers"
_TYPE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class UnknownScaler(ManifestError):
    """There is no usable scaler of this type."""

    def __init__(self, sentence: str) -> None:
        super().__init__({"type": sentence})
        self.sentence = sentence


class MissingLibrary(UnknownScaler):
    """The scaler is there, the optional library that it needs is not installed."""


@dataclass(frozen=True, slots=True, order=True)
class Listing:
    """A type that is to be had: built in or from a distribution. `problem` says why it cannot be used."""

    type: str
    origin: str
    problem: str = ""


@cache
def find(type_: str) -> type[AnyScaler]:
    """The class of a type, imported now. Raises `UnknownScaler`, whose path is that of the trigger's `type`."""
    plug_ins = _plug_ins().get(type_, ()) if _TYPE.fullmatch(type_) else ()
    if type_ in _built_in():
        return _scaler_in(_imported(type_, None))
    if not plug_ins:
        raise UnknownScaler(unknown(type_, dict.fromkeys([*_built_in(), *_plug_ins()])))
    if len(plug_ins) > 1:
        raise UnknownScaler(f"is offered by {' and '.join(map(_origin, plug_ins))}: only one of them may be installed")
    return _scaler_in(_imported(type_, plug_ins[0]))


def types(*, imported: bool = False) -> list[Listing]:
    """Every type, by name. What is wrong with one is known for certain only after it was `imported`."""
    return sorted(Listing(type_, origin, problem) for type_, origin, problem in _listings(imported))


def _listings(imported: bool) -> Iterator[tuple[str, str, str]]:
    built_in, plug_ins = _built_in(), _plug_ins()
    for type_ in built_in:
        yield type_, BUILT_IN, _problem(type_) if imported else ""
    for type_, offers in plug_ins.items():
        for offer in offers:
            if not _TYPE.fullmatch(type_):
                yield type_, _origin(offer), "is no type: lower-case letters, digits and single hyphens make one"
            elif type_ in built_in:
                yield type_, _origin(offer), "is not used: a built-in scaler has the same type"
            else:
                yield type_, _origin(offer), _problem(type_) if imported or len(offers) > 1 else ""


def _problem(type_: str) -> str:
    try:
        find(type_)
    except UnknownScaler as error:
        return error.sentence
    return ""


def _built_in() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(importlib.import_module("scalers").__path__))
    return [name.replace("_", "-") for name in names if not name.startswith("_")]


def _plug_ins() -> dict[str, tuple[EntryPoint, ...]]:
    found = entry_points(group=_GROUP)
    return {name: tuple(found.select(name=name)) for name in found.names}


def _origin(plug_in: EntryPoint) -> str:
    return plug_in.dist.name if plug_in.dist else "a package without a name"


def _imported(type_: str, plug_in: EntryPoint | None) -> ModuleType:
    """A scaler's module. Nothing secret is known yet when a module is imported, so the cause may be quoted here."""
    try:
        module = plug_in.load() if plug_in else importlib.import_module(f"scalers.{type_.replace('-', '_')}")
    except ModuleNotFoundError as error:
        raise _missing(error, type_, plug_in) from error
    except Exception as error:  # whatever a module does while it is imported is this type's failure, nobody else's
        whose = f"the plug-in of {_origin(plug_in)}" if plug_in else "the scaler"
        raise UnknownScaler(f"{whose} cannot be imported ({type(error).__name__}: {error})") from error
    if not isinstance(module, ModuleType):
        raise UnknownScaler(f"the entry point {plug_in.value if plug_in else type_} does not name a module")
    return module


def _missing(error: ModuleNotFoundError, type_: str, plug_in: EntryPoint | None) -> UnknownScaler:
    """The extra to install is named after the file of `scalers/` that wanted the library, or after the type."""
    if plug_in:
        return MissingLibrary(f"the plug-in of {_origin(plug_in)} needs {error.name}, which is not installed")
    wanting, frame = "", error.__traceback__
    while frame is not None:
        name = frame.tb_frame.f_globals.get("__name__", "")
        wanting = name.removeprefix("scalers.") if name.startswith("scalers.") else wanting
        frame = frame.tb_next
    extra = next((one for one in (wanting.strip("_").replace("_", "-"), type_) if one in _extras()), "")
    if extra:
        return MissingLibrary(f"needs an optional library: pip install '{DISTRIBUTION}[{extra}]'")
    return UnknownScaler(f"the scaler needs {error.name}, which is not installed")


def _extras() -> list[str]:
    try:
        return metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return []


def _scaler_in(module: ModuleType) -> type[AnyScaler]:
    own: set[type[AnyScaler]] = {
        one for name, one in vars(module).items() if name[0] != "_" and _is_scaler_of(module, one)
    }
    if len(own) != 1:
        raise UnknownScaler(f"the module {module.__name__} defines {len(own)} scalers, not one")
    return own.pop()


def _is_scaler_of(module: ModuleType, one: Any) -> TypeGuard[type[AnyScaler]]:
    """pydantic leaves `Scaler[Q, A]` itself in the module that spells it first; that is nobody's scaler."""
    if not isinstance(one, type) or not issubclass(one, Scaler) or one.__module__ != module.__name__:
        return False
    return one.__pydantic_generic_metadata__["origin"] is None

"""A container's variables, resolved as the kubelet does. Pure: `needed` names the Secrets and ConfigMaps that must be
read, `environment` resolves over what came of that. Who reads them, and how, is the adapters' business."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from scaler.credentials.resolve import Read
from scaler.errors import Forbidden, NotFound

Name = tuple[str, str]
"""(kind, name) of a Secret or ConfigMap in the container's own namespace."""

Outcome = Mapping[str, str] | NotFound | Forbidden
"""The data of one of those, or why there is none."""


class _Written(Struct, frozen=True, rename="camel"):
    """The base of everything that is read of a container; what is not named here is not looked at."""


class Named(_Written, frozen=True):
    name: str = ""
    optional: bool = False


class Keyed(_Written, frozen=True):
    key: str
    name: str = ""
    optional: bool = False


class FieldRef(_Written, frozen=True):
    field_path: str


class ValueFrom(_Written, frozen=True):
    secret_key_ref: Keyed | None = None
    config_map_key_ref: Keyed | None = None
    field_ref: FieldRef | None = None


class Variable(_Written, frozen=True):
    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class VariablesFrom(_Written, frozen=True):
    prefix: str = ""
    secret_ref: Named | None = None
    config_map_ref: Named | None = None


class Container(_Written, frozen=True):
    """A container as far as its variables go."""

    name: str = ""
    env: tuple[Variable, ...] = ()
    env_from: tuple[VariablesFrom, ...] = ()


def needed(container: Container) -> frozenset[Name]:
    """What must be read before `environment` can be asked, what is optional included."""
    whole = (one for source in container.env_from for one, _ in _whole(source))
    keyed = (one for variable in container.env if variable.value_from for one, _ in _keyed(variable.value_from))
    return frozenset((*whole, *keyed))


def environment(container: Container, fields: Mapping[str, str], found: Mapping[Name, Outcome]) -> dict[str, str]:
    """The container's variables: `envFrom`, then `env` in order, later ones win. A field of the pod that is not among
    `fields` is left out, and so is what a resource limit would tell. `found` is what came of everything `needed`.
    Raises `NotFound`, `Forbidden` where that is nothing, or a key is missing, and it is not optional."""
    resolved: dict[str, str] = {}
    for source in container.env_from:
        for name, reference in _whole(source):
            data = _data(found[name], reference.optional)
            resolved.update((source.prefix + key, value) for key, value in data.items() if "=" not in key)
    for variable in container.env:
        if variable.value_from is None:
            resolved[variable.name] = expand(variable.value, resolved)
        elif (value := _value(variable.value_from, fields, found)) is not None:
            resolved[variable.name] = value
    return resolved


async def resolved(container: Container, read: Read) -> dict[str, str]:
    """The same where reading takes its time; of the pod's fields nothing is known. Raises what `read` raises."""
    found: dict[Name, Outcome] = {}
    for kind, name in needed(container):
        try:
            found[kind, name] = await read(kind, name)
        except (NotFound, Forbidden) as error:
            found[kind, name] = error
    return environment(container, {}, found)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` is the variable, where there is one; `$$` is a dollar."""
    return _REFERENCE.sub(lambda m: "$" if m[0] == "$$" else variables.get(m[1], m[0]), text)


_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def _whole(source: VariablesFrom) -> Iterator[tuple[Name, Named]]:
    for kind, reference in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
        if reference is not None:
            yield (kind, reference.name), reference


def _keyed(source: ValueFrom) -> Iterator[tuple[Name, Keyed]]:
    for kind, reference in (("Secret", source.secret_key_ref), ("ConfigMap", source.config_map_key_ref)):
        if reference is not None:
            yield (kind, reference.name), reference


def _value(source: ValueFrom, fields: Mapping[str, str], found: Mapping[Name, Outcome]) -> str | None:
    if source.field_ref is not None:
        return fields.get(source.field_ref.field_path)
    for (kind, name), reference in _keyed(source):
        value = _data(found[kind, name], reference.optional).get(reference.key)
        if value is None and not reference.optional:
            raise NotFound(f"{kind} {name} has no key {reference.key}")
        return value
    return None


def _data(outcome: Outcome, optional: bool) -> Mapping[str, str]:
    if not isinstance(outcome, NotFound | Forbidden):
        return outcome
    if optional:
        return {}
    raise outcome

"""A container's variables, resolved as the kubelet does; pure but for the function that reads Secrets, ConfigMaps."""

import re
from collections.abc import Callable, Mapping

from scaler.errors import NotFound
from scaler.manifests.watched import Ref
from scaler.standalone.deployment import Container, ValueFrom

Read = Callable[[Ref], Mapping[str, str]]
"""The data of a Secret or ConfigMap; raises `NotFound`."""


def environment(container: Container, namespace: str, fields: Mapping[str, str], read: Read) -> dict[str, str]:
    """The container's variables: `envFrom`, then `env` in order, later ones win. A field of the pod that is not among
    `fields` is left out. Raises `NotFound` where a Secret, ConfigMap or key is missing and not optional."""
    found: dict[str, str] = {}
    for source in container.env_from:
        for kind, named in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
            if named is not None:
                data = _data(Ref(kind, namespace, named.name), named.optional, read)
                found.update((source.prefix + key, value) for key, value in data.items() if "=" not in key)
    for variable in container.env:
        if variable.value_from is None:
            found[variable.name] = expand(variable.value, found)
        elif (value := _value(variable.value_from, namespace, fields, read)) is not None:
            found[variable.name] = value
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` is the variable, where there is one; `$$` is a dollar."""
    return _REFERENCE.sub(lambda m: "$" if m[0] == "$$" else variables.get(m[1], m[0]), text)


_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def _value(source: ValueFrom, namespace: str, fields: Mapping[str, str], read: Read) -> str | None:
    if source.field_ref is not None:
        return fields.get(source.field_ref.field_path)
    for kind, keyed in (("Secret", source.secret_key_ref), ("ConfigMap", source.config_map_key_ref)):
        if keyed is not None:
            value = _data(Ref(kind, namespace, keyed.name), keyed.optional, read).get(keyed.key)
            if value is None and not keyed.optional:
                raise NotFound(f"{kind} {keyed.name} has no key {keyed.key}")
            return value
    return None


def _data(ref: Ref, optional: bool, read: Read) -> Mapping[str, str]:
    try:
        return read(ref)
    except NotFound:
        if optional:
            return {}
        raise

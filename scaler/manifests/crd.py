"""CustomResourceDefinitions made from our kinds. They take over a cluster's objects as they are: KEDA's names and
columns, nothing required or bounded that KEDA leaves free, and no default, for a server would write it into objects."""

from typing import Any

import yaml

from scaler.declare.schema import Json, schema_of
from scaler.manifests.kinds import KINDS, Column, Kind


class _Plain(yaml.SafeDumper):
    """Writes out what stands in two places, instead of pointing back at the first."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def files() -> dict[str, str]:
    """One file for each kind, by name."""
    return {f"{kind.group}_{kind.plural}.yaml": written(definition(kind)) for kind in KINDS}


def written(document: Json) -> str:
    """A definition as YAML; long lines, so that a rule or sentence is found in one piece."""
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=1000)


def definition(kind: Kind) -> Json:
    """The definition of one kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": _names(kind),
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(one) for one in kind.columns],
                    "schema": {"openAPIV3Schema": _schema(kind)},
                }
            ],
        },
    }


def _names(kind: Kind) -> Json:
    names: Json = {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural, "singular": kind.singular}
    return names | ({"shortNames": list(kind.short_names)} if kind.short_names else {})


def _column(column: Column) -> Json:
    shown: Json = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return shown | ({"priority": column.priority} if column.priority else {})


def _schema(kind: Kind) -> Json:
    schema: Json = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schema_of(kind.spec),
            "status": schema_of(kind.status),
        },
    }
    return schema if kind.empty else schema | {"required": ["spec"]}

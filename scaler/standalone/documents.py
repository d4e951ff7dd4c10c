"""What is in a file: YAML (several documents) or JSON, read as manifests. A file is taken as a whole or not at all, and
what is wrong with it is said without quoting it, because it may hold secrets."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from scaler.manifests.watched import Manifest, Ref

KINDS = frozenset(
    {
        ("keda.sh", "ScaledObject"),
        ("keda.sh", "ScaledJob"),
        ("keda.sh", "TriggerAuthentication"),
        ("keda.sh", "ClusterTriggerAuthentication"),
        ("apps", "Deployment"),
        ("", "Secret"),
        ("", "ConfigMap"),
    }
)
"""(API group, kind) of what means something here."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unusable(Exception):
    """Why a file is left out; never quotes the file, which may hold secrets."""


def parsed(name: str, content: bytes, *, strict: bool) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    """The manifests in it, and what is none. Where there have been some before (`strict`), a document that is none is
    more likely to be half of one."""
    manifests: list[Manifest] = []
    ignored: list[str] = []
    for number, document in enumerate(_documents(name, content), 1):
        kind = document.get("kind") if isinstance(document, dict) else None
        version = document.get("apiVersion") if isinstance(document, dict) else None
        if not isinstance(kind, str) or not isinstance(version, str):
            if strict:
                raise Unusable(f"document {number} is not a manifest: it has no apiVersion or kind")
            ignored.append(f"document {number} in {name}, which is not a manifest,")
        elif (version.rpartition("/")[0], kind) in KINDS:
            manifests.append(_manifest(document, number))
        else:
            ignored.append(f"{version} {kind} in {name}")
    return tuple(manifests), tuple(ignored)


def _documents(name: str, content: bytes) -> Iterator[Any]:
    """All documents, as JSON knows them; a List is what it lists."""
    try:
        found = [json.loads(content)] if name.endswith(".json") else list(yaml.load_all(content, _Loader))
        plain = msgspec.json.decode(msgspec.json.encode([one for one in found if one is not None]))
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise Unusable(f"is not YAML{line}") from None
    except json.JSONDecodeError as error:
        raise Unusable(f"is not JSON (line {error.lineno})") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise Unusable("holds something that no manifest can hold") from None
    for one in plain:
        if isinstance(one, dict) and one.get("kind") == "List" and isinstance(one.get("items"), list):
            yield from one["items"]
        else:
            yield one


def _manifest(document: dict[str, Any], number: int) -> Manifest:
    kind, metadata = document["kind"], document.get("metadata")
    if not isinstance(metadata, dict):
        raise Unusable(f"document {number} ({kind}): metadata is missing")
    name = metadata.get("name")
    if not isinstance(name, str) or not name or "/" in name:
        raise Unusable(f"document {number} ({kind}): metadata.name is missing")
    namespace = "" if kind.startswith("Cluster") else str(metadata.get("namespace") or "default")
    if "/" in namespace:
        raise Unusable(f"document {number} ({kind}): metadata.namespace is not a name")
    manifest = Manifest(Ref(kind, namespace, name), document)
    if kind in ("Secret", "ConfigMap"):
        _check_data(manifest, number)
    return manifest


def _check_data(manifest: Manifest, number: int) -> None:
    for part in ("data", "stringData"):
        data = manifest.body.get(part) or {}
        where = f"document {number} ({manifest.ref.kind} {manifest.ref.name}): {part}"
        if not isinstance(data, dict):
            raise Unusable(f"{where} must be a mapping")
        for key, value in data.items():
            if not isinstance(value, str):
                raise Unusable(f"{where}.{key} must be text; put it in quotes")
    try:
        data_of(manifest)
    except ValueError:
        raise Unusable(f"document {number} (Secret {manifest.ref.name}): data must be base64") from None


def _text(encoded: str) -> str:
    return base64.b64decode("".join(encoded.split()), validate=True).decode(errors="surrogateescape")


def data_of(manifest: Manifest) -> Mapping[str, str]:
    """The data of a Secret or ConfigMap, decoded."""
    data = manifest.body.get("data") or {}
    if manifest.ref.kind == "ConfigMap":
        return dict(data)
    decoded = {key: _text(value) for key, value in data.items()}
    return {**decoded, **(manifest.body.get("stringData") or {})}

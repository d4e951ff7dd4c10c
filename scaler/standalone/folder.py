"""A folder of manifests, looked at. A look is pure but for the reading: it takes the look before and gives a new one.

A change of a file is believed when two looks agree on it, so that a file that is being written, or replaced by its
deletion, changes nothing. A file that cannot be understood keeps its old objects, as `kubectl apply` would."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from scaler.errors import ClusterError
from scaler.manifests.watched import Manifest, Ref

KINDS = frozenset(
    {
        ("keda.sh", "ScaledObject"),
        ("keda.sh", "TriggerAuthentication"),
        ("keda.sh", "ClusterTriggerAuthentication"),
        ("apps", "Deployment"),
        ("", "Secret"),
        ("", "ConfigMap"),
    }
)
"""(API group, kind) of what means something here."""

SUFFIXES = (".yaml", ".yml", ".json")

Stamp = tuple[int, ...]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class File:
    """What is known of one file: its stamp at the last look and at the last reading (`None`: it is not there), and what
    was in it."""

    seen: Stamp | None = None
    read: Stamp | None = None
    digest: str = ""
    manifests: tuple[Manifest, ...] = ()
    ignored: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """One look. `problems` are by file name; `ignored` are documents of kinds that mean nothing here."""

    files: Mapping[str, File] = field(default_factory=dict)
    manifests: Mapping[Ref, Manifest] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything that is not among the manifests is really not there: no file is unknown, or changing."""
        return all(file.seen == file.read and (file.manifests or not file.problem) for file in self.files.values())


def look(path: Path, before: Folder | None = None) -> Folder:
    """Look at the folder. Raises `ClusterError` only at the first look; later, a folder that cannot be listed is a
    problem, and everything stays."""
    try:
        stamps = dict(_stamps(path))
    except OSError as error:
        problem = f"the folder {path} cannot be read ({error.strerror})"
        if before is None:
            raise ClusterError(problem) from None
        problems = {**before.problems, ".": problem}
        return before if problems == before.problems else replace(before, problems=problems)
    known = before.files if before else {}
    files: dict[str, File] = {}
    for name in sorted({*stamps, *known}):
        file = _look(path / name, known.get(name), stamps.get(name), first=before is None)
        if file.seen is not None or file.read is not None:
            files[name] = file
    if before and files == before.files and "." not in before.problems:
        return before
    return _merged(files)


def data_of(manifest: Manifest) -> Mapping[str, str]:
    """The data of a Secret or ConfigMap, decoded."""
    data = manifest.body.get("data") or {}
    if manifest.ref.kind == "ConfigMap":
        return dict(data)
    decoded = {key: _text(value) for key, value in data.items()}
    return {**decoded, **(manifest.body.get("stringData") or {})}


def _stamps(path: Path) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.endswith(SUFFIXES) and entry.is_file():
                found = entry.stat()
                yield entry.name, (found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns)


def _look(path: Path, known: File | None, stamp: Stamp | None, *, first: bool) -> File:
    """At the first look of all, everything is read at once, and again at the second: it may have been half-written."""
    if first:
        return replace(_read(path, File()), seen=stamp, read=())
    if known is None or known.seen != stamp:
        return replace(known or File(), seen=stamp)
    if known.read == stamp:
        return known
    return replace(_read(path, known), seen=stamp, read=stamp) if stamp else File()


def _read(path: Path, known: File) -> File:
    try:
        content = path.read_bytes()
    except OSError as error:
        return replace(known, digest="", problem=f"cannot be read ({error.strerror})")
    digest = hashlib.sha256(content).hexdigest()
    if digest == known.digest:
        return known
    try:
        manifests, ignored = _parsed(path.name, content, strict=bool(known.manifests))
    except _Unusable as error:
        return replace(known, digest=digest, problem=str(error))
    return File(digest=digest, manifests=manifests, ignored=ignored)


class _Unusable(Exception):
    """Why a file is left out; never quotes the file, which may hold secrets."""


def _parsed(name: str, content: bytes, *, strict: bool) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    """The manifests in it, and what is none. Where there have been some before (`strict`), a document that is none is
    more likely to be half of one."""
    manifests: list[Manifest] = []
    ignored: list[str] = []
    for number, document in enumerate(_documents(name, content), 1):
        version, kind = (document.get("apiVersion"), document.get("kind")) if isinstance(document, dict) else ("", "")
        if not version or not kind:
            if strict:
                raise _Unusable(f"document {number} is not a manifest: it has no apiVersion or kind")
            ignored.append(f"document {number} in {name}, which is not a manifest,")
        elif (str(version).rpartition("/")[0], kind) in KINDS:
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
        raise _Unusable(f"is not YAML{line}") from None
    except json.JSONDecodeError as error:
        raise _Unusable(f"is not JSON (line {error.lineno})") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise _Unusable("holds something that no manifest can hold") from None
    for one in plain:
        if isinstance(one, dict) and one.get("kind") == "List" and isinstance(one.get("items"), list):
            yield from one["items"]
        else:
            yield one


def _manifest(document: dict[str, Any], number: int) -> Manifest:
    kind, metadata = document["kind"], document.get("metadata")
    if not isinstance(metadata, dict):
        raise _Unusable(f"document {number} ({kind}): metadata is missing")
    name = metadata.get("name")
    if not isinstance(name, str) or not name or "/" in name:
        raise _Unusable(f"document {number} ({kind}): metadata.name is missing")
    namespace = "" if kind.startswith("Cluster") else str(metadata.get("namespace") or "default")
    if "/" in namespace:
        raise _Unusable(f"document {number} ({kind}): metadata.namespace is not a name")
    manifest = Manifest(Ref(kind, namespace, name), document)
    if kind in ("Secret", "ConfigMap"):
        _check_data(manifest, number)
    return manifest


def _check_data(manifest: Manifest, number: int) -> None:
    for part in ("data", "stringData"):
        data = manifest.body.get(part) or {}
        where = f"document {number} ({manifest.ref.kind} {manifest.ref.name}): {part}"
        if not isinstance(data, dict):
            raise _Unusable(f"{where} must be a mapping")
        for key, value in data.items():
            if not isinstance(value, str):
                raise _Unusable(f"{where}.{key} must be text; put it in quotes")
    try:
        data_of(manifest)
    except ValueError:
        raise _Unusable(f"document {number} (Secret {manifest.ref.name}): data must be base64") from None


def _text(encoded: str) -> str:

    return base64.b64decode("".join(encoded.split()), validate=True).decode(errors="surrogateescape")


def _merged(files: Mapping[str, File]) -> Folder:
    """The first definition of an object, by the order of file names, is the one that counts."""
    manifests: dict[Ref, Manifest] = {}
    places: dict[Ref, str] = {}
    problems = {name: file.problem for name, file in files.items() if file.problem}
    for name, file in files.items():
        for manifest in file.manifests:
            first = places.setdefault(manifest.ref, name)
            if manifests.setdefault(manifest.ref, manifest) is not manifest:
                again = f"{manifest.ref.kind} {manifest.ref} is already defined in {first}"
                problems[name] = f"{problems[name]}; {again}" if name in problems else again
    return Folder(files, manifests, problems, tuple(one for file in files.values() for one in file.ignored))

"""A folder of manifests, looked at. A look is pure but for the reading: it takes the look before and gives a new one.

A change of a file is believed when two looks agree on it, so that a file that is being written, or replaced by its
deletion, changes nothing. A file that cannot be understood keeps its old objects, as `kubectl apply` would."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaler.engine.cluster import Appeared, Change, Changed, Gone, Touched
from scaler.errors import ClusterError
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.documents import Unusable, parsed

OBJECTS = frozenset(("ScaledObject", "ScaledJob"))
"""Kinds that are served; all others are what objects are bound from."""

SUFFIXES = (".yaml", ".yml", ".json")

Stamp = tuple[int, ...]


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


def _stamps(path: Path) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.endswith(SUFFIXES) and entry.is_file():
                with suppress(FileNotFoundError):  # vanished since it was listed
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
        manifests, ignored = parsed(path.name, content, strict=bool(known.manifests) and not known.ignored)
    except Unusable as error:
        return replace(known, digest=digest, problem=str(error))
    return File(digest=digest, manifests=manifests, ignored=ignored)


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


def changes(before: Mapping[Ref, Manifest], after: Mapping[Ref, Manifest]) -> Iterator[Change]:
    """What is different: first what objects are bound from, then the objects."""
    different = [ref for ref in {**before, **after} if before.get(ref) != after.get(ref)]
    yield from (Touched(ref) for ref in different if ref.kind not in OBJECTS)
    for ref in different:
        if ref.kind not in OBJECTS:
            continue
        if ref not in after:
            yield Gone(ref)
        else:
            yield Changed(after[ref]) if ref in before else Appeared(after[ref])

"""`scaler validate FILE…`: what the daemon would say of manifests, all of it at once and without a cluster. Each
problem is told with its file and line, as compilers do."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from scaler import catalog
from scaler.cli import Output, OutputOption
from scaler.errors import ManifestError
from scaler.manifests.admission import Finding, findings
from scaler.manifests.kinds import KINDS
from scaler.manifests.watched import Manifest, Ref

_OURS = tuple((kind.group, kind.kind) for kind in KINDS)
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Remark:
    """Something said of a place in a file. `severity` is problem, warning or note."""

    file: str
    line: int
    severity: str
    path: str
    sentence: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        kind = "" if self.severity == "problem" else f"{self.severity}: "
        return f"{self.file}:{self.line}: {kind}{where}{self.sentence}"


@dataclass(frozen=True)
class Document:
    """One manifest of a file. `at` is its path below the document's `root`: empty but for members of a `List`."""

    file: str
    root: yaml.Node
    body: Any
    at: str = ""

    def remark(self, severity: str, path: str, sentence: str) -> Remark:
        path = ".".join(part for part in (self.at, path) if part)
        return Remark(self.file, _line(self.root, path), severity, path, sentence)


def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files, folders of them, or - for what is piped in.")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what is odd but accepted, too.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Say everything that is wrong with manifests; needs no cluster.

    It is what the admission webhook would say, but for what only a cluster knows.
    """
    remarks = [remark for file in files for remark in _of_argument(file)]
    if strict:
        remarks = [replace(one, severity="problem") if one.severity == "warning" else one for one in remarks]
    if output is Output.JSON:
        print(json.dumps([asdict(one) for one in remarks], indent=2, ensure_ascii=False))
    else:
        _show(remarks)
    if any(one.severity == "problem" for one in remarks):
        raise typer.Exit(2)


def _show(remarks: list[Remark]) -> None:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    colours = {"problem": "red", "warning": "yellow", "note": "dim"}
    for one in remarks:
        console.print(str(one), style=colours[one.severity])
    if not any(one.severity == "problem" for one in remarks):
        print("nothing is wrong")


def _of_argument(argument: str) -> Iterator[Remark]:
    if argument == "-":
        yield from _of_text("stdin", sys.stdin.read())
        return
    path = Path(argument)
    inside = sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
    for file in inside if path.is_dir() else [path]:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ManifestError({str(file): "cannot be read"}) from None
        yield from _of_text(str(file), text)


def _of_text(file: str, text: str) -> Iterator[Remark]:
    try:
        documents = list(_documents(file, text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        yield Remark(file, line, "problem", "", f"is not YAML: {error.problem}")
        return
    except RecursionError:
        yield Remark(file, 1, "problem", "", "is nested too deeply")
        return
    except (yaml.YAMLError, ValueError):
        yield Remark(file, 1, "problem", "", "is not YAML")
        return
    yield from sorted((one for document in documents for one in _of_document(document)), key=lambda one: one.line)


def _documents(file: str, text: str) -> Iterator[Document]:
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node() and (node := loader.get_node()) is not None:
            body = loader.construct_document(node)
            if isinstance(body, dict) and body.get("kind") == "List" and isinstance(body.get("items"), list):
                yield from (Document(file, node, item, f"items[{i}]") for i, item in enumerate(body["items"]))
            elif body is not None:
                yield Document(file, node, body)
    finally:
        loader.dispose()


def _of_document(document: Document) -> Iterator[Remark]:
    body = document.body
    group = _text(body.get("apiVersion")).partition("/")[0] if isinstance(body, Mapping) else ""
    kind = _text(body.get("kind")) if isinstance(body, Mapping) else ""
    if not group.endswith("keda.sh"):
        yield document.remark("note", "", f"{kind or 'this document'} is none of KEDA's kinds, and not looked at")
    elif (group, kind) not in _OURS:
        yield document.remark("warning", "kind", f"{kind} is not supported by this version")
    else:
        told = findings(_manifest(kind, body), catalog.find)
        unnamed = tuple(Finding(path, sentence) for path, sentence in _unnamed(body).items())
        for one in (*unnamed, *told.refusals, *told.doubts):
            yield document.remark("problem", one.path, one.sentence)
        for one in told.warnings:
            yield document.remark("warning", one.path, one.sentence)


def _manifest(kind: str, body: Mapping[str, Any]) -> Manifest:
    metadata = found if isinstance(found := body.get("metadata"), Mapping) else {}
    return Manifest(Ref(kind, _text(metadata.get("namespace")) or "default", _text(metadata.get("name"))), body)


def _unnamed(body: Mapping[str, Any]) -> dict[str, str]:
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping):
        return {} if metadata else {"metadata": "is required"}
    return {} if metadata.get("name") else {"metadata.name": "is required"}


def _text(value: Any) -> str:
    """YAML takes some texts for numbers or dates."""
    return "" if value is None or isinstance(value, Mapping | list) else str(value)


def _line(node: yaml.Node, path: str, key: yaml.Node | None = None) -> int:
    """The line of what a path names, or of the innermost key or entry around it that is there."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if path == name.value or path.startswith((f"{name.value}.", f"{name.value}[")):
                return _line(value, path[len(name.value) :].lstrip("."), name)
    if isinstance(node, yaml.SequenceNode) and path.startswith("["):
        index, _, rest = path[1:].partition("]")
        if index.isdecimal() and int(index) < len(node.value):
            return _line(node.value[int(index)], rest.lstrip("."))
    return int((key or node).start_mark.line) + 1

"""`scaler generate`: the files that follow from the declarations, of built-in scalers only, so that they are the same
on every machine. They are checked in; `--check` says which of them are not what they should be."""

import json
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from scaler import catalog
from scaler.cli.explain import page_of
from scaler.declare import Declared
from scaler.declare.document import index, markdown
from scaler.declare.editor import editor_schema
from scaler.declare.schema import parameter_list
from scaler.manifests import crd
from scaler.manifests.kinds import CLUSTER_TRIGGER_AUTHENTICATION, SCALED_JOB, SCALED_OBJECT, TRIGGER_AUTHENTICATION
from scaler.manifests.scaled_object import TriggerEntry

EDITED: dict[str, type[Declared]] = {
    one.kind: one.spec for one in (SCALED_OBJECT, SCALED_JOB, TRIGGER_AUTHENTICATION, CLUSTER_TRIGGER_AUTHENTICATION)
}
"""The kinds that an editor is told about: those that this version serves."""


def generate(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where a file differs.")] = False,
    into: Annotated[Path, typer.Option(metavar="DIR", help="The folder for documentation.")] = Path("docs"),
    crds: Annotated[Path, typer.Option(metavar="DIR", help="The folder for custom resource definitions.")] = Path(
        "crds"
    ),
) -> None:
    """Write what follows from the declarations: documentation, schemas and custom resource definitions."""
    wanted = {into / name: content for name, content in files().items()}
    wanted |= {crds / name: content for name, content in crd.files().items()}
    stale = sorted({*(into / "scalers").glob("*.md"), *crds.glob("*keda.sh_*.yaml")} - wanted.keys())
    differing = [path for path, content in wanted.items() if not _holds(path, content)]
    if check and (stale or differing):
        for path in sorted([*stale, *differing]):
            typer.echo(f"{path} is not what the declarations say: run `scaler generate`", err=True)
        raise typer.Exit(1)
    for path in stale:
        path.unlink()
        print(f"removed {path}")
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path}")


def files() -> dict[str, str]:
    """The content of every file of the documentation, by its path below the folder."""
    pages = [page_of(one.type) for one in catalog.types() if one.origin == catalog.BUILT_IN]
    classes = {page.title: page.cls for page in pages}
    return {
        **{f"scalers/{page.title}.md": markdown(page) for page in pages},
        "scalers/README.md": index(pages),
        "schema/scalers.json": _json(parameter_list(classes, metadata.version(catalog.DISTRIBUTION))),
        "schema/scaledobject.schema.json": _json(editor_schema(EDITED, TriggerEntry, classes)),
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _holds(path: Path, content: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == content

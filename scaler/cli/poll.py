"""`scaler poll FILE…`: asks each trigger once, with the credentials that the manifests beside it hold, and shows what
came back. Nothing is scaled. It goes the daemon's way (settings, bind, pool, read), to show what it would see."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from scaler import catalog, settings
from scaler.cli import Output, OutputOption
from scaler.core import fallback
from scaler.core.composite import composite
from scaler.core.model import Failure, Mode, Reading, State, Target
from scaler.daemon.credentials import guard_addresses, stores_of
from scaler.daemon.ways import set_ways
from scaler.engine.pool import Pool
from scaler.errors import CredentialError, ManifestError, NotFound, SourceError
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref, Trigger, Watched
from scaler.sdk.source import Connection, Source
from scaler.settings import Settings
from scaler.standalone.folder import Folder, look
from scaler.standalone.reading import Reader


@dataclass(frozen=True)
class Row:
    """One metric of one object; `problem` where it could not be read. Times are milliseconds. What a formula makes is
    the metric of a trigger "formula"; beside one a trigger may have no target."""

    object: str
    trigger: str
    metric: str
    target: float | None
    value: float | None = None
    active: bool | None = None
    milliseconds: float | None = None
    problem: str = ""
    backlog: Mapping[str, float] = field(default_factory=dict)


def poll(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Folders of manifests, or single files in one.")
    ],
    output: OutputOption = Output.TEXT,
) -> None:
    """Ask each trigger once and show what it says; scales nothing."""
    rows, problems = asyncio.run(_polled(files))
    if output is Output.JSON:
        print(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
    else:
        _show(rows)
    for path, sentence in problems.items():
        typer.echo(f"{path}: {sentence}", err=True)
    if problems:
        raise typer.Exit(2)
    if any(row.problem for row in rows):
        raise typer.Exit(1)


async def _polled(files: list[Path]) -> tuple[list[Row], dict[str, str]]:
    rows: list[Row] = []
    problems: dict[str, str] = {}
    given = settings.read({})
    guard_addresses(given)
    await set_ways(given)
    async with Pool(time.time) as pool:
        for path in files:
            folder, names = _looked(path)
            problems.update({f"{path.parent if path.is_file() else path}/{n}": p for n, p in folder.problems.items()})
            for name in names:
                for manifest in folder.files[name].manifests:
                    if manifest.ref.kind in ("ScaledObject", "ScaledJob"):
                        rows += await _object(manifest, Reader(folder), pool, given, problems)
    return rows, problems


def _looked(path: Path) -> tuple[Folder, list[str]]:
    """The folder, and which of its files were meant: a file's references are looked up beside it."""
    if not path.exists():
        raise ManifestError({str(path): "does not exist"})
    if path.is_dir():
        folder = look(path)
        return folder, sorted(folder.files)
    folder = look(path.parent)
    if path.name not in folder.files:
        raise ManifestError({str(path): "is no .yaml, .yml or .json file of manifests"})
    return folder, [path.name]


async def _object(
    manifest: Manifest, reader: Reader, pool: Pool, given: Settings, problems: dict[str, str]
) -> list[Row]:
    binding = Binding(
        find=catalog.find,
        read=reader.read,
        manifest=reader.manifest,
        sources={"cpu": _Running(), "memory": _Running()},
        identity=settings.identity(),
        mode=Mode.DIRECT,
        stores=stores_of(reader.read, reader.token, given, time.time),
    )
    try:
        watched = await bind(manifest, binding)
    except ManifestError as error:
        problems.update({f"{manifest.ref}: {path}": sentence for path, sentence in error.problems.items()})
        return []
    except (CredentialError, NotFound) as error:
        problems[str(manifest.ref)] = str(error)
        return []
    found = await asyncio.gather(*(_trigger(watched, trigger, pool) for trigger in watched.triggers))
    asked = [one for pairs in found for one in pairs]
    return [*(row for row, _ in asked), *_made(watched, [reading for _, reading in asked])]


def _made(watched: Watched, readings: Sequence[Reading]) -> list[Row]:
    """What a formula makes of them; nothing stands here for what could not be read."""
    spec, somebody, now = replace(watched.spec, fallback=None), Target(1, 1, 1), time.time()
    made = composite(spec, somebody, fallback.inputs(spec, somebody, readings, State(), now)[0], now)
    if made is None or made.reading is None:
        return []
    return [_row(watched.ref, "formula", made.goal.target, made.reading)]


async def _trigger(watched: Watched, trigger: Trigger, pool: Pool) -> list[tuple[Row, Reading]]:
    answered = await pool.ask(trigger.source, trigger.query, interval=watched.interval)
    if isinstance(answered.answer, SourceError):
        readings: tuple[Reading, ...] = trigger.failed(answered.answer, answered.at)
    else:
        readings = trigger.read(answered.answer, None, answered.at)
    return [
        (_row(watched.ref, trigger.type, goal.target or None, reading, answered.took), reading)
        for goal, reading in zip(trigger.goals, readings, strict=True)
    ]


def _row(ref: Ref, trigger: str, target: float | None, reading: Reading, took: float | None = None) -> Row:
    head: dict[str, Any] = {"object": str(ref), "trigger": trigger, "metric": reading.metric, "target": target}
    if isinstance(reading, Failure):
        return Row(**head, problem=reading.problem)
    parts = asdict(reading.backlog) if reading.backlog else {}
    backlog = {name: amount for name, amount in parts.items() if amount is not None and name != "value"}
    milliseconds = None if took is None else round(took * 1000, 1)
    return Row(**head, value=reading.value, active=reading.active, milliseconds=milliseconds, backlog=backlog)


def _show(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("OBJECT", "TRIGGER", "METRIC", "VALUE", "TARGET", "ACTIVE", "TOOK"):
        table.add_column(heading, justify="right" if heading in ("VALUE", "TARGET", "TOOK") else "left", no_wrap=True)
    for row in rows:
        active = {True: "yes", False: "no", None: ""}[row.active]
        value = "?" if row.value is None else f"{row.value:g}"
        took = "" if row.milliseconds is None else f"{row.milliseconds:g} ms"
        target = "" if row.target is None else f"{row.target:g}"
        table.add_row(row.object, row.trigger, row.metric, value, target, active, took)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 240
    console.print(table)
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for row in rows:
        if row.problem:
            errors.print(f"{row.object}: {row.metric}: {row.problem}", style="red")


@dataclass(frozen=True)
class _Running(Source[Any, Any]):
    """Stands where the running daemon would offer its workers' usage."""

    sentence: ClassVar[str] = "only a running daemon knows what its workers use"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection[Any, Any]]:
        raise SourceError(self.sentence)
        yield  # a generator, that never gives

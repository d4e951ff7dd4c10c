"""The command line: one file per verb, loaded when the verb is used, so that `scaler --help` loads none of them. What a
verb raises on purpose becomes sentences on stderr and an exit code: 2 where a manifest or the call is wrong, else 1."""

from enum import StrEnum
from importlib import import_module, metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from scaler.errors import ManifestError, ScalerError

VERBS = {
    "run": "Run the daemon until SIGTERM or Ctrl-C.",
    "validate": "Say everything that is wrong with manifests; needs no cluster.",
    "poll": "Ask each trigger once and show what it says; scales nothing.",
    "explain": "Say what a trigger type looks at, and which parameters it has.",
    "scalers": "List the trigger types: what is built in, and what plug-ins bring.",
    "adopt": "Say whether a cluster of KEDA's is ready to be taken over; writes nothing.",
    "release": "Give a cluster back to KEDA, while no daemon runs.",
    "generate": "Write what follows from the declarations: documentation, schemas and custom resource definitions.",
}


class Output(StrEnum):
    """How a verb writes its result."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How the result is written.")]


class Verbs(TyperGroup):
    """A group whose commands are the functions of the same name in the modules of the same name."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        verb = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        module = import_module(f"scaler.cli.{cmd_name}")
        verb.command(cmd_name, context_settings=getattr(module, "CONTEXT", None))(getattr(module, cmd_name))
        return typer.main.get_command(verb)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ManifestError as error:
            for path, problem in error.problems.items():
                typer.echo(f"{path}: {problem}", err=True)
            raise typer.Exit(2) from None
        except ScalerError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None


app = typer.Typer(cls=Verbs, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(metadata.version("event-scaler"))
        raise typer.Exit


@app.callback()
def scaler(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Scale workloads by what their event sources say; reads KEDA's manifests."""

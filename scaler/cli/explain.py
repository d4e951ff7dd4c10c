"""`scaler explain TYPE`: the documentation of a trigger type, made from its declaration."""

import json
import sys
from typing import Annotated

import typer

from scaler import catalog
from scaler.cli import Output, OutputOption
from scaler.core import naming
from scaler.declare import load, parameters
from scaler.declare.document import Page, facts, markdown
from scaler.errors import ManifestError
from scaler.sdk.scaler import AnyScaler, Scaler


def _types(incomplete: str) -> list[str]:
    return [one.type for one in catalog.types() if one.type.startswith(incomplete)]


def explain(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="A trigger's type.", autocompletion=_types)],
    output: OutputOption = Output.TEXT,
) -> None:
    """Say what a trigger type looks at, and which parameters it has."""
    page = page_of(type_)
    if output is Output.JSON:
        print(json.dumps(facts(page), indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(markdown(page)))
    else:
        print(markdown(page), end="")


def page_of(type_: str) -> Page:
    """Everything that is to be said of a type. Raises `ManifestError` when there is none, or its example is wrong."""
    try:
        cls = catalog.find(type_)
    except catalog.UnknownScaler as error:
        raise ManifestError({type_: error.sentence}) from error
    example = cls.example
    scaler = load(cls, example.metadata, example.auth, {}).value
    if scaler is None:
        raise ManifestError({type_: "the example in its declaration does not load"})
    label = next(iter(scaler.aims(None)), scaler.label())
    return Page(
        title=type_,
        cls=cls,
        intro=(sys.modules[cls.__module__].__doc__ or "").strip(),
        metric=cls.resource or naming.metric(0, label),
        activity=_activity(cls),
        metadata=example.metadata,
        auth=example.auth,
        metric_type=example.metric_type,
        minimum=1 if cls.resource else 0,
    )


def _activity(cls: type[AnyScaler]) -> str:
    if cls.resource:
        return "Usage says nothing about activity: it scales what is running, and never to zero."
    names = [f"`{one.name}`" for one in parameters(cls).values() if one.words.role == "activation"]
    if cls.active is Scaler.active:
        return f"The trigger is active while the value is greater than {names[0] if names else '0'}."
    return f"The trigger is active as {names[0]} says." if names else "The answer itself says whether it is active."

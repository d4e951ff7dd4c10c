"""Documentation made from a declaration: a page of Markdown with tables of parameters and manifests that work, or the
same as data. A secret's value is never in it, not even an example's."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from scaler.declare.fields import METADATA, Declared, Parameter, Place, parameters
from scaler.declare.schema import default_of

_SENTENCE = re.compile(r"(?<=\.)\s")
_PLACES = {Place.METADATA: "metadata", Place.AUTH: "authentication", Place.ENV: "environment"}


@dataclass(frozen=True)
class Page:
    """What a page says of a trigger type (its `title`) besides the parameters. `metadata` and `auth` are those of a
    working example, `metric` is its metric's name, `activity` a sentence, `minimum` the example's `minReplicaCount`."""

    title: str
    cls: type[Declared]
    intro: str
    metric: str
    activity: str
    metadata: Mapping[str, str]
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    metric_type: str = ""
    minimum: int = 0


def markdown(page: Page) -> str:
    """The page, ready to be written to a file or shown in a terminal."""
    beside = [one for one in parameters(page.cls).values() if one.readable_from(METADATA)]
    hidden = [one for one in parameters(page.cls).values() if not one.readable_from(METADATA)]
    sections = [f"# {page.title}", page.intro, "## Metric", f"`{page.metric}` in the example below. {_rule(page)}"]
    if beside:
        sections += ["## Parameters", _table(beside)]
    if hidden:
        sections += ["## Parameters that are not written into the trigger", _table(hidden)]
    sections += ["## Example", f"```yaml\n{example(page)}```"]
    return "\n\n".join(sections) + "\n"


def facts(page: Page) -> dict[str, Any]:
    """The page as data."""
    return {
        "type": page.title,
        "description": page.intro,
        "metric": page.metric,
        "activity": page.activity,
        "parameters": [_facts(one) for one in parameters(page.cls).values()],
        "example": example(page),
    }


def index(pages: Iterable[Page]) -> str:
    """The list of all pages."""
    rows = [f"| [{page.title}]({page.title}.md) | {_cell(_SENTENCE.split(page.intro, 1)[0])} |" for page in pages]
    return "\n".join(["# Scalers", "", "| Type | What it looks at |", "|---|---|", *rows]) + "\n"


# ------------------------------------------------------------------------------------------------------- parameters


def _rule(page: Page) -> str:
    goals = [one.name for one in parameters(page.cls).values() if one.words.role == "target"]
    handled = f"One replica should handle `{goals[0]}` of it. " if len(goals) == 1 else ""
    return handled + page.activity


def _table(rows: Iterable[Parameter]) -> str:
    lines = ["| Parameter | Kind | From | Default | Meaning |", "|---|---|---|---|---|"]
    for one in rows:
        names = " or ".join(f"`{name}`" for name in one.names)
        cells = (names, one.kind.name, _from(one), _default(one), _meaning(one))
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _from(parameter: Parameter) -> str:
    return ", ".join(_PLACES[place] for place in parameter.words.places)


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "**required**"
    default = default_of(parameter)
    return f"`{default}`" if default else ""


def _meaning(parameter: Parameter) -> str:
    return " ".join([parameter.doc, *_rules(parameter)])


def _rules(parameter: Parameter) -> Iterator[str]:
    words = parameter.words
    if words.choices:
        yield f"One of {', '.join(f'`{choice}`' for choice in words.choices)}."
    if words.above is not None:
        yield f"Greater than {words.above:g}."
    if words.at_least is not None:
        yield f"At least {words.at_least:g}."
    if words.at_most is not None:
        yield f"At most {words.at_most:g}."
    if words.exclusive:
        yield f"Not together with {', '.join(f'`{other}`' for other in words.exclusive)}."
    if words.deprecated:
        yield f"**Refused**: {words.deprecated}"
    if words.announce:
        yield f"**Deprecated**: {words.announce}"


def _facts(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "aliases": list(parameter.names[1:]),
        "kind": parameter.kind.name,
        "from": [_PLACES[place] for place in parameter.words.places],
        "required": parameter.required,
        "default": default_of(parameter) or None,
        "choices": list(parameter.words.choices),
        "secret": parameter.words.role == "secret",
        "meaning": _meaning(parameter),
    }


# ---------------------------------------------------------------------------------------------------------- example


def example(page: Page) -> str:
    """The example's manifests as YAML."""
    return yaml.safe_dump_all(manifests(page), sort_keys=False, allow_unicode=True, width=1000)


def manifests(page: Page) -> list[dict[str, Any]]:
    """A ScaledObject with the example as its trigger, and what its credentials come from."""
    name = f"{page.title}-example"
    trigger: dict[str, Any] = {"type": page.title, "metadata": _unveiled(page, page.metadata)}
    if page.metric_type:
        trigger["metricType"] = page.metric_type
    if page.auth:
        trigger["authenticationRef"] = {"name": name}
    spec: dict[str, Any] = {"scaleTargetRef": {"name": "worker"}, "triggers": [trigger]}
    if page.minimum:
        spec["minReplicaCount"] = page.minimum
    return [_resource("ScaledObject", name, spec), *_credentials(page, name)]


def _credentials(page: Page, name: str) -> Iterator[dict[str, Any]]:
    """A pod identity is named in the TriggerAuthentication; everything else is kept in a Secret."""
    if not page.auth:
        return
    kept = {key: value for key, value in page.auth.items() if key != "podIdentity" and not key.startswith("identity")}
    identity = {"provider": page.auth["podIdentity"]} if "podIdentity" in page.auth else {}
    identity |= {key: value for key, value in page.auth.items() if key.startswith("identity")}
    refs = [{"parameter": key, "name": name, "key": key} for key in kept]
    spec = {"secretTargetRef": refs, "podIdentity": identity}
    yield _resource("TriggerAuthentication", name, {key: value for key, value in spec.items() if value})
    if kept:
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": _unveiled(page, kept),
        }


def _resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "keda.sh/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _unveiled(page: Page, values: Mapping[str, str]) -> dict[str, str]:
    """The values as they are, but a stand-in for every secret."""
    secrets = {name for one in parameters(page.cls).values() if one.words.role == "secret" for name in one.names}
    return {name: f"<{name}>" if name in secrets else value for name, value in values.items()}

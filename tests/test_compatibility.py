"""docs/compatibility.md against the code: every test that it names is there, everything that the code declares has a
row, and no row is there twice. What the tests of a row prove is theirs to know; here nothing is run."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import scaler
from scaler import flags, settings
from scaler.core.model import ConditionType
from scaler.declare import parameters
from scaler.errors import InternalError
from scaler.manifests import admission, annotations
from scaler.manifests.cloud_event_source import EventType
from scaler.sinks.event import TYPES
from scaler.telemetry.names import NAMES
from tests import keda_arguments
from tests.web.telemetry.expected import ABSENT, ALL

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
CODE = Path(scaler.__file__).parent
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
AUTHENTICATIONS = ("TriggerAuthentication", "ClusterTriggerAuthentication")
OWN_WORDS = re.compile(r"[\w.-]*(keda\.sh|event-scaler\.dev|app\.kubernetes\.io)/[\w-]+|finalizer\.keda\.sh")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")

KINDS = {
    "ScaledObject": ("keda.sh_scaledobjects",),
    "ScaledJob": ("keda.sh_scaledjobs",),
    "TriggerAuthentication and ClusterTriggerAuthentication": (
        "keda.sh_triggerauthentications",
        "keda.sh_clustertriggerauthentications",
    ),
    "CloudEventSource and ClusterCloudEventSource": (
        "eventing.keda.sh_cloudeventsources",
        "eventing.keda.sh_clustercloudeventsources",
    ),
}

Sections = dict[str, list[tuple[str, str]]]
Found = set[str]
"""Each table by its title: what a row is about, and its last cell."""


# ------------------------------------------------------------------------------------------------------------ the page


def sections(text: str) -> Sections:
    found: Sections = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        elif line.startswith("| ") and not line.startswith(("|---", "| what |")):
            first, *_, last = (cell.strip() for cell in line.strip("|").split(" | "))
            found.setdefault(title, []).append((first.replace("`", ""), last))
    return {title: [row for row in rows if row[1] != "proven by"] for title, rows in found.items()}


@cache
def page() -> Sections:
    return sections(PAGE.read_text(encoding="utf-8"))


def things(title: str) -> Found:
    return {thing for thing, _ in page()[title]}


TABLES = [title for title in page() if title != "Not here"]


@cache
def defined(path: Path) -> Found:
    """The names of its tests, those in classes by themselves."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def unproven(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is wrong with the last cells."""
    for thing, cell in rows:
        named = TEST.findall(cell)
        if not named or TEST.sub("", cell).replace("<br>", ""):
            yield f"{thing}: names no test, or something else"
        for path, name in named:
            there = (ROOT / path).is_file() and name.startswith("test_") and name in defined(ROOT / path)
            if not there:
                yield f"{thing}: there is no {path}::{name}"


@pytest.mark.parametrize("title", TABLES)
def test_every_row_names_tests_that_are_there(title: str) -> None:
    assert list(unproven(page()[title])) == []


@pytest.mark.parametrize("title", page())
def test_nothing_is_there_twice(title: str) -> None:
    rows = Counter(thing for thing, _ in page()[title])
    assert [thing for thing, count in rows.items() if count > 1] == []


def test_differences_are_where_the_links_lead() -> None:
    differences = (PAGE.parent / "differences-from-keda.md").read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in differences.splitlines()
    }
    links = set(re.findall(r"\(differences-from-keda\.md#([\w-]+)\)", PAGE.read_text(encoding="utf-8")))
    assert links <= headings


def test_what_is_not_here_says_why() -> None:
    assert all(why for _, why in page()["Not here"])


# ------------------------------------------------------------------------------------------------- what the code has


def definition(name: str) -> Mapping[str, Any]:
    document = yaml.safe_load((ROOT / "crds" / f"{name}.yaml").read_text(encoding="utf-8"))
    (version,) = document["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]  # type: ignore[no-any-return]  # YAML


def inside(node: Mapping[str, Any], at: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The nodes right below, with their paths."""
    for name, sub in (node.get("properties") or {}).items():
        yield sub, f"{at}.{name}".lstrip(".")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(node.get(key), Mapping):
            yield node[key], at + mark


def leaves(node: Mapping[str, Any], at: str = "") -> Iterator[str]:
    below = list(inside(node, at))
    if not below:
        yield at
    for sub, path in below:
        yield from leaves(sub, path)


def rules(node: Mapping[str, Any], at: str = "") -> Iterator[str]:
    yield from (f"{at}: {key} {node[key]}" for key in ("minimum", "maximum", "minItems", "minLength") if key in node)
    yield from (f"{at}: {key}" for key in ("enum", "pattern") if key in node)
    yield from (f"{at}: {rule['message']}" for rule in node.get("x-kubernetes-validations", ()))
    for sub, path in inside(node, at):
        yield from rules(sub, path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources(*names: str) -> list[Path]:
    return [CODE / name for name in names] or sorted(CODE.rglob("*.py"))


def texts(*names: str) -> Found:
    """Every text that stands in those modules."""
    nodes = (node for path in sources(*names) for node in ast.walk(parsed(path)))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def words(node: ast.AST | None, module: ast.Module, kinds: tuple[str, ...]) -> Found:
    """What an argument may be: a text, one of two, a name that stands for texts, a kind with something behind it."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value=str(end))]):
            return {kind + end for kind in kinds}
        case ast.IfExp(body=body, orelse=other):
            return words(body, module, kinds) | words(other, module, kinds)
        case ast.BoolOp(values=values):
            return set().union(*(words(value, module, kinds) for value in values))
        case ast.Attribute(value=ast.Name(id="problem"), attr="reason"):
            return {InternalError.reason}  # the only one that is told by its own reason
        case ast.Name(id=name):
            return set().union(*(words(value, module, kinds) for value in assigned(name, module)))
    return set()


def assigned(name: str, module: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=True)
                yield from (value for one, value in pairs if isinstance(one, ast.Name) and one.id == name)


def calls(module: ast.Module, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def posted() -> Found:
    """The reason of every event that the code can post."""
    found: Found = set()
    for path in sources():
        kinds = AUTHENTICATIONS if path.stem == "authentications" else ("ScaledObject", "ScaledJob")
        for call in calls(parsed(path), "Event"):
            found |= words(call.args[0] if call.args else None, parsed(path), kinds)
    return found


def type_of(node: ast.AST) -> Found:
    """Of a condition that is made; none of one that is only written in another form."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.Attribute(value=ast.Name(id="ConditionType"), attr=name):
            return {ConditionType[name].value}
    return set()


def conditions(kind: str, *names: str) -> Found:
    """Types and reasons of the conditions that those modules make, but for the empty ones of the beginning."""
    found: Found = set()
    for path in sources(*names):
        for call in calls(parsed(path), "Condition", "_condition"):
            type_, _, reason = call.args[:3]
            found |= {
                f"{one} {word}" for one in type_of(type_) for word in words(reason, parsed(path), (kind,)) if word
            }
    return found


def variables() -> Found:
    """Of the environment: KEDA's, the clouds', OpenTelemetry's, and ours where no flag or variable of KEDA's is it."""
    known = parameters(settings.Settings)
    targets = {name for flag in flags.FLAGS.values() for name in read(flag)}
    own = {field for field, one in known.items() if field not in settings.KEDA and one.name not in targets}
    named = {text for text in texts("settings.py") if VARIABLE.fullmatch(text)}
    return named | {*settings.KEDA.values(), *settings.STORES} | {settings.PREFIX + field.upper() for field in own}


def read(flag: flags.Flag) -> Iterator[str]:
    """The settings that it goes to, whatever its value has to look like."""
    for text in ("true", ":8080", "6443", "info", "json"):
        try:
            yield from flag.read(text)
        except ValueError:
            continue
        return


def arguments() -> Found:
    """KEDA's flags: all that its programs have, and ours in their form."""
    every = (keda_arguments.OPERATOR, keda_arguments.OPERATOR_BY_HELM, keda_arguments.SERVER, keda_arguments.WEBHOOKS)
    given = [word for words_ in (*every, keda_arguments.OTHERS) for word in words_]
    return {f"--{word.lstrip('-').partition('=')[0]}" for word in given} | {f"--{name}" for name in flags.FLAGS}


def reasons() -> Found:
    named = {name: text for name, text in vars(admission).items() if re.fullmatch(r"[A-Z][A-Z_]*", name)}
    return {text for text in named.values() if isinstance(text, str)}


ANNOTATIONS = {text for name, text in vars(annotations).items() if name.isupper() and isinstance(text, str)}
LABELS = {text for text in texts() if OWN_WORDS.fullmatch(text)} - ANNOTATIONS - {"keda.sh/v1alpha1"}

EXACT: Mapping[str, Callable[[], Found]] = {
    "Annotations": lambda: ANNOTATIONS,
    "Labels and finalizers": lambda: LABELS,
    "Conditions of a ScaledObject": lambda: conditions("ScaledObject", "core/conditions.py", "kubernetes/status.py"),
    "Conditions of a ScaledJob": lambda: (
        conditions("ScaledJob", "core/job_conditions.py")
        | {one for one in conditions("ScaledJob", "kubernetes/status.py") if not one.startswith("HPAActive")}
    ),
    "Conditions of a CloudEventSource": lambda: (
        {f"Active {text}" for text in texts("kubernetes/cloud_event_sources.py") if text.startswith("CloudEventSource")}
        - {"Active CloudEventSource"}
    ),
    "Events": posted,
    "Prometheus metrics": lambda: set(ALL),
    "Admission: reasons": reasons,
    "Flags": arguments,
}
"""Tables that have these rows and no others."""

WITHIN: Mapping[str, Callable[[], Found]] = {
    "CloudEvents": lambda: {one.value for one in EventType},
    "OpenTelemetry metrics": lambda: {one.name for one in NAMES},
    "Environment": variables,
}
"""Tables that have these rows, and further ones."""


@pytest.mark.parametrize("title", EXACT)
def test_the_table_has_what_the_code_has(title: str) -> None:
    assert things(title) == EXACT[title]()


@pytest.mark.parametrize("title", WITHIN)
def test_the_table_lacks_nothing_of_the_code(title: str) -> None:
    assert WITHIN[title]() - things(title) == set()


@pytest.mark.parametrize(("kinds", "file"), [(kinds, file) for kinds, files in KINDS.items() for file in files])
@pytest.mark.parametrize("half", ["spec", "status"])
def test_every_field_has_a_row(kinds: str, file: str, half: str) -> None:
    declared = {path for path in leaves(definition(file)) if path.startswith(f"{half}.")}
    assert things(f"{kinds}: {half}") == declared


@pytest.mark.parametrize(("kinds", "file"), [(kinds, file) for kinds, files in KINDS.items() for file in files])
def test_every_rule_of_a_definition_has_a_row(kinds: str, file: str) -> None:
    assert things(f"Definition of {kinds}") == set(rules(definition(file)))


def test_what_kedas_has_and_nobody_posts_is_not_here() -> None:
    absent = " ".join(things("Not here"))
    assert [reason for reason in TYPES.keys() - posted() if reason not in absent] == []
    assert [name for name in ABSENT if f"metric {name}" not in things("Not here")] == []


# ------------------------------------------------------------------------------------------- that it would be found


def test_the_code_is_looked_through() -> None:
    """Where the code is written otherwise one day, this shows that nothing is found any more."""
    assert {"KEDAScaleTargetActivationFailed", "ScaledJobDeleted", "TriggerAuthenticationUpdated"} <= posted()
    assert "HPAActive HPAMetricsUnavailable" in EXACT["Conditions of a ScaledObject"]()
    assert {"event-scaler.dev/restore", "finalizer.keda.sh"} <= LABELS
    assert {"WATCH_NAMESPACE", "VAULT_TOKEN", "NO_PROXY", "SCALER_OBSERVE"} <= variables()
    assert {"other-hpa", "missing-requests"} <= reasons()


def test_a_row_that_proves_nothing_is_found() -> None:
    rows = [
        ("a", "–"),
        ("b", "`tests/core/test_hpa.py::test_nobody_wrote`"),
        ("c", "`tests/core/test_none.py::test_x`"),
        ("d", "`tests/core/test_hpa.py::test_k2_disabled_stays`"),
        ("e", "`tests/core/test_hpa.py::test_k2_disabled_stays` soon"),
    ]
    assert [problem[0] for problem in unproven(rows)] == ["a", "b", "c", "e"]


def test_a_row_that_goes_is_missed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    without = sections(
        "\n".join(line for line in text.splitlines() if not line.startswith("| `spec.fallback.replicas`"))
    )
    title = "ScaledObject: spec"
    assert things(title) - {thing for thing, _ in without[title]} == {"spec.fallback.replicas"}

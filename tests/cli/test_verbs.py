"""The command itself: what it lists, how quickly, what it loads for that, and its exit codes."""

import os
import pkgutil
import subprocess
import sys
from importlib import import_module, metadata

import pytest
import typer

import scaler.cli
from scaler.cli import VERBS, Verbs
from scaler.errors import ClusterError, ManifestError
from tests.cli.conftest import Call

HELP = "import sys; from scaler.__main__ import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"


def test_every_verb_is_a_module_and_the_other_way_round() -> None:
    assert sorted(VERBS) == sorted(module.name for module in pkgutil.iter_modules(scaler.cli.__path__))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_listed_with_its_first_sentence(verb: str) -> None:
    function = getattr(import_module(f"scaler.cli.{verb}"), verb)
    assert (function.__doc__ or "").splitlines()[0] == VERBS[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(call: Call, verb: str) -> None:
    result = call(verb, "--help")
    assert result.exit_code == 0
    assert VERBS[verb].partition(";")[0].split(",")[0][:40] in " ".join(result.stdout.split())


def test_help_lists_the_verbs_and_loads_none_of_them() -> None:
    result = subprocess.run([sys.executable, "-c", HELP, "--help"], capture_output=True, text=True, check=True)
    assert all(f"\n  {verb} " in result.stdout for verb in VERBS)
    heavy = {"pydantic", "aiohttp", "rich", "yaml", "kubernetes", "scaler.daemon", "scaler.cli.validate"}
    assert not heavy & set(result.stderr.split())


def test_the_version(call: Call) -> None:
    assert call("--version").stdout.strip() == metadata.version("event-scaler")


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["validate"], ["explain"], ["scalers", "--output", "yaml"]])
def test_a_wrong_call_is_2(call: Call, arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ManifestError({"a": "is wrong", "b": "too"}), 2, "a: is wrong\nb: too\n"),
        (ClusterError("the folder is gone"), 1, "the folder is gone\n"),
    ],
)
def test_what_a_verb_raises_on_purpose_is_sentences_and_a_code(
    monkeypatch: pytest.MonkeyPatch, call: Call, error: Exception, code: int, said: str
) -> None:
    def failing(_: Verbs, ctx: object, cmd_name: str) -> object:
        def fail() -> None:
            raise error

        verb = typer.Typer(add_completion=False)
        verb.command()(fail)
        return typer.main.get_command(verb)

    monkeypatch.setattr(Verbs, "get_command", failing)
    result = call("fail")
    assert (result.exit_code, result.stderr, result.stdout) == (code, said, "")


@pytest.mark.parametrize(
    ("words", "completed"), [("scaler va", ["validate"]), ("scaler explain apache-", ["apache-kafka"])]
)
def test_completion_knows_verbs_and_types(words: str, completed: list[str]) -> None:
    variables = {**os.environ, "_SCALER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}
    variables["COMP_CWORD"] = str(len(words.split()) - 1)
    result = subprocess.run(
        [sys.executable, "-m", "scaler"], env=variables, capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == completed

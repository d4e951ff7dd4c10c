"""A server that cannot be had is a loud skip, and where everything must be tested a failure."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TESTS = """
    def test_of_a_broker(kafka): ...
    def test_of_another(kafka): ...
    def test_of_nothing(): ...
"""


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A machine without programs and with an empty cache."""
    monkeypatch.setenv("PATH", str(pytester.mkdir("empty")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(TESTS)
    return pytester


def _run(machine: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return machine.runpytest_subprocess("-p", "tests.rig.plugin", *arguments)


def test_without_java_kafka_is_skipped_aloud(bare: pytest.Pytester) -> None:
    result = _run(bare)
    result.assert_outcomes(passed=1, skipped=2)
    assert result.outlines.count("not tested here: kafka (no java)") == 1


def test_in_ci_it_is_a_failure(bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = _run(bare)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*kafka is not to be had here: no java*", "not tested here: kafka (no java)"])


def test_what_uses_a_server_is_marked(bare: pytest.Pytester) -> None:
    _run(bare, "-m", "rig").assert_outcomes(skipped=2, deselected=1)


@pytest.mark.timeout(77)
def test_a_limit_of_its_own_is_kept(nats: object, request: pytest.FixtureRequest) -> None:
    assert [mark.args for mark in request.node.iter_markers("timeout")] == [(77,)]


def test_else_the_limit_is_longer_than_a_unit_tests(nats: object, request: pytest.FixtureRequest) -> None:
    assert [mark.args for mark in request.node.iter_markers("timeout")] == [(120,)]

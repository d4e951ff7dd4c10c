"""The checks themselves: all pass for a scaler that conforms, and each catches the scaler that does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from scaler.declare import Listed, Place
from scaler.sdk import (
    AUTH,
    METADATA,
    Aim,
    Backlog,
    Declared,
    Duration,
    Example,
    Get,
    Http,
    Reply,
    Result,
    Scaler,
    param,
    secret,
    target,
)
from scaler.testing import Check, conformance
from tests.testing.sample import Sample


def names(cls: type[Scaler[Any, Any]]) -> list[str]:
    return [str(check) for check in conformance(cls)]


def failing(cls: type[Scaler[Any, Any]]) -> dict[str, str]:
    """What each failing check says."""
    found = {}
    for check in conformance(cls):
        try:
            check()
        except AssertionError as error:
            found[str(check)] = str(error)
    return found


def fails(cls: type[Scaler[Any, Any]], check: str, sentence: str) -> None:
    found = failing(cls)
    assert sentence in found.get(check, ""), found


@pytest.mark.parametrize("check", conformance(Sample), ids=str)
def test_a_scaler_that_conforms(check: Check) -> None:
    check()


def test_only_what_applies_is_checked() -> None:
    assert [name.removeprefix("sample-") for name in names(Sample)] == [
        "is-documented",
        "names-are-distinct",
        "has-a-target",
        "notes-an-unknown-parameter",
        "missing-url",
        "alias-address",
        "missing-queueName",
        "default-mode",
        "choice-mode",
        "default-queueLength",
        "kind-queueLength",
        "bounds-queueLength",
        "default-activationQueueLength",
        "kind-activationQueueLength",
        "bounds-activationQueueLength",
        "default-pages",
        "kind-pages",
        "bounds-pages",
        "default-timeout",
        "kind-timeout",
        "exclusive-password-token",
        "deprecated-size",
        "announces-region",
        "identity-username",
        "hides-password",
        "identity-password",
        "hides-token",
        "example-loads",
        "example-is-admitted",
        "example-is-read",
        "equal-is-equal",
        "label-is-a-name",
        "equal-is-shared",
        "garbage-is-no-number",
    ]


def test_a_type_that_cannot_be_found_is_one_check_that_says_why() -> None:
    (check,) = conformance("no-such-type")
    assert str(check) == "no-such-type-is-found"
    with pytest.raises(Exception, match="is not known here"):
        check()


# ------------------------------------------------------------------------------------------------- what is not right


def test_a_scaler_without_an_example() -> None:
    class Wrong(Scaler[Get, Reply]):
        url: str = param("Where.")

    assert (
        failing(Wrong)["test-conformance-has-an-example"] == "declare an example: it is documentation and test in one"
    )


def test_a_default_that_breaks_its_own_rules() -> None:
    class Wrong(Sample):
        mode: str = param("What to count.", default="some", choices=("all", "ready"))
        pages: int = param("How many pages to read.", default=10, above=0, at_most=9)
        token: str = secret("Instead of a password.", default="none")

    assert failing(Wrong) == {
        "test-conformance-default-mode": "the default of mode must be one of all, ready",
        "test-conformance-default-pages": "the default of pages must be at most 9",
        "test-conformance-default-token": "token is a secret and has a default",
    } | {name: said for name, said in failing(Wrong).items() if "default" not in name}


def test_two_parameters_with_one_name() -> None:
    class Wrong(Sample):
        other: str = param("Another one.", default="", names=("other", "queueName"))

    class Right(Sample):
        other: str = param("Another one.", default="", names=("queueName",), places=(AUTH,))

    fails(Wrong, "test-conformance-names-are-distinct", "another parameter has a name of other, too")
    assert "test-conformance-names-are-distinct" not in failing(Right)


def test_an_exclusion_of_nothing() -> None:
    class Wrong(Sample):
        other: str = param("Another one.", default="", exclusive=("nothing",))

    fails(Wrong, "test-conformance-exclusive-other-nothing", "excludes nothing, which is no parameter")


def test_no_target_and_two_of_them() -> None:
    class None_(Scaler[Get, Reply]):
        url: str = param("Where.")
        example = Example(metadata={"url": "u"}, answer=1.0, value=1)

        def read(self, answer: Reply) -> float:
            return 1.0

    class Two(Sample):
        other: float = target("Another one.", default=5)

    class Own(None_):
        def aims(self, answer: Reply | None) -> Mapping[str, Aim | None]:
            return {"own": Aim(1)}

    fails(None_, "test-conformance-has-a-target", "declare one target, or override aims")
    fails(Two, "test-conformance-has-a-target", "declare one target, or override aims")
    assert "test-conformance-has-a-target" not in failing(Own)


@pytest.mark.parametrize(
    ("change", "check", "sentence"),
    [
        ({"metadata": {"url": "u"}}, "example-loads", "the example has problems: {'queueName'"),
        ({"metadata": {"url": "u", "queueName": "q", "xyz": "1"}}, "example-loads", "the example has notes: {'xyz'"),
        ({"metadata": {"url": "u", "queueName": "q", "pages": "0"}}, "example-is-admitted", "the example is refused"),
        ({"value": 13}, "example-is-read", "read as 12, not 13"),
        ({"active": False}, "example-is-read", "the example is active"),
    ],
)
def test_an_example_that_is_none(change: Mapping[str, Any], check: str, sentence: str) -> None:
    class Wrong(Sample):
        example = replace(Sample.example, **change)

    fails(Wrong, f"test-conformance-{check}", sentence)


def test_a_secret_in_the_label() -> None:
    class Wrong(Sample):
        def label(self) -> str:
            return f"sample-{self.password}"

    fails(Wrong, "test-conformance-hides-password", "password is shown by sample-…")


def test_a_secret_in_the_query() -> None:
    class Wrong(Sample):
        def ask(self) -> Get:
            return Get(f"/queue/{self.token}")

    fails(Wrong, "test-conformance-hides-token", "token is shown by Get(")


def test_a_secret_in_a_problem() -> None:
    class Wrong(Sample):
        def check(self) -> Iterator[tuple[str, str]]:
            if "hush" in self.token:
                yield "token", f"{self.token} is no token"

    fails(Wrong, "test-conformance-hides-token", "token is shown by … is no token")


def test_a_secret_that_is_declared_as_a_parameter_of_a_source() -> None:
    @dataclass(frozen=True)
    class Shown(Http):
        password: str = ""

    class Wrong(Sample):
        def source(self) -> Http:
            return Shown(self.url, password=self.password)

    fails(Wrong, "test-conformance-hides-password", "password is shown by")


def test_a_credential_that_is_no_part_of_the_source() -> None:
    class Wrong(Sample):
        def source(self) -> Http:
            return Http(self.url)

    fails(Wrong, "test-conformance-identity-password", "its connection would be shared")
    fails(Wrong, "test-conformance-identity-username", "its connection would be shared")


def test_a_source_that_is_no_value() -> None:
    class Fresh(Http):
        __eq__ = object.__eq__
        __hash__ = object.__hash__

    class Wrong(Sample):
        def source(self) -> Http:
            return Fresh(self.url)

    fails(Wrong, "test-conformance-equal-is-shared", "the same metadata leads to another source")


def test_an_empty_label() -> None:
    class Wrong(Sample):
        def label(self) -> str:
            return ""

    fails(Wrong, "test-conformance-label-is-a-name", "the label is empty")


def test_a_renamed_field_that_is_read_as_zero() -> None:
    class Wrong(Sample):
        def read(self, answer: Reply) -> float:
            found = answer.json()
            return float(found.get("messages", 0)) if isinstance(found, dict) else 0.0

    fails(Wrong, "test-conformance-garbage-is-no-number", "is read as 0.0, not as an error")


def test_a_renamed_field_that_is_a_bug() -> None:
    class Wrong(Sample):
        def read(self, answer: Reply) -> float:
            return float(answer.json()["messages"])

    fails(Wrong, "test-conformance-garbage-is-no-number", "Error instead of an AnswerError for the answer Reply(")


# ---------------------------------------------------------------------------------------------- other kinds of answer


@dataclass(frozen=True)
class Depths:
    """What a broker tells."""

    ready: Mapping[str, int] = field(default_factory=dict)
    at: float = 0.0


@dataclass(frozen=True)
class Known:
    """Looks enough like a source."""

    host: str
    password: str = field(repr=False)


class Broker(Declared):
    """A shared group."""

    host: str = param("Where.", places=(METADATA, AUTH))
    password: str = secret("The password.", places=(AUTH,))


class Typed(Broker, Scaler[str, Depths]):
    """A scaler whose source answers with values of its own."""

    queue: str = param("Which.", names=("queueName",))
    length: float = target("Messages.", default=5, names=("queueLength",))
    hosts: Listed = param("More of them.", default=("a", "b"))
    wait: Duration = param("How long.", default=0.25)
    example = Example(
        metadata={"host": "h", "queueName": "q"}, auth={"password": "p"}, answer=Depths({"q": 3}), value=3, active=True
    )

    def source(self) -> Any:
        return Known(self.host, self.password)

    def ask(self) -> str:
        return self.queue

    def read(self, answer: Depths) -> Result:
        return Backlog(answer.ready[self.queue])


def test_a_typed_answer_is_emptied_field_by_field() -> None:
    class Asks(Typed):
        def source(self) -> Any:
            return Known(self.host, self.password)

    fails(
        Asks,
        "test-conformance-garbage-is-no-number",
        "KeyError instead of an AnswerError for the answer Depths(ready={}",
    )


def test_what_the_cluster_answers_has_no_source_to_check() -> None:
    class Usage(Scaler[Any, float]):
        """Usage."""

        value: float = target("Usage for one replica.")
        example = Example(metadata={"value": "50"}, answer=70.0, value=70)

        def read(self, answer: float) -> float:
            return answer

    assert failing(Usage) == {}
    assert not [name for name in names(Usage) if "shared" in name or "garbage" in name]


def test_a_parameter_is_written_where_it_may_stand() -> None:
    class Env(Sample):
        number: int = param("A number.", default=1, places=(Place.ENV,))

    found = failing(Env)
    assert "test-conformance-kind-number" not in found
    assert "test-conformance-kind-number" in names(Env)

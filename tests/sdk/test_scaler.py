"""Scaler: what a type that writes as little as possible gets."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from scaler.declare import load
from scaler.sdk import Aim, Backlog, Example, Get, Http, Query, Reply, Scaler, activation, param, target


class Little(Scaler[Query, Reply]):
    """No more than must be."""

    url: str = param("Where.")
    length: int | None = target("Per replica.", default=None)
    activation_length: float = activation()

    example: ClassVar[Example] = Example(metadata={"url": "http://x"}, answer="5", value=5.0)

    def source(self) -> Http:
        return Http(self.url)

    def ask(self) -> Query:
        return Get()

    def read(self, answer: Reply) -> float:
        return float(answer.text())


class Rich(Little):
    """What may be written besides."""

    resource = "cpu"
    cacheable = False

    def label(self) -> str:
        return "rich"

    def active(self, answer: Reply) -> bool:
        return answer.body == b"1"

    def aims(self, answer: Reply | None) -> Mapping[str, Aim | None]:
        return {"rich": Aim(1.0), "richer": Aim(2.0, activation=3.0)}

    def compare(self, answer: Reply, previous: Reply | None) -> Backlog:
        return Backlog(len(answer.body) - len(previous.body if previous else b""))


class Nothing(Scaler[Query, Reply]):
    """Not even what must be."""


def loaded(cls: type[Little], **metadata: str) -> Little:
    value = load(cls, {"url": "http://x", **metadata}, {}, {}).value
    assert value is not None
    return value


def test_the_label_is_the_modules_name() -> None:
    assert loaded(Little).label() == "test-scaler"
    assert loaded(Rich).label() == "rich"


@pytest.mark.parametrize(
    ("metadata", "aim"),
    [
        ({}, None),
        ({"length": "5"}, Aim(5.0)),
        ({"length": "5", "activationLength": "2.5"}, Aim(5.0, 2.5)),
    ],
)
def test_the_aim_is_the_declared_target(metadata: dict[str, str], aim: Aim | None) -> None:
    assert loaded(Little, **metadata).aims(None) == {"test-scaler": aim}


def test_a_type_may_yield_several_metrics() -> None:
    assert list(loaded(Rich).aims(None)) == ["rich", "richer"]


def test_activity_is_a_comparison_unless_it_is_not() -> None:
    assert loaded(Little).active(Reply(b"1")) is None
    assert loaded(Rich).active(Reply(b"1")) is True


def test_the_answer_before_is_kept_for_those_alone_who_compare() -> None:
    assert not Little.compares()
    assert Rich.compares()
    assert loaded(Little).compare(Reply(b"5"), Reply(b"4")) == 5.0
    assert loaded(Rich).compare(Reply(b"abc"), Reply(b"a")) == Backlog(2)


def test_the_defaults_of_a_type() -> None:
    assert (Little.resource, Little.cacheable) == ("", True)
    assert (Rich.resource, Rich.cacheable) == ("cpu", False)


def test_scalers_are_values() -> None:
    assert loaded(Little) == loaded(Little)
    assert hash(loaded(Little)) == hash(loaded(Little))
    assert loaded(Little, length="5") != loaded(Little, length="6")
    with pytest.raises(ValueError, match="frozen"):
        loaded(Little).length = 7


def test_what_must_be_written_says_so() -> None:
    scaler = Nothing()
    for method, arguments in ((scaler.source, ()), (scaler.ask, ()), (scaler.read, (Reply(b""),))):
        with pytest.raises(NotImplementedError, match=f"Nothing.{method.__name__}"):
            method(*arguments)


def test_a_backlog_counts_what_its_type_says() -> None:
    assert Backlog(4.0, in_flight=3.0).counted == 4.0
    assert Backlog(4.0, in_flight=3.0, value=7.0).counted == 7.0

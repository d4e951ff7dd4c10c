"""The tests that every trigger type must pass, made from its declaration: only those that apply to it, each with a name
that says what is wrong when it fails (`kafka-missing-lagThreshold`). A type needs tests of its own only for what is
peculiar to it."""

import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from scaler import catalog
from scaler.core import naming
from scaler.core.model import Backlog
from scaler.declare import METADATA, load
from scaler.errors import AnswerError
from scaler.sdk.http import Reply
from scaler.sdk.scaler import Amount, AnyScaler, Scaler, Usage
from scaler.testing.subject import Run, Subject, expect
from scaler.testing.writing import of_parameters, of_secrets

Makers = tuple[Callable[[Subject], Iterator[tuple[str, Run]]], ...]


@dataclass(frozen=True)
class Check:
    """One test: called, it raises `AssertionError` with a sentence when the scaler does not conform."""

    name: str
    run: Run = dataclasses.field(repr=False)

    def __call__(self) -> None:
        self.run()

    def __str__(self) -> str:
        return self.name


def conformance(scaler: str | type[AnyScaler]) -> list[Check]:
    """All checks that apply to a type or class. A type that cannot be found has one, which raises why."""
    if not isinstance(scaler, str):
        return [*_checks(Subject(scaler.__module__.rpartition(".")[2].replace("_", "-"), scaler))]
    try:
        return [*_checks(Subject(scaler, catalog.find(scaler)))]
    except catalog.UnknownScaler as error:
        return [Check(f"{scaler}-is-found", partial(_raise, error))]


def _raise(error: Exception) -> None:
    raise error


def _checks(subject: Subject) -> Iterator[Check]:
    makers: Makers = (_of_declaration,)
    if hasattr(subject.cls, "example"):
        makers += (of_parameters, of_secrets, _of_example, _of_values, _of_garbage)
    for maker in makers:
        for name, run in maker(subject):
            yield Check(f"{subject.name}-{name}", run)


# ------------------------------------------------------------------------------------------------------ declaration


def _of_declaration(subject: Subject) -> Iterator[tuple[str, Run]]:
    yield "is-documented", partial(_is_documented, subject)
    yield "names-are-distinct", partial(_names_are_distinct, subject)
    yield "has-a-target", partial(_has_a_target, subject)
    if not hasattr(subject.cls, "example"):
        yield "has-an-example", partial(expect, False, "declare an example: it is documentation and test in one")
    elif any(METADATA in one.words.places for one in subject.parameters):
        yield "notes-an-unknown-parameter", partial(_notes_an_unknown_parameter, subject)


def _is_documented(subject: Subject) -> None:
    module = sys.modules[subject.cls.__module__]
    expect(bool((module.__doc__ or "").strip()), f"{module.__name__} has no docstring: it is the introduction")
    for one in subject.parameters:
        expect(bool(one.doc.strip()), f"{one.name} has no documentation")


def _names_are_distinct(subject: Subject) -> None:
    """In each place: what is refused in metadata may be another parameter's name in credentials."""
    seen: set[tuple[str, str]] = set()
    for one in subject.parameters:
        own = {(name, place) for name in one.names for place in one.words.places}
        expect(not own & seen, f"another parameter has a name of {one.name}, too")
        seen |= own


def _has_a_target(subject: Subject) -> None:
    roles = [one.words.role for one in subject.parameters]
    own = subject.cls.aims is not Scaler.aims
    expect(own or roles.count("target") == 1, "declare one target, or override aims")
    expect(own or roles.count("activation") <= 1, "declare one activation at most, or override aims")


def _notes_an_unknown_parameter(subject: Subject) -> None:
    known = max((one.name for one in subject.parameters if one.readable_from(METADATA)), key=len)
    wrong = f"{known[:-1]}{known[-1] * 3}"
    note = subject.load({wrong: "1"}).notes.get(wrong, "")
    expect(f"did you mean {known}?" in note, f"{wrong} is answered with {note!r}")


# ---------------------------------------------------------------------------------------------------------- example


def _of_example(subject: Subject) -> Iterator[tuple[str, Run]]:
    yield "example-loads", partial(_example_loads, subject)
    yield "example-is-admitted", partial(_example_is_admitted, subject)
    yield "example-is-read", partial(_example_is_read, subject)


def _example_loads(subject: Subject) -> None:
    loaded = subject.load()
    expect(not loaded.problems, f"the example has problems: {loaded.problems}")
    expect(not loaded.notes, f"the example has notes: {loaded.notes}")
    expect(loaded.value is not None, "the example does not load")


def _example_is_admitted(subject: Subject) -> None:
    """Without a cluster nothing is known of credentials, and nothing may be said against them."""
    problems = load(subject.cls, subject.example.metadata).problems
    expect(not problems, f"the example is refused before its credentials are known: {problems}")


def _example_is_read(subject: Subject) -> None:
    scaler, example = subject.loaded(), subject.example
    answer = subject.answer(scaler)
    result = scaler.compare(answer, None)
    amount = next(iter(result.values())) if isinstance(result, Mapping) else result
    value = _number(amount)
    expect(math.isclose(value, example.value), f"the example's answer is read as {value:g}, not {example.value:g}")
    aims = [aim for aim in scaler.aims(answer).values() if aim is not None]
    expect(bool(aims), "the example aims at nothing")
    if isinstance(amount, Usage):
        return
    active = scaler.active(answer)
    active = value > aims[0].activation if active is None else active
    expect(active == example.active, f"the example is {'active' if active else 'not active'}")


def _number(amount: Amount) -> float:
    if isinstance(amount, Usage):
        return math.fsum(sample.value for sample in amount.samples)
    return amount.counted if isinstance(amount, Backlog) else float(amount)


# ----------------------------------------------------------------------------------------------------------- values


def _of_values(subject: Subject) -> Iterator[tuple[str, Run]]:
    yield "equal-is-equal", partial(_equal_is_equal, subject)
    yield "label-is-a-name", partial(_label_is_a_name, subject)
    if subject.asks:
        yield "equal-is-shared", partial(_equal_is_shared, subject)


def _equal_is_equal(subject: Subject) -> None:
    first, second = subject.loaded(), subject.loaded()
    expect(first == second, "two scalers of the same metadata differ")
    expect(hash(first) == hash(second), "two scalers of the same metadata hash differently")


def _equal_is_shared(subject: Subject) -> None:
    """Equal sources are one connection and equal queries are asked once; both must be values for that."""
    first, second = subject.loaded(), subject.loaded()
    for what, one, other in (("source", first.source(), second.source()), ("query", first.ask(), second.ask())):
        expect(one == other and hash(one) == hash(other), f"the same metadata leads to another {what}")


def _label_is_a_name(subject: Subject) -> None:
    scaler = subject.loaded()
    for label in (scaler.label(), *scaler.aims(None)):
        name = naming.metric(0, label)
        expect(bool(label.strip()), "the label is empty")
        expect(naming.normalise(name) == name, f"{name} changes when it is normalised again")


# ---------------------------------------------------------------------------------------------------------- garbage


def _of_garbage(subject: Subject) -> Iterator[tuple[str, Run]]:
    if subject.asks:
        yield "garbage-is-no-number", partial(_garbage_is_no_number, subject)


def _garbage_is_no_number(subject: Subject) -> None:
    """Failing is not zero: an error page or a renamed field is an `AnswerError`."""
    scaler = subject.loaded()
    for garbage, may_be_a_number in _garbage(subject.answer(scaler)):
        try:
            result = scaler.compare(garbage, None)
        except AnswerError:
            continue
        except Exception as error:
            sentence = f"{type(error).__name__} instead of an AnswerError for the answer {garbage!r}"
            raise AssertionError(sentence) from error
        expect(may_be_a_number, f"the answer {garbage!r} is read as {result!r}, not as an error")


def _garbage(answer: Any) -> Iterator[tuple[Any, bool]]:
    """Wrong answers of the right type, and whether a number may be read from them all the same."""
    if isinstance(answer, Reply):
        listed = answer.body.lstrip().startswith(b"[")
        for body in (b"", b"<html>Bad gateway</html>", b"null", b"{}"):
            yield Reply(body), False
        yield Reply(b"[]"), listed
    elif dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        for one in dataclasses.fields(answer):
            value = getattr(answer, one.name)
            if one.init and isinstance(value, str | bytes | tuple | list | dict | frozenset):
                yield dataclasses.replace(answer, **{one.name: type(value)()}), True
    elif isinstance(answer, str | bytes | tuple | list | dict):
        yield type(answer)(), True

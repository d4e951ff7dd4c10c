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
from scaler.declare import AUTH, METADATA, Parameter, load
from scaler.declare.kinds import shown
from scaler.errors import AnswerError, ScalerError
from scaler.sdk.http import Reply
from scaler.sdk.scaler import Amount, AnyScaler, Scaler, Usage
from scaler.testing.subject import Subject

HUSH = "hush-3f1c-not-to-be-seen"
Run = Callable[[], None]


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


def _expect(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)


def _checks(subject: Subject) -> Iterator[Check]:
    makers: tuple[Callable[[Subject], Iterator[tuple[str, Run]]], ...] = (_of_declaration,)
    if hasattr(subject.cls, "example"):
        makers += (_of_parameters, _of_secrets, _of_example, _of_values, _of_garbage)
    for maker in makers:
        for name, run in maker(subject):
            yield Check(f"{subject.name}-{name}", run)


# ------------------------------------------------------------------------------------------------------ declaration


def _of_declaration(subject: Subject) -> Iterator[tuple[str, Run]]:
    yield "is-documented", partial(_is_documented, subject)
    yield "names-are-distinct", partial(_names_are_distinct, subject)
    yield "has-a-target", partial(_has_a_target, subject)
    if not hasattr(subject.cls, "example"):
        yield (
            "has-an-example",
            partial(_raise, AssertionError("declare an example: it is documentation and test in one")),
        )
    elif any(METADATA in one.words.places for one in subject.parameters):
        yield "notes-an-unknown-parameter", partial(_notes_an_unknown_parameter, subject)


def _is_documented(subject: Subject) -> None:
    module = sys.modules[subject.cls.__module__]
    _expect(bool((module.__doc__ or "").strip()), f"{module.__name__} has no docstring: it is the introduction")
    for one in subject.parameters:
        _expect(bool(one.doc.strip()), f"{one.name} has no documentation")


def _names_are_distinct(subject: Subject) -> None:
    names = [name for one in subject.parameters for name in one.names]
    _expect(len(names) == len(set(names)), f"two parameters share one of {sorted(names)}")


def _has_a_target(subject: Subject) -> None:
    roles = [one.words.role for one in subject.parameters]
    own = subject.cls.aims is not Scaler.aims
    _expect(own or roles.count("target") == 1, "declare one target, or override aims")
    _expect(own or roles.count("activation") <= 1, "declare one activation at most, or override aims")


def _notes_an_unknown_parameter(subject: Subject) -> None:
    known = max((one.name for one in subject.parameters if one.readable_from(METADATA)), key=len)
    wrong = f"{known[:-1]}{known[-1] * 3}"
    note = subject.load({wrong: "1"}).notes.get(wrong, "")
    _expect(f"did you mean {known}?" in note, f"{wrong} is answered with {note!r}")


# ------------------------------------------------------------------------------------------------------- parameters


def _of_parameters(subject: Subject) -> Iterator[tuple[str, Run]]:
    for one in subject.parameters:
        words = one.words
        if one.required:
            yield f"missing-{one.name}", partial(_missing, subject, one)
        if not one.required and one.default not in (None, "", ()):
            yield f"default-{one.name}", partial(_default, subject, one)
        if words.deprecated:
            yield f"deprecated-{one.name}", partial(_refused, subject, one, "1", words.deprecated)
            continue
        if words.announce:
            yield f"announces-{one.name}", partial(_announced, subject, one)
        if words.choices:
            yield f"choice-{one.name}", partial(_refused, subject, one, "no-such-choice", "must be one of")
        elif one.kind.name not in ("text", "list", "URL query", "quantity", "object"):
            yield f"kind-{one.name}", partial(_refused, subject, one, "no such thing", "must")
        if bounds := tuple(_beyond(one)):
            yield f"bounds-{one.name}", partial(_bounds, subject, one, bounds)
        for alias in one.names[1:]:
            yield f"alias-{alias}", partial(_alias, subject, one, alias)
        for other in words.exclusive:
            yield f"exclusive-{one.name}-{other}", partial(_exclusive, subject, one, other)


def _missing(subject: Subject, parameter: Parameter) -> None:
    problems = subject.without(parameter).problems
    _expect(
        "is required" in problems.get(parameter.name, ""), f"{parameter.name} is missing, and this is said: {problems}"
    )


def _default(subject: Subject, parameter: Parameter) -> None:
    """A default is never read by the rules, so it could break them."""
    _expect(parameter.words.role != "secret", f"{parameter.name} is a secret and has a default")
    text = shown(parameter.default, parameter.kind)
    problem = "" if parameter.words.deprecated else subject.problem(parameter, text)
    _expect(not problem, f"the default of {parameter.name} {problem}")
    _expect(parameter.kind.read(text) == parameter.default, f"{parameter.name}: {text} is not read as the default")


def _refused(subject: Subject, parameter: Parameter, text: str, sentence: str) -> None:
    problem = subject.problem(parameter, text)
    _expect(sentence in problem, f"{parameter.name}: {text} is answered with {problem!r}")


def _announced(subject: Subject, parameter: Parameter) -> None:
    notes = subject.write(parameter, subject.given(parameter)[1] or "1").notes
    _expect(parameter.words.announce in notes.values(), f"that {parameter.name} goes away is not told: {notes}")


def _beyond(parameter: Parameter) -> Iterator[float]:
    words = parameter.words
    if words.above is not None:
        yield words.above
    if words.at_least is not None:
        yield words.at_least - 1
    if words.at_most is not None:
        yield words.at_most + 1


def _bounds(subject: Subject, parameter: Parameter, beyond: tuple[float, ...]) -> None:
    unit = "s" if parameter.kind.name == "duration" else ""
    for value in beyond:
        _refused(subject, parameter, f"{value:.9f}".rstrip("0").rstrip(".") + unit, "must")


def _alias(subject: Subject, parameter: Parameter, alias: str) -> None:
    """Read as the parameter itself would be, whether or not that is well."""
    text = subject.given(parameter)[1] or "1"
    plain = subject.write(parameter, text)
    renamed = subject.write(dataclasses.replace(parameter, names=(alias, *parameter.names)), text)
    same = (plain.value, [*plain.problems.values()]) == (renamed.value, [*renamed.problems.values()])
    _expect(same, f"{alias} is not read as {parameter.name}")


def _exclusive(subject: Subject, parameter: Parameter, other: str) -> None:
    known = {name: one for one in subject.parameters for name in one.names}
    _expect(other in known, f"{parameter.name} excludes {other}, which is no parameter")
    values = {parameter.name: "1", other: "1"}
    problems = load(subject.cls, values, values, {}).problems
    _expect("must not be set together" in "; ".join(problems.values()), f"{parameter.name} may stand beside {other}")


# ---------------------------------------------------------------------------------------------------------- secrets


def _of_secrets(subject: Subject) -> Iterator[tuple[str, Run]]:
    for one in subject.parameters:
        if one.words.role == "secret":
            yield f"hides-{one.name}", partial(_hides, subject, one)
        if subject.asks and one.readable_from(AUTH) and subject.given(one)[0] in subject.example.auth:
            yield f"identity-{one.name}", partial(_identity, subject, one)


def _hides(subject: Subject, secret: Parameter) -> None:
    """Neither what is made from it nor what is said when anything is wrong quotes a secret."""
    given = subject.given(secret)[1]
    for text in (HUSH, f"{given}{HUSH}"):
        loaded = subject.write(secret, text)
        said = [*loaded.problems.values(), *loaded.notes.values()]
        for one in (*said, *(_seen(subject, loaded.value) if loaded.value is not None else ())):
            _expect(HUSH not in one, f"{secret.name} is shown by {one.replace(HUSH, '…')}")


def _seen(subject: Subject, scaler: AnyScaler) -> Iterator[str]:
    """All that people may get to see of a scaler and what it makes."""
    yield from (repr(scaler), str(scaler))
    try:
        yield scaler.label()
        yield repr(scaler.aims(None))
        if subject.asks:
            source, query = scaler.source(), scaler.ask()
            yield from (repr(source), str(source), repr(query), str(query))
    except ScalerError as error:
        yield str(error)


def _identity(subject: Subject, credential: Parameter) -> None:
    """Sharing never crosses credentials: another credential is another source (or another question)."""
    name, text = subject.given(credential)
    other = subject.load(auth={name: f"{text}2"}).value
    if other is None:
        return
    first = subject.loaded()
    same = (first.source(), first.ask()) == (other.source(), other.ask())
    _expect(not same, f"another {name} leads to an equal source: its connection would be shared")


# ---------------------------------------------------------------------------------------------------------- example


def _of_example(subject: Subject) -> Iterator[tuple[str, Run]]:
    yield "example-loads", partial(_example_loads, subject)
    yield "example-is-admitted", partial(_example_is_admitted, subject)
    yield "example-is-read", partial(_example_is_read, subject)


def _example_loads(subject: Subject) -> None:
    loaded = subject.load()
    _expect(not loaded.problems, f"the example has problems: {loaded.problems}")
    _expect(not loaded.notes, f"the example has notes: {loaded.notes}")
    _expect(loaded.value is not None, "the example does not load")


def _example_is_admitted(subject: Subject) -> None:
    """Without a cluster nothing is known of credentials, and nothing may be said against them."""
    problems = load(subject.cls, subject.example.metadata).problems
    _expect(not problems, f"the example is refused before its credentials are known: {problems}")


def _example_is_read(subject: Subject) -> None:
    scaler, example = subject.loaded(), subject.example
    answer = subject.answer(scaler)
    result = scaler.compare(answer, None)
    amount = next(iter(result.values())) if isinstance(result, Mapping) else result
    value = _number(amount)
    _expect(math.isclose(value, example.value), f"the example's answer is read as {value:g}, not {example.value:g}")
    aims = [aim for aim in scaler.aims(answer).values() if aim is not None]
    _expect(bool(aims), "the example aims at nothing")
    if isinstance(amount, Usage):
        return
    active = scaler.active(answer)
    active = value > aims[0].activation if active is None else active
    _expect(active == example.active, f"the example is {'active' if active else 'not active'}")


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
    _expect(first == second, "two scalers of the same metadata differ")
    _expect(hash(first) == hash(second), "two scalers of the same metadata hash differently")


def _equal_is_shared(subject: Subject) -> None:
    """Equal sources are one connection and equal queries are asked once; both must be values for that."""
    first, second = subject.loaded(), subject.loaded()
    for what, one, other in (("source", first.source(), second.source()), ("query", first.ask(), second.ask())):
        _expect(one == other and hash(one) == hash(other), f"the same metadata leads to another {what}")


def _label_is_a_name(subject: Subject) -> None:
    scaler = subject.loaded()
    for label in (scaler.label(), *scaler.aims(None)):
        name = naming.metric(0, label)
        _expect(bool(label.strip()), "the label is empty")
        _expect(naming.normalise(name) == name, f"{name} changes when it is normalised again")


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
        _expect(may_be_a_number, f"the answer {garbage!r} is read as {result!r}, not as an error")


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

"""Checks of what may be written: each parameter by its own declaration, and that secrets stay so. See `conformance`."""

import dataclasses
from collections.abc import Iterator
from functools import partial

from scaler.declare import AUTH, Parameter, load
from scaler.declare.kinds import shown
from scaler.errors import ScalerError
from scaler.sdk.scaler import AnyScaler
from scaler.testing.subject import Run, Subject, expect

HUSH = "hush-3f1c-not-to-be-seen"


def of_parameters(subject: Subject) -> Iterator[tuple[str, Run]]:
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
    expect(
        "is required" in problems.get(parameter.name, ""), f"{parameter.name} is missing, and this is said: {problems}"
    )


def _default(subject: Subject, parameter: Parameter) -> None:
    """A default is never read by the rules, so it could break them."""
    expect(parameter.words.role != "secret", f"{parameter.name} is a secret and has a default")
    text = shown(parameter.default, parameter.kind)
    problem = "" if parameter.words.deprecated else subject.problem(parameter, text)
    expect(not problem, f"the default of {parameter.name} {problem}")
    expect(parameter.kind.read(text) == parameter.default, f"{parameter.name}: {text} is not read as the default")


def _refused(subject: Subject, parameter: Parameter, text: str, sentence: str) -> None:
    problem = subject.problem(parameter, text)
    expect(sentence in problem, f"{parameter.name}: {text} is answered with {problem!r}")


def _announced(subject: Subject, parameter: Parameter) -> None:
    notes = subject.write(parameter, subject.given(parameter)[1] or "1").notes
    expect(parameter.words.announce in notes.values(), f"that {parameter.name} goes away is not told: {notes}")


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
    expect(same, f"{alias} is not read as {parameter.name}")


def _exclusive(subject: Subject, parameter: Parameter, other: str) -> None:
    known = {name: one for one in subject.parameters for name in one.names}
    expect(other in known, f"{parameter.name} excludes {other}, which is no parameter")
    values = {parameter.name: "1", other: "1"}
    problems = load(subject.cls, values, values, {}).problems
    expect("must not be set together" in "; ".join(problems.values()), f"{parameter.name} may stand beside {other}")


# ---------------------------------------------------------------------------------------------------------- secrets


def of_secrets(subject: Subject) -> Iterator[tuple[str, Run]]:
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
            expect(HUSH not in one, f"{secret.name} is shown by {one.replace(HUSH, '…')}")


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
    expect(not same, f"another {name} leads to an equal source: its connection would be shared")

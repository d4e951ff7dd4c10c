"""A scaler class under test: ways to write its example differently and to hear what is said of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from scaler.declare import AUTH, METADATA, Loaded, Parameter, load, parameters
from scaler.sdk.http import Http, Reply
from scaler.sdk.scaler import AnyScaler, Example, Scaler
from scaler.testing.recorded import reply

Run = Callable[[], None]


def expect(condition: bool, sentence: str) -> None:
    """An assertion that needs no test runner to be read."""
    if not condition:
        raise AssertionError(sentence)


@dataclass(frozen=True)
class Subject:
    """The class of the type `name`."""

    name: str
    cls: type[AnyScaler]

    @property
    def example(self) -> Example:
        return self.cls.example

    @property
    def parameters(self) -> list[Parameter]:
        return list(parameters(self.cls).values())

    @property
    def asks(self) -> bool:
        """Whether it has a source of its own; `cpu` and its like are answered by the cluster."""
        return self.cls.source is not Scaler.source

    def loaded(self) -> AnyScaler:
        """The example."""
        value = self.load().value
        if value is None:
            raise AssertionError("the example does not load")
        return value

    def load(
        self, metadata: Mapping[str, str] | None = None, auth: Mapping[str, str] | None = None
    ) -> Loaded[AnyScaler]:
        """The example with these additions."""
        return load(self.cls, {**self.example.metadata, **(metadata or {})}, {**self.example.auth, **(auth or {})}, {})

    def without(self, parameter: Parameter) -> Loaded[AnyScaler]:
        """The example without this parameter."""
        return load(self.cls, *self._other_than(parameter.names), {})

    def write(self, parameter: Parameter, text: str) -> Loaded[AnyScaler]:
        """The example with this parameter, and without what must not stand beside it."""
        excluded = {
            name
            for one in self.parameters
            for name in one.names
            if name in parameter.words.exclusive or parameter.name in one.words.exclusive
        }
        return _written(self.cls, parameter, text, *self._other_than({*parameter.names, *excluded}))

    def problem(self, parameter: Parameter, text: str) -> str:
        """What is said of the parameter when it is written like this, and nothing else is there."""
        problems = _written(self.cls, parameter, text, {}, {}).problems
        return next((problems[name] for name in (parameter.name, f"{parameter.name}FromEnv") if name in problems), "")

    def given(self, parameter: Parameter) -> tuple[str, str]:
        """How the example writes the parameter: (name, text); empty where it does not."""
        written = {**self.example.auth, **self.example.metadata}
        return next(((name, written[name]) for name in parameter.names if name in written), ("", ""))

    def answer(self, scaler: AnyScaler) -> Any:
        """The example's answer as its source hands it over: an Http source, as a `Reply`."""
        answer = self.example.answer
        is_content = self.asks and isinstance(scaler.source(), Http) and not isinstance(answer, Reply)
        return reply(answer) if is_content else answer

    def _other_than(self, names: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
        """The example's metadata and auth but for these names."""
        metadata = {name: text for name, text in self.example.metadata.items() if name not in names}
        return metadata, {name: text for name, text in self.example.auth.items() if name not in names}


def _written(
    cls: type[AnyScaler], parameter: Parameter, text: str, metadata: Mapping[str, str], auth: Mapping[str, str]
) -> Loaded[AnyScaler]:
    """The parameter stands in the first place where it may be given."""
    place = parameter.words.places[0]
    if place is METADATA:
        return load(cls, {**metadata, parameter.name: text}, auth, {})
    if place is AUTH:
        return load(cls, metadata, {**auth, parameter.name: text}, {})
    return load(cls, {**metadata, f"{parameter.name}FromEnv": "VARIABLE"}, auth, {"VARIABLE": text})

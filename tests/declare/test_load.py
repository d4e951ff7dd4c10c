"""From what was written to an instance: places, aliases, `…FromEnv`, all problems at once, and notes."""

from collections.abc import Iterator, Mapping

import pytest
from pydantic import ConfigDict

from scaler.declare import (
    AUTH,
    ENV,
    METADATA,
    UNRESOLVED,
    Declared,
    Duration,
    Listed,
    Loaded,
    Pairs,
    Place,
    Ranges,
    Resource,
    activation,
    load,
    load_document,
    param,
    secret,
    target,
)

HUSH = "hush-3f1c"


class Queue(Declared):
    """A queue with every word of the vocabulary."""

    queue_name: str = param("Name of the queue.")
    host: str = param("Where it is.", default="", places=(METADATA, ENV, AUTH), names=("host", "hosts"))
    mode: str = param("What to count.", default="all", choices=("all", "ready"))
    modes: Listed = param("What to count.", default=("all",), choices=("all", "ready"))
    length: float = target("Messages for one replica.", default=5, names=("queueLength",))
    activation_length: float = activation(at_least=0)
    timeout: Duration = param("How long to wait.", default=3.0)
    partitions: Ranges = param("Which.", default=())
    headers: Pairs = param("What to send along.", default=())
    verify: bool = param("Whether to look at the certificate.", default=True)
    pages: int = param("How many.", default=1, at_least=1, at_most=9)
    username: str = param("Who.", default="", places=(ENV, AUTH), names=("username", "user"))
    password: str = secret("The password.", default="", places=(AUTH, METADATA), exclusive=("token",))
    token: str = secret("Instead of a password.", default="")
    size: str = param("The old name.", default="", deprecated="Use queueLength instead.")
    vhost: str = param("Which.", default="", announce="vhost goes away in 2.0.")

    def check(self) -> Iterator[tuple[str, str]]:
        if self.username and not self.password:
            yield "password", "is required with a username"


def loaded(
    metadata: Mapping[str, str], auth: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None
) -> Loaded[Queue]:
    return load(Queue, {"queueName": "orders", **metadata}, auth or {}, env or {})


def queue(
    metadata: Mapping[str, str], auth: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None
) -> Queue:
    result = loaded(metadata, auth, env)
    assert result.value is not None, result.problems
    return result.value


# ------------------------------------------------------------------------------------------------------------ places


def test_defaults_stand_in_for_what_is_not_written() -> None:
    assert (queue({}).mode, queue({}).length, queue({}).timeout, queue({}).verify) == ("all", 5, 3.0, True)


@pytest.mark.parametrize(
    ("metadata", "auth", "env", "host"),
    [
        ({"host": "m", "hostFromEnv": "HOST"}, {"host": "a"}, {"HOST": "e"}, "m"),
        ({"hostFromEnv": "HOST"}, {"host": "a"}, {"HOST": "e"}, "e"),
        ({"hostFromEnv": "HOST"}, {"host": "a"}, {}, "a"),
        ({"hostFromEnv": "HOST"}, {"host": "a"}, {"HOST": "  "}, "a"),
        ({}, {"host": "a"}, {"HOST": "e", "": "x"}, "a"),
        ({"host": ""}, {"host": "a"}, {}, "a"),
        ({"hosts": "m2"}, {"host": "a"}, {}, "m2"),
        ({"host": "m", "hosts": "m2"}, {}, {}, "m"),
        ({"hostsFromEnv": "HOST"}, {}, {"HOST": "e"}, "e"),
        ({}, {"hosts": "a2"}, {}, "a2"),
        ({}, {}, {}, ""),
    ],
)
def test_places_are_searched_in_order_and_every_alias_in_each(
    metadata: Mapping[str, str], auth: Mapping[str, str], env: Mapping[str, str], host: str
) -> None:
    assert queue(metadata, auth, env).host == host


def test_the_order_is_the_parameters_own() -> None:
    assert queue({"password": "m"}, {"password": "a"}).password == "a"


def test_values_are_trimmed_and_an_empty_one_is_not_set() -> None:
    assert queue({"mode": " ready ", "queueLength": "\t7\n", "timeout": "  "}) == queue(
        {"mode": "ready", "queueLength": "7"}
    )


def test_a_place_that_a_parameter_does_not_name_is_not_looked_into() -> None:
    result = loaded({"token": "x", "modeFromEnv": "MODE"}, {"mode": "ready"}, {"MODE": "ready"})
    assert result.value is not None
    assert (result.value.token, result.value.mode) == ("", "all")
    assert result.notes == {
        "token": "is not read from metadata, only by authenticationRef",
        "modeFromEnv": "mode is not read from the environment, only in metadata",
    }


# ---------------------------------------------------------------------------------------------------------- problems


def test_all_problems_come_at_once() -> None:
    result = load(Queue, {"queueLength": "0", "mode": "some", "timeout": "-1s", "verify": "yes", "size": "1"}, {}, {})
    assert result.value is None
    assert result.problems == {
        "queueName": "is required (in metadata)",
        "queueLength": "must be greater than 0",
        "mode": "must be one of all, ready",
        "timeout": "must not be negative",
        "verify": "must be true or false",
        "size": "Use queueLength instead.",
    }


@pytest.mark.parametrize(
    ("metadata", "name", "problem"),
    [
        ({"queueLength": "5,5"}, "queueLength", "must be a number"),
        ({"activationLength": "-1"}, "activationLength", "must be at least 0"),
        ({"pages": "0"}, "pages", "must be at least 1"),
        ({"pages": "10"}, "pages", "must be at most 9"),
        ({"pages": "5.0"}, "pages", "must be a whole number"),
        ({"mode": "Ready"}, "mode", "must be one of all, ready"),
        ({"modes": "all,some"}, "modes", "must be one of all, ready"),
        ({"partitions": "3-1"}, "partitions", "must not have a range that ends before it begins"),
        ({"headers": "a"}, "headers", "must be pairs such as key=value,key2=value2"),
        ({"timeout": "9" * 400}, "timeout", "must fit into 64 bits"),
        ({"queueLength": "1e999"}, "queueLength", "must be a number of ordinary size"),
    ],
)
def test_a_problem_is_a_sentence_under_the_name_that_was_written(
    metadata: Mapping[str, str], name: str, problem: str
) -> None:
    assert loaded(metadata).problems == {name: problem}


def test_a_problem_stands_under_the_alias_or_variable_that_was_used() -> None:
    class Paged(Declared):
        """Pages."""

        pages: int = param("How many.", default=1, places=(METADATA, ENV), names=("pages", "pageCount"))

    assert load(Paged, {"pageCount": "x"}, {}, {}).problems == {"pageCount": "must be a whole number"}
    assert load(Paged, {"pagesFromEnv": "P"}, {}, {"P": "x"}).problems == {"pagesFromEnv": "must be a whole number"}


@pytest.mark.parametrize(
    ("places", "ways"),
    [
        ((METADATA,), "in metadata"),
        ((AUTH,), "by authenticationRef"),
        ((METADATA, ENV), "in metadata or by hostFromEnv"),
        ((AUTH, METADATA, ENV), "by authenticationRef or in metadata or by hostFromEnv"),
    ],
)
def test_what_is_missing_says_how_it_may_be_given(places: tuple[Place, ...], ways: str) -> None:
    class Host(Declared):
        """Where."""

        host: str = param("Where.", places=places)

    assert load(Host, {}, {}, {}).problems == {"host": f"is required ({ways})"}


def test_a_variable_that_the_environment_does_not_have() -> None:
    class Host(Declared):
        """Where."""

        host: str = param("Where.", places=(METADATA, ENV))

    problems = load(Host, {"hostFromEnv": "HOST"}, {}, {"OTHER": "x"}).problems
    assert problems == {"host": "is required, and the environment has no HOST to take it from"}


def test_exclusive_parameters() -> None:
    result = loaded({}, {"password": HUSH, "token": HUSH})
    assert result.problems == {"password": "must not be set together with token"}


def test_rules_over_several_parameters() -> None:
    assert loaded({}, {"username": "me"}).problems == {"password": "is required with a username"}
    assert queue({}, {"username": "me", "password": "x"}).username == "me"


def test_a_groups_rules_compose() -> None:
    class Strict(Queue):
        """Stricter."""

        def check(self) -> Iterator[tuple[str, str]]:
            yield from super().check()
            if self.vhost == "/":
                yield "vhost", "must not be /"

    problems = load(Strict, {"queueName": "q", "vhost": "/"}, {"user": "me"}, {}).problems
    assert problems == {"password": "is required with a username", "vhost": "must not be /"}


@pytest.mark.parametrize(
    "auth", [{"password": HUSH, "token": HUSH}, {"username": HUSH}, {"password": HUSH}], ids=lambda auth: "+".join(auth)
)
def test_a_secret_is_in_nothing_that_is_said(auth: Mapping[str, str]) -> None:
    wrong = {"queueLength": HUSH, "mode": HUSH, "timeout": HUSH, "partitions": HUSH, "headers": HUSH, "verify": HUSH}
    result = loaded({**wrong, "password": HUSH, "hostFromEnv": "HOST"}, auth, {"HOST": HUSH})
    assert len(result.problems) >= len(wrong)
    assert HUSH not in repr(result)


# ------------------------------------------------------------------------------------------------------------- notes


def test_an_unknown_parameter_is_a_note_with_the_nearest_known_one() -> None:
    result = loaded({"queuLength": "5", "xyz": "1", "hstFromEnv": "HOST"})
    assert result.value is not None
    assert result.notes == {
        "queuLength": "is not known here, did you mean queueLength?",
        "xyz": "is not known here",
        "hstFromEnv": "is not known here",
    }


def test_what_is_announced_is_a_note() -> None:
    assert loaded({"vhost": "a"}).notes == {"vhost": "vhost goes away in 2.0."}
    assert loaded({}).notes == {}


# -------------------------------------------------------------------------------------------------------- unresolved


class Login(Declared):
    """What needs credentials."""

    host: str = param("Where.", places=(METADATA, ENV))
    password: str = secret("The password.")


def test_what_may_still_come_is_not_missing() -> None:
    result = load(Login, {"hostFromEnv": "HOST"}, UNRESOLVED, UNRESOLVED)
    assert (result.value, result.problems, result.notes) == (None, {}, {})


def test_what_cannot_come_any_more_is_missing() -> None:
    assert [*load(Login, {}, UNRESOLVED, UNRESOLVED).problems] == ["host"]
    assert [*load(Login, {"host": "h"}, {}, {}).problems] == ["password"]


def test_what_is_written_is_checked_all_the_same() -> None:
    result = load(Queue, {"queueName": "q", "queueLength": "0", "xyz": "1"})
    assert [*result.problems] == ["queueLength"]
    assert [*result.notes] == ["xyz"]


def test_a_rule_that_credentials_may_still_meet_is_not_broken() -> None:
    assert load(Queue, {"queueName": "q", "usernameFromEnv": "U"}, UNRESOLVED, {"U": "me"}).problems == {}


# --------------------------------------------------------------------------------------------------- custom resources


class Entry(Resource):
    """One of a list."""

    type: str = param("Its type.")
    metadata: dict[str, str] = param("Text by name.", default={})


class Inner(Resource):
    """A part."""

    limit: int | None = param("A bound.", default=None, at_least=1)


class Outer(Resource):
    """The whole."""

    entries: tuple[Entry, ...] = param("A list.")
    inner: Inner | None = param("A part.", default=None)
    max_count: int = param("A number.", default=1)

    def check(self) -> Iterator[tuple[str, str]]:
        if not self.entries:
            yield "entries", "must not be empty"


def test_a_document_is_read_with_its_paths() -> None:
    document = {"entries": [{"type": "a", "metadata": {"k": "v"}}], "inner": {"limit": 5}, "maxCount": 7}
    result = load_document(Outer, document, "spec")
    assert result.value == Outer.model_validate(document)
    assert (result.problems, result.notes) == ({}, {})


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ({}, {"spec.entries": "is required"}),
        (None, {"spec": "must be a mapping"}),
        ([], {"spec": "must be a mapping"}),
        ({"entries": []}, {"spec.entries": "must not be empty"}),
        ({"entries": {}}, {"spec.entries": "must be a list"}),
        ({"entries": [{}]}, {"spec.entries[0].type": "is required"}),
        ({"entries": [{"type": "a"}, 5]}, {"spec.entries[1]": "must be a mapping"}),
        (
            {"entries": [{"type": "a", "metadata": {"k": 5}}]},
            {"spec.entries[0].metadata.k": "must be text; put it in quotes"},
        ),
        ({"entries": [{"type": "a", "metadata": "k"}]}, {"spec.entries[0].metadata": "must be a mapping"}),
        (
            {"entries": [{"type": 1}], "inner": {"limit": 0}, "maxCount": "1"},
            {
                "spec.entries[0].type": "must be text; put it in quotes",
                "spec.inner.limit": "must be at least 1",
                "spec.maxCount": "must be a whole number, without quotes",
            },
        ),
    ],
)
def test_all_problems_of_a_document(document: object, problems: Mapping[str, str]) -> None:
    assert load_document(Outer, document, "spec").problems == problems


def test_unknown_fields_are_notes_wherever_they_stand() -> None:
    document = {"entries": [{"type": "a", "metdata": {}}], "inner": {"limt": 1}, "maxcount": 1}
    assert load_document(Outer, document, "spec").notes == {
        "spec.entries[0].metdata": "is not known here, did you mean metadata?",
        "spec.inner.limt": "is not known here, did you mean limit?",
        "spec.maxcount": "is not known here, did you mean maxCount?",
    }


class _Open(Resource):
    """A part that keeps what it is given."""

    model_config = ConfigDict(extra="allow")

    name: str = param("Its name.", names=("theNAME",))


class _Holder(Resource):
    """Parts by name."""

    parts: Mapping[str, Entry] = param("Parts.", default={})
    free: _Open | None = param("A part.", default=None)


def test_unknown_fields_of_parts_by_name_are_notes_and_those_of_an_open_part_are_kept() -> None:
    document = {"parts": {"a": {"type": "x", "tipe": "y"}}, "free": {"theNAME": "n", "more": {"b": 1}}}
    loaded = load_document(_Holder, document, "spec")
    assert loaded.notes == {"spec.parts.a.tipe": "is not known here, did you mean type?"}
    assert loaded.value is not None
    assert loaded.value.free is not None
    assert (loaded.value.free.name, loaded.value.free.model_extra) == ("n", {"more": {"b": 1}})


def test_a_field_is_missed_under_the_name_it_is_written_by() -> None:
    assert load_document(_Holder, {"free": {}}, "spec").problems == {"spec.free.theNAME": "is required"}


class _Range(Declared):
    low: int = param("The lower end.", default=0)
    high: int = param("The upper end.", default=10)
    name: str = param("What it is called.", default="")
    step: int = param("How far apart.", default=1, above=0)

    def check(self) -> Iterator[tuple[str, str]]:
        if self.low > self.high:
            yield "low", "must not be above high"
        if self.step > self.high:
            yield "step", "must fit between the ends"


def test_rules_over_several_parameters_are_told_beside_values_that_are_refused() -> None:
    problems = load(_Range, {"low": "20", "step": "0"}, {}, {}).problems
    assert problems == {"step": "must be greater than 0", "low": "must not be above high"}


def test_a_refused_value_is_told_by_its_own_problem_only() -> None:
    assert load(_Range, {"low": "x"}, {}, {}).problems == {"low": "must be a whole number"}


class _Once(Declared):
    tls: str = param("Whether to encrypt.", default="", places=(METADATA, AUTH), once=True)


def test_what_may_be_set_in_one_place_only() -> None:
    assert not load(_Once, {"tls": "a"}, {}, {}).problems
    assert load(_Once, {"tls": "a"}, {"tls": "b"}, {}).problems == {"tls": "must be set in one place only, not in 2"}

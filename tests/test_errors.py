"""The tree of errors, and that its docstring draws it."""

import inspect
import re

import pytest

from scaler import errors
from scaler.errors import (
    AnswerError,
    ClusterError,
    Conflict,
    CredentialError,
    Forbidden,
    InternalError,
    Invalid,
    LoginError,
    ManifestError,
    NotFound,
    ScalerError,
    SettingsError,
    SourceBusy,
    SourceError,
    Terminating,
)

ALL = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, ScalerError)]


@pytest.mark.parametrize("error", ALL)
def test_the_docstring_draws_every_error(error: type[ScalerError]) -> None:
    drawn = re.findall(r"\b[A-Z][A-Za-z]+\b", str(errors.__doc__))
    assert error.__name__ in drawn or error is InternalError


@pytest.mark.parametrize("error", [one for one in ALL if one is not ScalerError])
def test_the_reason_is_the_classs_name(error: type[ScalerError]) -> None:
    assert error.reason == error.__name__


def test_whether_the_same_call_may_succeed_later() -> None:
    never = {ScalerError, ManifestError, SettingsError, Forbidden, Invalid, Terminating}
    assert {one for one in ALL if not one.retriable} == never
    later = {CredentialError, SourceError, SourceBusy, LoginError, AnswerError, InternalError}
    assert later | {ClusterError, NotFound, Conflict} <= {one for one in ALL if one.retriable}


def test_all_problems_of_a_manifest_are_one_sentence() -> None:
    given = {"spec.triggers": "no triggers defined", "spec.minReplicaCount": "must not be negative"}
    error = ManifestError(given)
    given.clear()
    assert str(error) == "spec.triggers: no triggers defined; spec.minReplicaCount: must not be negative"
    assert list(error.problems) == ["spec.triggers", "spec.minReplicaCount"]


def test_a_source_error_says_when() -> None:
    assert (SourceError("no answer").at, SourceError("no answer", at=5.0).at) == (0.0, 5.0)
    assert str(AnswerError("no number in the answer")) == "no number in the answer"


def test_a_busy_source_says_how_long() -> None:
    error = SourceBusy("too many requests", retry_after=30.0, at=5.0)
    assert (str(error), error.retry_after, error.at) == ("too many requests", 30.0, 5.0)

"""Annotations: KEDA's reading of booleans, precedence of the pauses, and the mode."""

import pytest

from scaler.core.model import Mode, Pause
from scaler.manifests import annotations


@pytest.mark.parametrize(
    ("given", "pause"),
    [
        ({}, Pause()),
        ({annotations.PAUSED: "true"}, Pause(full=True)),
        ({annotations.PAUSED: "false"}, Pause()),
        ({annotations.PAUSED: "f"}, Pause()),
        ({annotations.PAUSED: "whatever"}, Pause(full=True)),
        ({annotations.PAUSED_REPLICAS: "4"}, Pause(full=True, replicas=4)),
        ({annotations.PAUSED_REPLICAS: "0", annotations.PAUSED: "false"}, Pause(full=True, replicas=0)),
        ({annotations.PAUSED_SCALE_IN: "true"}, Pause(scale_in=True)),
        (
            {annotations.PAUSED_SCALE_IN: "true", annotations.PAUSED_SCALE_OUT: "1"},
            Pause(scale_in=True, scale_out=True),
        ),
    ],
)
def test_what_pauses(given: dict[str, str], pause: Pause) -> None:
    assert annotations.pause_of(given) == (pause, {})


@pytest.mark.parametrize("text", ["many", "-1", "1.5", ""])
def test_paused_replicas_must_be_a_number(text: str) -> None:
    pause, problems = annotations.pause_of({annotations.PAUSED_REPLICAS: text})
    assert pause.full
    assert pause.replicas is None
    assert list(problems) == [f"metadata.annotations.{annotations.PAUSED_REPLICAS}"]


def test_force_activation() -> None:
    assert annotations.forced({annotations.FORCE_ACTIVATION: "true"})
    assert not annotations.forced({annotations.FORCE_ACTIVATION: "false"})
    assert not annotations.forced({})


def test_mode() -> None:
    assert annotations.mode_of({}) == (Mode.HPA, {})
    assert annotations.mode_of({annotations.MODE: "observe"}) == (Mode.OBSERVE, {})
    mode, problems = annotations.mode_of({annotations.MODE: "fast"})
    assert mode is Mode.HPA
    assert "hpa, direct, observe" in problems[f"metadata.annotations.{annotations.MODE}"]


@pytest.mark.parametrize(
    ("text", "said"), [("true", True), ("True", False), ("1", False), ("false", False), ("", False)]
)
def test_an_hpa_is_taken_over_at_the_word_true_only(text: str, said: bool) -> None:
    assert annotations.transfers({annotations.TRANSFER_HPA_OWNERSHIP: text}) is said
    assert not annotations.transfers({})


@pytest.mark.parametrize(("text", "said"), [("false", True), ("False", False), ("0", False), ("true", False)])
def test_another_hpa_is_tolerated_at_the_word_false_only(text: str, said: bool) -> None:
    assert annotations.tolerated({annotations.HPA_OWNERSHIP: text}) is said
    assert not annotations.tolerated({})


def test_excluded_labels_are_not_trimmed() -> None:
    assert annotations.excluded_labels({annotations.HPA_EXCLUDED_LABELS: "a,shop/team, b"}) == {"a", "shop/team", " b"}
    assert not annotations.excluded_labels({}) & {"a", "shop/team"}

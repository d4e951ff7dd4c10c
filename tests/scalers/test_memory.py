"""memory: as cpu, in bytes."""

import pytest

from scaler.declare import load
from scaler.sdk import Aim
from scalers.memory import Memory


@pytest.mark.parametrize(("value", "target"), [("80", 80.0), ("512Mi", 536_870_912.0), ("2G", 2_000_000_000.0)])
def test_the_target(value: str, target: float) -> None:
    scaler = load(Memory, {"value": value}, {}, {}).value
    assert scaler is not None
    assert scaler.aims(None) == {"memory": Aim(target, written=value)}


@pytest.mark.parametrize("metadata", [{}, {"value": ""}, {"value": "0"}, {"value": "much"}])
def test_a_value_is_needed(metadata: dict[str, str]) -> None:
    assert load(Memory, metadata, {}, {}).problems.keys() == {"value"}


def test_type_is_refused() -> None:
    assert "metricType" in load(Memory, {"value": "80", "type": "AverageValue"}, {}, {}).problems["type"]


def test_it_is_the_workloads_own_usage() -> None:
    assert Memory.resource == "memory"
    assert not Memory.cacheable

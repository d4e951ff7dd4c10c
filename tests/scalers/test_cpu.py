"""cpu: what is said of its parameters, and that the cluster's answer is handed on as it is."""

import pytest

from scaler.declare import load
from scaler.sdk import Aim, Sample, Usage
from scalers.cpu import Cpu


def problems(**metadata: str) -> dict[str, str]:
    return dict(load(Cpu, {"value": "60", **metadata}, {}, {}).problems)


def test_type_is_refused_in_kedas_words() -> None:
    sentence = "The 'type' setting is DEPRECATED and is removed in v2.18 - Use 'metricType' instead."
    assert problems(type="Utilization") == {"type": sentence}


@pytest.mark.parametrize("value", ["0", "-1", "half", "60%", "0m", "1 core", "NaN"])
def test_a_value_is_a_quantity_above_zero(value: str) -> None:
    assert problems(value=value).keys() == {"value"}


@pytest.mark.parametrize(("value", "target"), [("60", 60.0), ("500m", 0.5), ("1.5", 1.5), ("2k", 2000.0)])
def test_the_target(value: str, target: float) -> None:
    scaler = load(Cpu, {"value": value, "containerName": "web"}, {}, {}).value
    assert scaler is not None
    assert scaler.aims(None) == {"cpu": Aim(target, container="web", written=value)}


def test_usage_is_handed_on() -> None:
    scaler = load(Cpu, {"value": "60"}, {}, {}).value
    assert scaler is not None
    usage = Usage((Sample("web-1", 0.2, request=0.5), Sample("web-2", float("nan"))))
    assert scaler.read(usage) is usage


def test_it_is_the_workloads_own_usage() -> None:
    assert Cpu.resource == "cpu"
    assert not Cpu.cacheable

import pytest

from scaler.core import naming


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("kafka-orders", "s0-kafka-orders"),
        ("prometheus", "s0-prometheus"),
        ("aws-sqs-https://sqs/1/queue", "s0-aws-sqs-https---sqs-1-queue"),
        ("rate(http_requests[1m])", "s0-rate-http_requests[1m]-"),
        ("50%", "s0-50-"),
        ("a.b", "s0-a-b"),
    ],
)
def test_a_metric_is_named_as_in_keda(label: str, name: str) -> None:
    assert naming.metric(0, label) == name


def test_the_index_is_the_position_among_all_triggers() -> None:
    assert naming.metric(11, "kafka") == "s11-kafka"


def test_the_hpa_is_named_after_the_object() -> None:
    assert naming.hpa("orders") == "keda-hpa-orders"

"""Go's names of KEDA's scalers."""

import pytest

from scaler.web.telemetry.go_types import go_type


@pytest.mark.parametrize(
    ("type_", "told"),
    [
        ("kafka", "kafkaScaler"),
        ("apache-kafka", "apacheKafkaScaler"),
        ("cron", "cronScaler"),
        ("azure-queue", "azureQueueScaler"),
        ("nats-jetstream", "natsJetStreamScaler"),
        ("metrics-api", "metricsAPIScaler"),
        ("cpu", "cpuMemoryScaler"),
        ("memory", "cpuMemoryScaler"),
        ("prometheus", "prometheusScaler"),
        ("rabbitmq", "rabbitMQScaler"),
        ("redis-cluster-streams", "redisStreamsScaler"),
        ("my-own-queue", "myOwnQueueScaler"),
    ],
)
def test_the_scaler_is_kedas_go_type(type_: str, told: str) -> None:
    assert go_type(type_) == told

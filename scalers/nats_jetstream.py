"""NATS JetStream: what a consumer still has to do, delivered or not, by the server's monitoring port."""

from collections.abc import Iterator

from scaler.sdk import AUTH, METADATA, Backlog, Example, Scaler, activation, param, target
from scalers._nats import JetStream
from scalers._nats_pages import Consumer, Pending

PLACES = (AUTH, METADATA)


class NatsJetstream(Scaler[Consumer, Pending]):
    nats_server_monitoring_endpoint: str = param("Host and port of the server's monitoring.", places=PLACES)
    account: str = param("Name of the account; this or accountID is needed.", default="", places=PLACES)
    account_id: str = param(
        "Id of the account; its name unless given.", default="", places=PLACES, names=("accountID",)
    )
    stream: str = param("Name of the stream.")
    consumer: str = param("Name of the consumer.")
    lag_threshold: int = target("Messages one replica should handle.", default=10)
    activation_lag_threshold: int = activation()
    use_https: bool = param("Whether the monitoring speaks TLS.", default=False)

    example = Example(
        metadata={
            "natsServerMonitoringEndpoint": "nats.nats.svc:8222",
            "account": "$G",
            "stream": "orders",
            "consumer": "worker",
        },
        answer=Pending(waiting=90, unacknowledged=10),
        value=100.0,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if not (self.account or self.account_id):
            yield "account", "or accountID is required"

    def label(self) -> str:
        return f"nats-jetstream-{self.stream}"

    def source(self) -> JetStream:
        return JetStream(f"{'https' if self.use_https else 'http'}://{self.nats_server_monitoring_endpoint}")

    def ask(self) -> Consumer:
        return Consumer(self.account, self.account_id, self.stream, self.consumer)

    def read(self, answer: Pending) -> Backlog:
        total = answer.waiting + answer.unacknowledged
        return Backlog(float(answer.waiting), in_flight=float(answer.unacknowledged), value=float(total))

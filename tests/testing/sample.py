"""A scaler that conforms, with every word of the vocabulary; tests change one thing at a time."""

from collections.abc import Iterator

from scaler.sdk import (
    AUTH,
    ENV,
    METADATA,
    AnswerError,
    Duration,
    Example,
    Get,
    Http,
    Listed,
    Query,
    Reply,
    Scaler,
    activation,
    basic,
    bearer,
    param,
    secret,
    target,
)


class Sample(Scaler[Query, Reply]):
    """Messages of a queue."""

    url: str = param("URL of the server.", places=(METADATA, ENV), names=("url", "address"))
    queue_name: str = param("Name of the queue.")
    mode: str = param("What to count.", default="all", choices=("all", "ready"))
    queue_length: float = target("Messages one replica should handle.", default=5)
    activation_queue_length: float = activation(at_least=0)
    pages: int = param("How many pages to read.", default=1, above=0, at_most=9)
    timeout: Duration = param("How long one request may take.", default=3.0)
    tags: Listed = param("Which messages to count.", default=())
    username: str = param("Who asks.", default="", places=(ENV, AUTH))
    password: str = secret("The password.", default="", exclusive=("token",))
    token: str = secret("Instead of a password.", default="")
    size: str = param("The old name.", default="", deprecated="Use queueLength instead.")
    region: str = param("Where it is.", default="", announce="region goes away in 2.0.")

    example = Example(
        metadata={"url": "http://queue.test", "queueName": "orders"},
        auth={"username": "me", "password": "hush-3f1c"},
        answer={"messages": 12},
        value=12,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        if self.password and not self.username:
            yield "username", "is required with a password"

    def source(self) -> Http:
        auth = bearer(self.token) if self.token else basic(self.username, self.password)
        return Http(self.url, auth, timeout=self.timeout)

    def ask(self) -> Get:
        return Get(f"/queues/{self.queue_name}", params=(("pages", str(self.pages)),))

    def label(self) -> str:
        return f"sample-{self.queue_name}"

    def read(self, answer: Reply) -> float:
        match answer.json():
            case {"messages": int(messages)}:
                return messages
        raise AnswerError("the answer has no number of messages")

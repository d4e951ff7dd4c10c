"""What a NATS server's monitoring (`/jsz`, `/varz`) says, read so that nothing in it can do more than be wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from scaler.sdk import AnswerError, Reply, SourceError


@dataclass(frozen=True, slots=True)
class Consumer:
    """A query. The account is the one that has this id or this name."""

    account: str
    account_id: str
    stream: str
    name: str

    def __str__(self) -> str:
        return f"consumer {self.name} of stream {self.stream}"

    @property
    def asked(self) -> str:
        """The account as a server is asked for it."""
        return self.account_id or self.account

    def missing(self) -> AnswerError:
        return AnswerError(f"there is no {self} in account {self.account or self.account_id}")


@dataclass(frozen=True, slots=True)
class Pending:
    """Messages not delivered yet, and those delivered and not acknowledged."""

    waiting: int
    unacknowledged: int


class Standing:
    """One consumer as one server knows it."""

    def __init__(self, query: Consumer, content: dict[str, Any]) -> None:
        self.leader = str(_mapping(content.get("cluster")).get("leader", ""))
        waiting, unacknowledged = content.get("num_pending"), content.get("num_ack_pending")
        self.pending: Pending | SourceError = AnswerError(f"the answer does not say what is pending for {query}")
        if isinstance(waiting, int) and isinstance(unacknowledged, int):
            self.pending = Pending(waiting, unacknowledged)


class Page:
    """`/jsz`: what one server tells of one account."""

    def __init__(self, content: dict[str, Any]) -> None:
        size = _mapping(content.get("meta_cluster")).get("cluster_size")
        self.server = str(content.get("server_id", ""))
        self.clustered = isinstance(size, int) and size > 1
        self._accounts = _listed(content.get("account_details"))

    def consumer(self, query: Consumer) -> Standing | None:
        """The consumer, `None` where this server does not host it."""
        for account in self._accounts:
            by_name = bool(query.account) and account.get("name") == query.account
            if not by_name and account.get("id") != query.asked:
                continue
            for stream in _listed(account.get("stream_detail")):
                if stream.get("name") == query.stream:
                    for one in _listed(stream.get("consumer_detail")):
                        if one.get("name") == query.name:
                            return Standing(query, one)
        return None


class Server:
    """`/varz`: a server and those that it knows."""

    def __init__(self, content: dict[str, Any], url: str) -> None:
        self.id = str(content.get("server_id", ""))
        self.name = str(content.get("server_name", ""))
        self.url = url
        self._clients = _listed(content.get("connect_urls"), str)
        self._routes = _listed(_mapping(content.get("cluster")).get("urls"), str)

    def neighbours(self, url: str) -> Iterator[str]:
        """Where the others' monitoring may be: on their hosts, at the port and below the name that are known of one."""
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        yield from (f"{parts.scheme}://{_host(one)}{port}" for one in self._clients or self._routes)
        if not self._clients:
            yield from (f"{parts.scheme}://{_host(one).partition('.')[0]}.{parts.netloc}" for one in self._routes)


def content_of(reply: Reply | SourceError) -> dict[str, Any] | SourceError:
    """The decoded page."""
    if isinstance(reply, SourceError):
        return reply
    try:
        content = reply.json()
    except SourceError as error:
        return error
    return content if isinstance(content, dict) else AnswerError("the answer is not that of a NATS server")


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any, kind: type = dict) -> list[Any]:
    return [one for one in value if isinstance(one, kind)] if isinstance(value, list) else []

"""The seam to the outside: a source is a frozen value that can be opened, a connection answers queries. Equal sources
are one connection and equal queries are asked once, so everything that makes two of them different, credentials
included, must be a field. Who asks, how often and what happens on failure is the keeper's business, not theirs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from scaler.errors import SourceError

Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Together:
    """One fetch in flight with all waiting queries in it; what arrives meanwhile joins the next."""


@dataclass(frozen=True, slots=True)
class Parallel:
    """Up to `limit` fetches at once, each of a single query with a time-out of its own."""

    limit: int = 64


class Connection(Protocol[Q_contra, A_co]):
    """An open source. `fetch` answers in the order of `queries`: a value, or the `SourceError` of that query alone. It
    raises only when the connection as a whole is gone (`SourceError`); then everybody who waits hears that."""

    async def fetch(self, queries: Sequence[Q_contra]) -> Sequence[A_co | SourceError]: ...


class Source(ABC, Generic[Q_contra, A_co]):
    """A place that answers queries over one connection. Subclasses are frozen dataclasses whose secret fields have
    `field(repr=False)`; `str(source)` is what people see: where it is, never who asks with which password."""

    how: ClassVar[Together | Parallel] = Together()

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Connection[Q_contra, A_co]]:
        """The life of the connection is this block; raises `SourceError` when it cannot be had."""

    def patience(self) -> float:
        """Seconds that opening, or one fetch, may take."""
        return 10.0

    def least_pause(self) -> float:
        """Seconds between the starts of two fetches at least; 0 for no limit."""
        return 0.0


AnySource = Source[Any, Any]

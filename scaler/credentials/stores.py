"""What the stores gave, kept while it is in use: equal blocks are fetched once, by one request in flight, and anew
before they expire or after a few minutes. Who was bound from a block hears of it only when its values are others. A
store that cannot be reached takes nothing away; one that refuses does."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any
from weakref import WeakValueDictionary
from zlib import crc32

from scaler.credentials.store import AGE, Fetched, Per, Room, Tools, Where
from scaler.errors import (
    AnswerError,
    ClusterError,
    CredentialError,
    Forbidden,
    LoginError,
    NotFound,
    ScalerError,
    SourceError,
)

log = logging.getLogger(__name__)

LEAST = 10.0
"""Seconds between two fetches of one block, however often a source refuses what is in it."""

REMEMBERED = 3.0
"""Seconds for which all who ask hear the same refusal: less than until they are bound again."""

AGAIN = (15.0, 30.0, 60.0)
"""Seconds until a fetch that failed is tried again for those who are bound already."""

LONGEST = 20.0
"""Seconds that one fetch may take, with all its requests."""

AT_ONCE, EACH = 32, 4
"""Fetches under way at once that nobody waits for: in all, and for one namespace, which may choose a slow store."""

Make = Callable[[Where], Tools]


@dataclass(frozen=True, slots=True)
class Got:
    """`id` names the block among all that are held, `read` are the (kind, name) of what it was fetched with."""

    id: str
    values: Mapping[str, str] = field(repr=False)
    read: frozenset[tuple[str, str]]


@dataclass(slots=True)
class _Held:
    """One block. `due` is when it is fetched anew, `refused` until when its problem is told without asking, `idle` when
    it was last seen that nobody is bound from it, `waits` whether a fetch is on its way. `told` are the values that its
    users know of. `heard` is when a source refused them last, `doubted` when that made a fetch, and `patience` until
    when it makes no other."""

    id: str
    room: Room
    block: Any
    at: str
    where: Where
    memory: dict[str, Any] = field(default_factory=dict, repr=False)
    values: Mapping[str, str] | None = field(default=None, repr=False)
    told: Mapping[str, str] | None = field(default=None, repr=False)
    read: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict, repr=False)
    problem: CredentialError | None = None
    due: float = -inf
    refused: float = -inf
    asked: float = -inf
    fetched: float = -inf
    idle: float = -inf
    waits: bool = False
    heard: float = -inf
    doubted: float = -inf
    patience: float = LEAST
    failures: int = 0
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class Stores:
    """`make` gives the tools for a place. `run` fetches anew what is in use, until cancelled."""

    def __init__(self, make: Make, now: Callable[[], float]) -> None:
        self._make, self._now = make, now
        self._held: dict[tuple[Any, ...], _Held] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._each: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._tidied = -inf
        self._touched: Callable[[str], None] = _nobody
        self._count = 0

    async def get(self, room: Room, block: Any, at: str, where: Where) -> Got:
        """The parameters that a block gives there. Raises `CredentialError` that names what leads nowhere."""
        held = self._of(room, block, at, where)
        held.asked = self._now()
        if held.values is None or not held.fetching.locked():  # else what comes of that fetch is told to its users
            async with held.fetching:
                if not await self._good(held):
                    await self._fetch(held)
        if held.values is None:
            raise (held.problem or CredentialError(f"{at}: nothing was fetched")).with_traceback(None)
        return Got(held.id, held.values, frozenset(held.read))

    async def doubt(self, ids: Iterable[str]) -> None:
        """A source refuses what is in them: fetch it anew, from the first login on; not what is new by itself, and less
        and less often where that does not help: what a source refuses for a reason of its own must not make a login and
        a lease at every poll."""
        doubted = set(ids)
        for held in [one for one in self._held.values() if one.id in doubted]:
            async with held.fetching:
                if self._is_worth_it(held):
                    held.memory.clear()
                    await self._fetch(held)

    def _is_worth_it(self, held: _Held) -> bool:
        now = self._now()
        if now - held.heard > AGE:  # the last one helped
            held.patience = LEAST
        held.heard = now
        if now - held.fetched < LEAST or now - held.doubted < held.patience:
            return False
        held.doubted, held.patience = now, min(2 * held.patience, AGE)
        return True

    async def run(self, used: Callable[[], Iterable[str]], touched: Callable[[str], None]) -> None:
        """`used` are the ids of which objects are bound now, `touched` hears of each that has other values."""
        self._touched = touched
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await asyncio.sleep(1)
                    self._look_around(tasks, used)
        finally:  # what nobody looks at any more must not be held for good
            self._touched = _nobody
            self._held.clear()

    def _look_around(self, tasks: asyncio.TaskGroup, used: Callable[[], Iterable[str]]) -> None:
        now = self._now()
        tidy = now - self._tidied >= AGE  # also what is good for hours goes when nobody uses it
        looked_at = [one for one in self._held.items() if _wants_a_look(one[1], now) or (tidy and _is_old(one[1], now))]
        self._tidied = now if tidy else self._tidied
        in_use = frozenset(used()) if looked_at else frozenset()
        for key, held in looked_at:
            if held.id in in_use:
                self._begin(tasks, held)
            elif _is_old(held, now):
                del self._held[key]
            else:
                held.idle = now

    def _begin(self, tasks: asyncio.TaskGroup, held: _Held) -> None:
        """Not again while one waits for its turn; `due` stays, since what is in it may end meanwhile."""
        if held.due <= self._now():
            held.waits = True
            tasks.create_task(self._anew(held), name=f"fetch {held.id}")

    async def _anew(self, held: _Held) -> None:
        place = self._each.setdefault(held.where.home or held.where.namespace, asyncio.Semaphore(EACH))
        async with place, self._places, held.fetching:
            held.waits = False
            try:
                if held.due <= self._now():  # else somebody could not wait
                    await self._fetch(held)
            except Exception:  # a room's bug is told by the next bind; it must not end everybody's fetches
                log.exception("%s cannot be fetched", held.id)
                self._retry(held)

    # ------------------------------------------------------------------------------------------------------- one block

    def _of(self, room: Room, block: Any, at: str, where: Where) -> _Held:
        per = room.per(block)
        where = replace(
            where,
            home=where.home if per in (Per.HOME, Per.WORKLOAD) else "",
            workload=where.workload if per is Per.WORKLOAD else "",
        )
        key = (type(block), block, at, where)
        if key not in self._held:
            self._count += 1
            self._held[key] = _Held(f"{at.removeprefix('spec.')}/{self._count}", room, block, at, where)
        return self._held[key]

    async def _good(self, held: _Held) -> bool:
        """Whether nothing need be fetched: also not for what it was fetched with. An attempt that has just failed is
        everybody's."""
        now = self._now()
        if now < held.refused:
            return True
        if held.values is None or now >= held.due:
            return False
        tools = self._make(held.where)
        for (kind, name), data in held.read.items():
            try:
                if await tools.read(kind, name) != data:
                    return False
            except (NotFound, Forbidden):
                return False
            except ClusterError:  # cannot be told now
                continue
        return True

    async def _fetch(self, held: _Held) -> None:
        held.fetched = self._now()
        read: dict[tuple[str, str], Mapping[str, str]] = {}
        tools = self._make(held.where)

        async def noted(kind: str, name: str) -> Mapping[str, str]:
            read[kind, name] = data = await tools.read(kind, name)
            return data

        try:
            async with asyncio.timeout(LONGEST):
                fetched = await held.room.fetch(held.block, held.at, replace(tools, read=noted, memory=held.memory))
        except (ScalerError, TimeoutError) as error:
            self._failed(held, error)
        else:
            self._succeeded(held, fetched, read)
        now_there, before = held.values or {}, held.told
        if held.values is not None or before is not None:
            held.told = now_there
        if before is not None and before != now_there:
            self._touched(held.id)

    def _succeeded(self, held: _Held, fetched: Fetched, read: dict[tuple[str, str], Mapping[str, str]]) -> None:
        if held.failures and held.told is not None:
            log.info("%s of %s is fetched again", held.at, held.where.namespace)
        now = self._now()
        spread = 1.0 - crc32(held.id.encode()) % 100 / 500  # not all that was bound at the start at one moment
        until = now + AGE * spread if fetched.until is None else fetched.until
        held.values, held.read, held.problem, held.failures = fetched.values, read, None, 0
        held.refused = -inf
        held.due = max(until, now + LEAST)

    def _failed(self, held: _Held, error: ScalerError | TimeoutError) -> None:
        problem = _told(held.at, error)
        if not held.failures and held.values is not None:
            log.warning("what is not fetched anew of %s: %s", held.where.namespace, problem)
        self._retry(held)
        held.refused = self._now() + REMEMBERED
        if held.values is None or not _passing(error):
            held.values, held.problem = None, problem

    def _retry(self, held: _Held) -> None:
        held.due = self._now() + AGAIN[min(held.failures, len(AGAIN) - 1)]
        held.failures += 1


def _wants_a_look(held: _Held, now: float) -> bool:
    return held.due <= now and held.idle + LEAST <= now and not held.waits and not held.fetching.locked()


def _is_old(held: _Held, now: float) -> bool:
    """Whether it goes unless somebody is bound from it."""
    return now - held.asked > AGE and not held.waits and not held.fetching.locked()


def _nobody(id: str) -> None:
    """Nobody is bound yet."""


def _passing(error: Exception) -> bool:
    """Whether it only cannot be told now what is so."""
    if isinstance(error, LoginError | AnswerError | NotFound | Forbidden):
        return False
    return isinstance(error, SourceError | ClusterError | TimeoutError)


def _told(at: str, error: ScalerError | TimeoutError) -> CredentialError:
    """With the path before it, where it has none."""
    sentence = f"was not fetched in {LONGEST:g} s" if isinstance(error, TimeoutError) else str(error)
    return CredentialError(sentence if sentence.startswith(at) else f"{at}: {sentence}")

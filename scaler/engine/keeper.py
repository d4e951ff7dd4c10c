"""The one task that owns a source's connection: opens it when somebody asks, serves, closes it when it is gone or
nobody has asked for long. It is entered and left in the same task; the queue of questions *is* the batch, and equal
questions of one batch are one.

A failure of one query is that query's. A failure of the connection is everybody's who waits: it is closed, the keeper
rests (longer each time), and answers meanwhile with the same error and its original `at`, so that a dead source is
counted once for each attempt, not once for each asker. Nothing here knows of objects, triggers or decisions."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from scaler.errors import InternalError, SourceBusy, SourceError
from scaler.sdk.exchanges import Exchange, hearing
from scaler.sdk.source import AnySource, Connection, Parallel

log = logging.getLogger(__name__)

SLICE = 50
"""Answers handed out in one pass of the event loop."""

STOPPING = "the daemon is stopping"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question: the answer or the error in its place, when it was known, how long it took, and what was
    said over HTTP for it; nothing of a question that was not asked for this one."""

    answer: Any
    at: float
    took: float = 0.0
    exchanges: tuple[Exchange, ...] = ()


@dataclass(slots=True)
class _Question:
    """A query that was asked lately: who waits for the next fetch of it, and who for the one that is under way."""

    query: Any
    waiters: list[asyncio.Future[Answered]] = field(default_factory=list)
    under_way: list[asyncio.Future[Answered]] | None = None
    answered: Answered | None = None
    wanted: float = 0.0


class Keeper:
    """`run` is its life; `ask` may be called whenever it lives."""

    def __init__(self, source: AnySource, clock: Callable[[], float], rests: Sequence[float], idle: float) -> None:
        self.source = source
        self.task: asyncio.Task[None] | None = None
        self.closed = False
        self._clock = clock
        self._rests = rests
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._questions: dict[Any, _Question] = {}
        self._waiting: dict[Any, _Question] = {}
        self._arrived = asyncio.Event()
        self._failures = 0
        self._shortest = float("inf")
        self._rest: tuple[float, SourceError] | None = None
        self._next_start = 0.0
        self._told = 0
        self._tidied = self._loop.time()

    async def ask(self, query: Any, interval: float, fresh: float) -> Answered:
        now = self._loop.time()
        self._shortest = min(self._shortest, interval)
        question = self._questions.setdefault(query, _Question(query))
        question.wanted = now
        kept = question.answered
        if fresh and kept and not isinstance(kept.answer, SourceError) and self._clock() - kept.at <= fresh:
            return replace(kept, exchanges=()) if kept.exchanges else kept
        if self._rest and now < self._rest[0]:
            return Answered(self._rest[1], self._rest[1].at)
        future: asyncio.Future[Answered] = self._loop.create_future()
        if isinstance(self.source.how, Parallel) and question.under_way is not None:
            question.under_way.append(future)
            return await future
        question.waiters.append(future)
        self._waiting[query] = question
        self._arrived.set()
        if fresh and not isinstance(self.source.how, Parallel):
            self._join(fresh / 2)
        return await future

    def _join(self, age: float) -> None:
        """A refresh asks in the same call for everything that is getting old: one more query costs next to nothing."""
        oldest = self._clock() - age
        for query, question in self._questions.items():
            if question.answered is not None and question.answered.at < oldest:
                self._waiting.setdefault(query, question)

    def close(self) -> None:
        self.closed = True
        if self.task is not None:
            self.task.cancel()

    def abandon(self) -> None:
        """The keeper ends: who still waits must not wait for ever."""
        stopping = Answered(SourceError(STOPPING, at=self._clock()), self._clock())
        for question in self._open():
            for waiter in question.under_way or ():
                if not waiter.done():
                    waiter.set_result(stopping)

    async def run(self) -> None:
        """Open when somebody asks, serve until the connection is gone or nobody has asked for long, close."""
        while await self._asked():
            served = False
            try:
                async with self._connection() as connection:
                    await self._serve(connection)
                    served = True
            except* Exception as group:
                if served:
                    log.warning("a connection was not closed in order", extra={"source": str(self.source)})
                else:
                    await self._lost(_first(group))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection[Any, Any]]:
        """Opening may take the source's patience, and so may closing."""
        patience = self.source.patience()
        async with asyncio.timeout(patience) as limit, self.source.open() as connection:
            limit.reschedule(None)
            try:
                yield connection
            finally:
                limit.reschedule(self._loop.time() + patience)

    async def _asked(self) -> bool:
        """Wait for a question; false when nobody has asked for the idle time."""
        while not self._waiting:
            self._arrived.clear()
            try:
                async with asyncio.timeout(self._idle):
                    await self._arrived.wait()
            except TimeoutError:
                return bool(self._waiting)
        return True

    async def _serve(self, connection: Connection[Any, Any]) -> None:
        """Who waits hears what went wrong before the connection is closed, which may take its time."""
        try:
            if isinstance(self.source.how, Parallel):
                await self._serve_parallel(connection, self.source.how.limit)
            else:
                await self._serve_together(connection)
        except* Exception as group:
            await self._lost(_first(group))

    async def _serve_together(self, connection: Connection[Any, Any]) -> None:
        while await self._asked():
            await self._pace()
            batch = self._take(len(self._waiting))
            started = self._loop.time()
            with hearing() as heard:
                try:
                    answers = await self._fetch(connection, batch)
                except TimeoutError:
                    raise self._silent() from None
            await self._answer(batch, answers, self._loop.time() - started, heard)

    async def _serve_parallel(self, connection: Connection[Any, Any], limit: int) -> None:
        places = asyncio.Semaphore(limit)
        async with asyncio.TaskGroup() as fetches:
            while await self._asked():
                await places.acquire()
                await self._pace()
                if batch := self._take(1):
                    fetches.create_task(self._fetch_one(connection, batch, places))
                else:  # refused meanwhile
                    places.release()

    async def _fetch_one(
        self, connection: Connection[Any, Any], batch: list[_Question], places: asyncio.Semaphore
    ) -> None:
        started = self._loop.time()
        answers: Sequence[Any]
        with hearing() as heard:
            try:
                answers = await self._fetch(connection, batch)
            except TimeoutError:
                answers = [self._silent()]
            except InternalError as error:
                answers = [error]
            except SourceError:
                raise
            except Exception as error:  # one query's bug is not every query's: said once, kept to this one
                answers = [self._bug(error)]
            finally:
                places.release()
        await self._answer(batch, answers, self._loop.time() - started, heard)

    async def _fetch(self, connection: Connection[Any, Any], batch: list[_Question]) -> Sequence[Any]:
        """One answer for each question. Raises `TimeoutError` when they take longer than the source's patience."""
        async with asyncio.timeout(self.source.patience()):
            answers = await connection.fetch([question.query for question in batch])
        if len(answers) != len(batch):
            raise InternalError(f"{self.source} gave {len(answers)} answers to {len(batch)} queries")
        return answers

    def _silent(self) -> SourceError:
        return SourceError(f"{self.source} did not answer in {self.source.patience():g} s")

    async def _pace(self) -> None:
        """Keep the least pause between the starts of two fetches."""
        now = self._loop.time()
        if now < self._next_start:
            await asyncio.sleep(self._next_start - now)
        self._next_start = max(now, self._next_start) + self.source.least_pause()

    def _take(self, most: int) -> list[_Question]:
        batch: list[_Question] = []
        while self._waiting and len(batch) < most:
            question = self._waiting.pop(next(iter(self._waiting)))
            question.under_way, question.waiters = question.waiters, []
            batch.append(question)
        return batch

    async def _answer(
        self, batch: list[_Question], answers: Sequence[Any], took: float, heard: Sequence[Exchange]
    ) -> None:
        now, exchanges = self._clock(), tuple(heard)
        self._failures = 0
        busy: SourceBusy | None = None
        for question, answer in zip(batch, answers, strict=True):
            if isinstance(answer, SourceError):
                answer.at = now
            if isinstance(answer, SourceBusy):
                busy, self._rest = answer, (self._loop.time() + answer.retry_after, answer)
            await self._tell(question, Answered(answer, now, took, exchanges))
        if busy is not None:
            await self._refuse(busy)
        self._forget()

    async def _tell(self, question: _Question, answered: Answered) -> None:
        """Everybody who waits for the fetch under way hears its outcome, also who joins while that is going on."""
        question.answered = answered
        for waiter in question.under_way or ():
            if not waiter.done():
                waiter.set_result(answered)
                self._told += 1
                if self._told % SLICE == 0:
                    await asyncio.sleep(0)
        question.under_way = None

    async def _refuse(self, error: SourceError) -> None:
        """Who waits for a fetch that may not be made now hears the same error."""
        for question in self._take(len(self._waiting)):
            await self._tell(question, Answered(error, error.at))

    def _forget(self) -> None:
        """Now and then, drop the kept answers that nobody has wanted for long."""
        now = self._loop.time()
        if now < self._tidied + self._idle / 2:
            return
        self._tidied = now
        for query, question in list(self._questions.items()):
            if question.wanted < now - self._idle and not question.waiters and question.under_way is None:
                del self._questions[query]

    async def _lost(self, error: Exception) -> None:
        """The connection is gone: everybody hears why, and the next attempt waits a little; at most half an interval,
        so that it is over at the next round and each round is an attempt."""
        known = self._known(error)
        known.at = self._clock()
        rest = self._rests[min(self._failures, len(self._rests) - 1)] * random.uniform(0.8, 1.0)
        rest = known.retry_after if isinstance(known, SourceBusy) else min(rest, self._shortest / 2)
        self._failures += 1
        self._rest = (self._loop.time() + rest, known)
        for question in self._open():
            await self._tell(question, Answered(known, known.at))

    def _open(self) -> list[_Question]:
        """Every question that somebody waits for; none of them waits for a further fetch any more."""
        self._waiting.clear()
        found = [one for one in self._questions.values() if one.waiters or one.under_way is not None]
        for question in found:
            question.under_way, question.waiters = [*(question.under_way or ()), *question.waiters], []
        return found

    def _known(self, error: Exception) -> SourceError:
        if isinstance(error, SourceError):
            return error
        if isinstance(error, TimeoutError):
            return SourceError(f"{self.source} cannot be connected to within {self.source.patience():g} s")
        return self._bug(error)

    def _bug(self, error: Exception) -> SourceError:
        log.error("a source failed in a way that it should not", exc_info=error, extra={"source": str(self.source)})
        return InternalError(f"{self.source} failed in a way that it should not ({type(error).__name__})")


def _first(group: BaseExceptionGroup[Any]) -> Any:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found

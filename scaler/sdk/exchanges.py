"""What was said over HTTP while one question was asked: each request with its status and how long it took.
`http_session` notes them, the keeper listens; neither knows what they are counted for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import aiohttp


class Exchange(NamedTuple):
    """One request that was answered: its status, and the seconds until its head was there. Redirects and tokens are
    requests of their own. One that was not answered has no status, and is none (as in KEDA)."""

    status: int
    seconds: float


_heard: ContextVar[list[Exchange] | None] = ContextVar("heard", default=None)


@contextmanager
def hearing() -> Iterator[list[Exchange]]:
    """Every exchange of what is done within the block, by this task or by tasks that it starts."""
    heard: list[Exchange] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def noted() -> aiohttp.TraceConfig:
    """For a session whose requests are to be heard of."""
    config = aiohttp.TraceConfig()
    config.on_request_start.append(_begin)
    config.on_request_end.append(_end)
    return config


async def _begin(_: aiohttp.ClientSession, request: Any, __: aiohttp.TraceRequestStartParams) -> None:
    request.began = asyncio.get_running_loop().time()


async def _end(_: aiohttp.ClientSession, request: Any, answer: aiohttp.TraceRequestEndParams) -> None:
    if (heard := _heard.get()) is not None:
        heard.append(Exchange(answer.response.status, asyncio.get_running_loop().time() - request.began))

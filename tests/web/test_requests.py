"""Requests for metrics, counted."""

import asyncio

import pytest

from scaler.web.requests import Requests

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_a_request_with_its_status_and_duration() -> None:
    requests = Requests()
    with requests.one() as one:
        await asyncio.sleep(0.2)
        one.status = 404
    assert (requests.begun, requests.answered, requests.took.count) == (1, {404: 1}, 1)
    assert requests.took.total == pytest.approx(0.2)


async def test_one_whose_asker_has_gone_was_begun_only() -> None:
    requests = Requests()

    async def answer() -> None:
        with requests.one():
            await asyncio.sleep(1)

    asking = asyncio.create_task(answer())
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (requests.begun, dict(requests.answered), requests.took.count) == (1, {}, 0)

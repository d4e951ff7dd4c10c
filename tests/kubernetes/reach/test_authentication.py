"""What the cluster announces is known as soon as it changes."""

import asyncio
import logging

import pytest

from scaler.kubernetes.reach.authentication import Announced
from tests.kubernetes.fake_api import FakeApi

pytestmark = [pytest.mark.looptime]

FOLDER = "/api/v1/namespaces/kube-system/configmaps"
PATH = f"{FOLDER}/extension-apiserver-authentication"


async def test_it_is_known_and_followed() -> None:
    api = FakeApi()
    api.put(PATH, {"data": {"client-ca-file": "one"}})
    announced = Announced(api)
    assert announced.data() is None
    running = asyncio.create_task(announced.run())
    await asyncio.sleep(0.1)
    assert announced.data() == {"client-ca-file": "one"}
    assert announced.data() is announced.data()
    api.put(PATH, {"data": {"client-ca-file": "two"}})
    await asyncio.sleep(0.1)
    assert announced.data() == {"client-ca-file": "two"}
    api.remove(PATH)
    await asyncio.sleep(0.1)
    assert announced.data() is None
    running.cancel()


async def test_only_the_one_is_asked_for() -> None:
    api = FakeApi()
    api.put(f"{FOLDER}/other", {"data": {"client-ca-file": "no"}})
    announced = Announced(api)
    running = asyncio.create_task(announced.run())
    await asyncio.sleep(0.1)
    assert announced.data() is None
    assert {request.path for request in api.requests} == {FOLDER}
    selectors = {request.parameters["fieldSelector"] for request in api.requests}
    assert selectors == {"metadata.name=extension-apiserver-authentication"}
    running.cancel()


async def test_without_data_nothing_is_announced() -> None:
    api = FakeApi()
    api.put(PATH, {})
    announced = Announced(api)
    running = asyncio.create_task(announced.run())
    await asyncio.sleep(0.1)
    assert announced.data() == {}
    running.cancel()


async def test_where_it_is_refused_that_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi()
    api.put(PATH, {"data": {"client-ca-file": "one"}})
    api.watchable = False
    announced = Announced(api)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(announced.run())
        await asyncio.sleep(300)
    assert announced.data() is None
    assert len(caplog.messages) == 1
    assert 10 <= len(api.requests) <= 60
    api.watchable = True
    await asyncio.sleep(20)
    assert announced.data() == {"client-ca-file": "one"}
    running.cancel()


async def test_a_watch_that_breaks_off_loses_nothing() -> None:
    api = FakeApi()
    api.put(PATH, {"data": {"client-ca-file": "one"}})
    announced = Announced(api)
    running = asyncio.create_task(announced.run())
    await asyncio.sleep(60)
    api.break_watches()
    api.put(PATH, {"data": {"client-ca-file": "two"}})
    await asyncio.sleep(60)
    assert announced.data() == {"client-ca-file": "two"}
    running.cancel()

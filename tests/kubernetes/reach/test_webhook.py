"""The API server believes our webhook, and nobody else's is touched."""

import asyncio
import logging
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from scaler.errors import Forbidden, Invalid, NotLeading
from scaler.kubernetes.api import Patch, Request
from scaler.kubernetes.reach.endpoint import Service
from scaler.kubernetes.reach.webhook import LOOK, PATH, Configuration, Trusted, bundle_patch
from tests.kubernetes.fake_api import FakeApi, unreachable

pytestmark = [pytest.mark.looptime]

SERVICE = Service("keda", "webhooks")
WHERE = f"{PATH}/keda-admission"
BUNDLE = "-----BEGIN CERTIFICATE-----\n"


def encoded(bundle: str) -> str:
    return b64encode(bundle.encode()).decode()


def hook(name: str, bundle: str = "", *, service: str = "webhooks", namespace: str = "keda", url: str = "") -> Any:
    client: dict[str, Any] = {"url": url} if url else {"service": {"namespace": namespace, "name": service}}
    return {"name": name, "clientConfig": {**client, **({"caBundle": encoded(bundle)} if bundle else {})}}


def found(*hooks: Any) -> Configuration:
    return msgspec.convert({"metadata": {"name": "keda-admission"}, "webhooks": hooks}, Configuration)


def test_only_what_asks_us_is_written() -> None:
    hooks = (
        hook("a"),
        hook("b", BUNDLE),
        hook("c", "other"),
        hook("d", service="else"),
        hook("e", namespace="else"),
        hook("f", url="https://x"),
    )
    assert bundle_patch(found(*hooks), SERVICE, BUNDLE) == [
        {"op": "test", "path": "/webhooks/0/name", "value": "a"},
        {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": encoded(BUNDLE)},
        {"op": "test", "path": "/webhooks/2/name", "value": "c"},
        {"op": "add", "path": "/webhooks/2/clientConfig/caBundle", "value": encoded(BUNDLE)},
    ]
    assert bundle_patch(found(), SERVICE, BUNDLE) == []


class Server(FakeApi):
    """Knows JSON patches."""

    def _patched(self, request: Request) -> dict[str, Any]:
        assert request.headers["Content-Type"] == Patch.JSON
        self.writes.append(request)
        hooks = self.objects[request.path]["webhooks"]
        for step in request.body:
            _, _, index, *rest = step["path"].split("/")
            if step["op"] == "test" and hooks[int(index)]["name"] != step["value"]:
                raise Invalid("the test failed")
            if step["op"] == "add":
                hooks[int(index)][rest[0]][rest[1]] = step["value"]
        return self.objects[request.path]


class Scene:
    def __init__(self) -> None:
        self.api, self.bundle = Server(), BUNDLE
        self.trusted = Trusted(self.api, "keda-admission", SERVICE, lambda: self.bundle)

    def put(self, *hooks: Any) -> None:
        self.api.put(WHERE, {"webhooks": list(hooks)})

    @property
    def held(self) -> list[str | None]:
        return [one["clientConfig"].get("caBundle") for one in self.api.objects[WHERE]["webhooks"]]

    async def run(self, seconds: float) -> None:
        running = asyncio.create_task(self.trusted.run())
        await asyncio.sleep(seconds)
        running.cancel()


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_what_is_right_is_looked_at_and_not_written(scene: Scene) -> None:
    scene.put(hook("a"), hook("b", service="else"))
    await scene.run(600)
    assert scene.held == [encoded(BUNDLE), None]
    assert len(scene.api.writes) == 1
    assert len(scene.api.requests) <= 600 / LOOK + 2


async def test_what_somebody_takes_away_is_put_back(scene: Scene) -> None:
    scene.put(hook("a"))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.trusted.run())
        await asyncio.sleep(1)
        scene.put(hook("a"))
        await asyncio.sleep(LOOK + 5)
        assert scene.held == [encoded(BUNDLE)]
        running.cancel()


async def test_another_authority_is_told_at_once(scene: Scene) -> None:
    scene.put(hook("a"))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.trusted.run())
        await asyncio.sleep(1)
        scene.bundle = "another"
        await asyncio.sleep(5)
        assert scene.held == [encoded("another")]
        running.cancel()


async def test_without_an_authority_it_is_somebody_elses_to_write(scene: Scene) -> None:
    scene.put(hook("a"))
    scene.bundle = ""
    await scene.run(60)
    assert scene.api.requests == []


async def test_it_may_be_left_out_and_come_later(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scaler")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.trusted.run())
        await asyncio.sleep(100)
        scene.put(hook("a"))
        await asyncio.sleep(LOOK + 5)
        assert scene.held == [encoded(BUNDLE)]
        running.cancel()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "objects are not checked by us before they are written: "
        "there is no ValidatingWebhookConfiguration keda-admission",
        "the API server believes our admission webhook",
    ]


async def test_troubles_pass(scene: Scene) -> None:
    scene.put(hook("a"))
    scene.api.trouble = unreachable
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.trusted.run())
        await asyncio.sleep(20)
        scene.api.trouble = None
        await asyncio.sleep(5)
        assert scene.held == [encoded(BUNDLE)]
        running.cancel()


async def test_without_the_right_it_is_asked_rarely(scene: Scene) -> None:
    async def forbidden(_: Request) -> None:
        raise Forbidden("not yours")

    scene.api.trouble = forbidden
    await scene.run(120)
    assert len(scene.api.requests) <= 120 / LOOK + 1


async def test_it_ends_when_we_do_not_lead(scene: Scene) -> None:
    async def lost(_: Request) -> None:
        raise NotLeading("lost")

    scene.put(hook("a"))
    scene.api.trouble = lost
    await asyncio.wait_for(scene.trusted.run(), 10)

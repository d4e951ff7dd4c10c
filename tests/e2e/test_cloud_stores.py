"""A secret of a cloud feeds a trigger, and one that is rotated there is swapped in, while the daemon runs."""

from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from aiohttp import web

from tests.e2e.daemon import daemon, deployment, scaled_object, workers
from tests.rig.moto import MAY_READ, REGION, Moto
from tests.sdk.servers import serving

pytestmark = pytest.mark.timeout(180)


class Numbers:
    """A metrics API that believes one bearer at a time, and says what it is told to."""

    def __init__(self, accepted: str, value: int) -> None:
        self.accepted, self.value = accepted, value
        self.refused = 0

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.accepted}":
            self.refused += 1
            return web.Response(status=401)
        return web.json_response({"value": self.value})


async def test_a_rotated_secret_of_aws_is_swapped_in(moto: Moto, tmp_path: Path) -> None:
    """The daemon may do nothing but become the role that reads it. The same worker lives through the rotation."""
    name = f"prod/{token_hex(4)}"
    await moto.put(name, '{"token": "planted-1"}')
    keys, role = await moto.user(name.replace("/", "-"), "sts:AssumeRole"), await moto.role(name[5:], *MAY_READ)
    numbers = Numbers("planted-1", 20)
    environment = {
        **moto.environment,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }
    async with serving(numbers.handle) as url, daemon(tmp_path, environment=environment) as scene:
        scene.write("orders.yaml", _authentication(name, role), scaled_object("orders", _trigger(url), target="worker"))
        scene.write("worker.yaml", deployment("worker", "sleep", "1000"))
        await scene.start()
        first = await scene.until(lambda: len(found := workers(tmp_path)) == 2 and found, "2 workers")

        await moto.put(name, '{"token": "planted-2"}')
        numbers.accepted, numbers.value = "planted-2", 30
        await scene.until(lambda: len(workers(tmp_path)) == 3, "3 workers, by the new secret", 60)
        assert set(first) <= set(workers(tmp_path))
        assert numbers.refused
        for hidden in ("planted-1", "planted-2", keys.secret_key):
            assert hidden not in scene.said()
            assert hidden not in await scene.page("/metrics")
        assert await scene.stop() == 0


def _authentication(name: str, role: str) -> dict[str, Any]:
    secret = {"parameter": "token", "name": name, "secretKey": "token"}
    store = {"region": REGION, "podIdentity": {"provider": "aws", "roleArn": role}, "secrets": [secret]}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "aws"},
        "spec": {"awsSecretManager": store},
    }


def _trigger(url: str) -> dict[str, Any]:
    metadata = {"url": url, "valueLocation": "value", "targetValue": "10", "authMode": "bearer"}
    return {"type": "metrics-api", "metadata": metadata, "authenticationRef": {"name": "aws"}}

"""Triggers that log in with what a store gives: tokens of service accounts, which the API server reviews, and Vault.
That the rights for it must be granted, and that what is rotated in a store is used without an edit or a restart."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.credentials.vault.fake import FakeVault, over_http
from tests.e2e.guarded import guarded
from tests.e2e.kube_daemon import NAMESPACE
from tests.e2e.kube_objects import Object, authentication, number
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import KubeClient, path

RBAC = "rbac.authorization.k8s.io/v1"
PASSWORD, ANOTHER = "open-sesame", "open-barley"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


class Reviewing:
    """A source that asks the API server whose token it is shown; `users` are those that it believed, in order."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self.url = ""
        self.users: list[str] = []
        self.tokens: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        status = (await self._kube.create(REVIEWS, review))["status"]
        if not status.get("authenticated"):
            return web.Response(status=401)
        self.users.append(status["user"]["username"])
        self.tokens.append(token)
        return web.json_response({"value": 3})


@asynccontextmanager
async def reviewing(kube: KubeClient) -> AsyncIterator[Reviewing]:
    made = Reviewing(kube)
    app = web.Application()
    app.router.add_get("/", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield made
    finally:
        await runner.cleanup()


async def account(scene: Scene, name: str) -> None:
    await scene.kube.create(path("v1", "serviceaccounts", scene.namespace), {"metadata": {"name": name}})


async def grant(scene: Scene, name: str) -> None:
    """As docs/kubernetes.md says it: tokens of that one account may be asked for by the daemon."""
    rule = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [name], "verbs": ["create"]}
    role = {"metadata": {"name": f"token-of-{name}"}, "rules": [rule]}
    await scene.kube.create(path(RBAC, "roles", scene.namespace), role)
    subject = {"kind": "ServiceAccount", "name": "event-scaler", "namespace": NAMESPACE}
    binding = {
        "metadata": {"name": f"token-of-{name}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"token-of-{name}"},
        "subjects": [subject],
    }
    await scene.kube.create(path(RBAC, "rolebindings", scene.namespace), binding)


def bearing(source: Reviewing) -> Object:
    return {**number(source.url, authMode="bearer"), "authenticationRef": {"name": "auth"}}


async def test_a_service_accounts_token(scene: Scene) -> None:
    """Of an account in the object's namespace, by a right that is granted for that account alone."""
    await account(scene, "reader")
    token = [{"parameter": "bearerToken", "serviceAccountName": "reader"}]
    async with reviewing(scene.kube) as source:
        await scene.add(authentication("auth", boundServiceAccountToken=token))
        await scene.pair("worker", bearing(source))
        told = await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "serviceaccounts/token")
        assert f"service account {scene.namespace}/reader" in str(told["status"]["conditions"])
        await grant(scene, "reader")
        await scene.ready("worker")
        await scene.replicas("worker", 1)
        assert set(source.users) == {f"system:serviceaccount:{scene.namespace}:reader"}
        assert len(set(source.tokens)) == 1, "one token for all polls"
        assert source.tokens[0] not in scene.daemon.said()


async def test_a_service_account_that_is_made_anew(scene: Scene) -> None:
    """Its tokens are worth nothing any more: the source refuses, and another one is asked for."""
    await account(scene, "reader")
    await grant(scene, "reader")
    token = [{"parameter": "bearerToken", "serviceAccountName": "reader"}]
    async with reviewing(scene.kube) as source:
        await scene.add(authentication("auth", boundServiceAccountToken=token))
        await scene.pair("worker", bearing(source))
        await scene.ready("worker")
        first, before = source.tokens[-1], scene.daemon.pid
        await scene.kube.delete(path("v1", "serviceaccounts", scene.namespace, "reader"))
        await account(scene, "reader")
        await scene.daemon.until(lambda: source.tokens[-1] != first, "another token is shown", 40)
        await scene.ready("worker")
        assert scene.daemon.pid == before


# --------------------------------------------------------------------------------------------------------------- Vault


@asynccontextmanager
async def vault_for(scene: Scene) -> AsyncIterator[tuple[FakeVault, Object]]:
    """A Vault that lets the account `orders` of the namespace in, after the API server's own review of its token, and
    the block that names it."""

    async def review(token: str) -> str:
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        return str((await scene.kube.create(REVIEWS, asked))["status"].get("user", {}).get("username"))

    vault = FakeVault(time.time, review=review, roles={"orders": f"system:serviceaccount:{scene.namespace}:orders"})
    async with over_http(vault) as url:
        yield (
            vault,
            {
                "address": url,
                "authentication": "kubernetes",
                "mount": "kubernetes",
                "role": "orders",
                "credential": {"serviceAccountName": "orders"},
                "secrets": [
                    {"parameter": name, "path": "secret/data/source", "key": name} for name in ("username", "password")
                ],
            },
        )


async def test_a_secret_that_is_rotated_in_vault_is_used(scene: Scene) -> None:
    """The source refuses the old password: what Vault has is fetched again, the objects are bound anew, and nothing
    else of them is touched."""
    await account(scene, "orders")
    await grant(scene, "orders")
    async with guarded("user", PASSWORD) as source, vault_for(scene) as (vault, block):
        vault.secrets["secret/data/source"] = {"data": {"username": "user", "password": PASSWORD}}
        await scene.add(authentication("auth", hashiCorpVault=block))
        asks = {**number(source.url, authMode="basic"), "authenticationRef": {"name": "auth"}}
        for name in ("one", "two", "three"):
            await scene.pair(name, asks)
        await scene.ready("one", "two", "three")
        await scene.replicas("one", 1)
        assert [one for _, one in vault.log] == ["auth/kubernetes/login", "secret/data/source"], "once for all three"
        before, pid = (await scene.object("one"))["metadata"]["generation"], scene.daemon.pid
        vault.secrets["secret/data/source"] = {"data": {"username": "user", "password": ANOTHER}}
        source.expect("user", ANOTHER)
        await scene.told("one", "Ready", "False", "TriggerError")
        await scene.ready("one", "two", "three")
        assert source.served > 0
        assert ((await scene.object("one"))["metadata"]["generation"], scene.daemon.pid) == (before, pid)
        for word in (PASSWORD, ANOTHER):
            assert word not in scene.daemon.said()


async def test_a_secret_that_vault_does_not_have_is_named(scene: Scene) -> None:
    await account(scene, "orders")
    await grant(scene, "orders")
    async with guarded("user", PASSWORD) as source, vault_for(scene) as (vault, block):
        await scene.add(authentication("auth", hashiCorpVault=block))
        await scene.pair("worker", {**number(source.url, authMode="basic"), "authenticationRef": {"name": "auth"}})
        named = "spec.hashiCorpVault.secrets[0]: there is no secret secret/data/source in http://127.0.0.1:"
        await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", named)
        vault.secrets["secret/data/source"] = {"data": {"username": "user", "password": PASSWORD}}
        await scene.ready("worker")

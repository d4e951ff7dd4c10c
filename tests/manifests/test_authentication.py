"""An object that is bound from stores: what overrides what, where things are looked for, what it is bound anew for, and
that everything that leads nowhere is said at once."""

from collections.abc import Mapping
from typing import Any

import pytest

from scaler import catalog
from scaler.credentials.store import Token, Where
from scaler.credentials.stores import Stores
from scaler.errors import CredentialError, ManifestError, NotFound
from scaler.manifests.authentication import STORE
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref, Watched
from tests.credentials.tools import Accounts, Clock, tools
from tests.credentials.vault.fake import FakeVault

TARGET = Ref("Deployment", "shop", "worker")
AUTHENTICATION = Ref("TriggerAuthentication", "shop", "auth")
CLUSTER_WIDE = Ref("ClusterTriggerAuthentication", "", "auth")
VAULT = {
    "address": "http://vault.test",
    "authentication": "token",
    "credential": {"token": "given"},
    "secrets": [{"parameter": "password", "path": "secret/data/orders", "key": "password"}],
}
SECRET_REF = [{"parameter": "password", "name": "login", "key": "password"}]
OAUTH2 = {
    "clientId": "me",
    "tokenUrl": "https://id.test/token",
    "clientSecret": {"valueFrom": {"secretKeyRef": {"name": "idp", "key": "secret"}}},
}


class Scene:
    """A cluster's data, a Vault, and files; `bound` binds an object whose trigger logs in with `metadata`'s mode."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.vault = FakeVault(self.clock)
        self.vault.issue("given")
        self.vault.secrets["secret/data/orders"] = {"data": {"password": "from vault"}}
        self.accounts = Accounts(("shop", "reader"), ("keda", "reader"))
        self.data: dict[Ref, Mapping[str, str]] = {}
        self.specs: dict[Ref, Any] = {}
        self.files: dict[str, str] = {}
        self.stores: Stores | None = Stores(self.tools, self.clock)

    def tools(self, where: Where) -> Any:
        async def file(path: str) -> str:
            return self.files[path]

        data = {(ref.kind, ref.name): held for ref, held in self.data.items() if ref.namespace == where.namespace}
        return tools(where, ask=self.vault, data=data, token=self.accounts, file=file, now=self.clock)

    async def read(self, ref: Ref) -> Mapping[str, str]:
        if ref not in self.data:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return self.data[ref]

    async def manifest(self, ref: Ref) -> Manifest:
        if ref not in self.specs:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return Manifest(ref, {"spec": self.specs[ref]})

    async def bound(self, ref: Ref = AUTHENTICATION, mode: str = "basic") -> Watched:
        trigger = {
            "type": "metrics-api",
            "metadata": {"url": "http://api.test", "valueLocation": "v", "targetValue": "1", "authMode": mode},
            "authenticationRef": {"name": ref.name, "kind": ref.kind},
        }
        body = {"metadata": {}, "spec": {"scaleTargetRef": {"name": "worker"}, "triggers": [trigger]}}
        binding = Binding(catalog.find, self.read, self.manifest, cluster_namespace="keda", stores=self.stores)
        return await bind(Manifest(Ref("ScaledObject", "shop", "orders"), body), binding)

    async def password(self, ref: Ref = AUTHENTICATION) -> str:
        watched = await self.bound(ref)
        return str(watched.triggers[0].scaler.password)  # type: ignore[attr-defined]  # metrics-api has one

    async def refused(self, ref: Ref = AUTHENTICATION) -> str:
        with pytest.raises(CredentialError) as raised:
            await self.bound(ref)
        return str(raised.value)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.data[Ref("Secret", "shop", "login")] = {"password": "from a Secret"}
    made.data[Ref("Environment", "shop", "worker/")] = {"USER": "me"}
    return made


def given(**blocks: Any) -> dict[str, Any]:
    return {"env": [{"parameter": "username", "name": "USER"}], **blocks}


async def test_a_store_goes_before_a_secret(scene: Scene) -> None:
    scene.specs[AUTHENTICATION] = given(secretTargetRef=SECRET_REF, hashiCorpVault=VAULT)
    assert await scene.password() == "from vault"
    scene.specs[AUTHENTICATION] = given(secretTargetRef=SECRET_REF)
    assert await scene.password() == "from a Secret"


async def test_a_token_of_a_service_account_goes_before_a_store(scene: Scene) -> None:
    token = [{"parameter": "password", "serviceAccountName": "reader"}]
    scene.specs[AUTHENTICATION] = given(boundServiceAccountToken=token, hashiCorpVault=VAULT)
    assert await scene.password() == "shop/reader 1"


async def test_a_cluster_wide_one_looks_in_the_cluster_objects_namespace(scene: Scene) -> None:
    token = [{"parameter": "password", "serviceAccountName": "reader"}]
    scene.specs[CLUSTER_WIDE] = given(boundServiceAccountToken=token)
    assert await scene.password(CLUSTER_WIDE) == "keda/reader 1"


async def test_a_room_is_told_whether_a_namespace_chose(scene: Scene) -> None:
    """The same block in the cluster objects' namespace, by somebody else."""
    asked: list[Where] = []

    def made(where: Where) -> Any:
        asked.append(where)
        return scene.tools(where)

    scene.stores = Stores(made, scene.clock)
    scene.specs[AUTHENTICATION] = scene.specs[CLUSTER_WIDE] = given(hashiCorpVault=VAULT)
    for ref in (AUTHENTICATION, CLUSTER_WIDE):
        await scene.bound(ref)
    assert [where.shared for where in asked] == [False, True]


async def test_a_file_stands_for_everything(scene: Scene) -> None:
    scene.specs[CLUSTER_WIDE] = given(filePath="kafka.json", secretTargetRef=SECRET_REF, hashiCorpVault=VAULT)
    scene.files["kafka.json"] = '{"username": "me", "password": "from a file"}'
    watched = await scene.bound(CLUSTER_WIDE)
    assert watched.triggers[0].scaler.password == "from a file"  # type: ignore[attr-defined]  # metrics-api has one
    assert scene.vault.log == []


async def test_a_file_is_no_namespaces_business(scene: Scene) -> None:
    scene.specs[AUTHENTICATION] = {"filePath": "kafka.json"}
    with pytest.raises(ManifestError, match="filePath is only supported for ClusterTriggerAuthentication"):
        await scene.bound()


async def test_oauth2_is_what_a_trigger_logs_in_with(scene: Scene) -> None:
    scene.specs[AUTHENTICATION] = {"oauth2": {**OAUTH2, "scopes": ["a", "b"]}}
    scene.data[Ref("Secret", "shop", "idp")] = {"secret": "hush"}
    watched = await scene.bound(mode="oauth")
    assert "hush" not in repr(watched)
    credentials = watched.triggers[0].source.auth  # type: ignore[attr-defined]  # it is asked over HTTP
    assert (credentials.token_url, credentials.client_id, credentials.client_secret) == (
        "https://id.test/token",
        "me",
        "hush",
    )
    assert credentials.scopes == ("a", "b")


async def test_what_the_object_is_bound_anew_for(scene: Scene) -> None:
    """The store's block, and the Secret behind it: both may become others."""
    scene.specs[AUTHENTICATION] = {"oauth2": OAUTH2}
    scene.data[Ref("Secret", "shop", "idp")] = {"secret": "hush"}
    refs = (await scene.bound(mode="oauth")).refs
    assert Ref("Secret", "shop", "idp") in refs
    [store] = [ref for ref in refs if ref.kind == STORE]
    assert store == Ref(STORE, "", "oauth2/1")


async def test_equal_blocks_of_two_authentications_are_one(scene: Scene) -> None:
    other = Ref("TriggerAuthentication", "shop", "other")
    scene.specs[AUTHENTICATION] = scene.specs[other] = given(hashiCorpVault=VAULT)
    first, second = await scene.bound(), await scene.bound(other)
    assert [path for _, path in scene.vault.log] == ["auth/token/lookup-self", "secret/data/orders"]
    assert first.triggers[0].source == second.triggers[0].source


async def test_all_that_leads_nowhere_is_said_at_once(scene: Scene) -> None:
    scene.specs[AUTHENTICATION] = {
        "secretTargetRef": [{"parameter": "username", "name": "none", "key": "k"}],
        "hashiCorpVault": {**VAULT, "secrets": [{"parameter": "password", "path": "nowhere", "key": "k"}]},
        "boundServiceAccountToken": [{"parameter": "token", "serviceAccountName": "nobody"}],
        "oauth2": OAUTH2,
    }
    assert (await scene.refused()).split("; ") == [
        "spec.secretTargetRef[0]: there is no Secret none",
        "spec.hashiCorpVault.secrets[0]: there is no secret nowhere in http://vault.test",
        "spec.boundServiceAccountToken[0]: there is no service account shop/nobody",
        "spec.oauth2.clientSecret: there is no Secret idp",
    ]


async def test_what_only_an_identity_may_say_comes_from_no_store(scene: Scene) -> None:
    """From a store, as from a Secret, it could make the daemon show its own token to somebody's host."""
    scene.vault.secrets["secret/data/orders"] = {"data": {"password": "azure-workload"}}
    secrets = [{"parameter": "podIdentity", "path": "secret/data/orders", "key": "password"}]
    scene.specs[AUTHENTICATION] = given(secretTargetRef=SECRET_REF, hashiCorpVault={**VAULT, "secrets": secrets})
    assert await scene.password() == "from a Secret"
    [said] = (await scene.bound()).warnings
    assert said.startswith("spec.triggers[0].authenticationRef.podIdentity: is not taken from what")
    assert "azure-workload" not in said


async def test_where_there_are_no_stores_that_is_said(scene: Scene) -> None:
    scene.stores = None
    scene.specs[AUTHENTICATION] = given(hashiCorpVault=VAULT)
    assert await scene.refused() == "spec.hashiCorpVault: stores are not asked here"


def test_a_token_is_not_shown() -> None:
    assert "hush" not in repr(Token("hush", 0.0))

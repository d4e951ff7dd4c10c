"""What a source's `authenticationRef` comes to: the same references as a trigger's, but without a workload."""

import asyncio
import gc
import json
from collections.abc import Mapping
from typing import Any

import pytest

from scaler.credentials.stores import Stores
from scaler.daemon.sinks import Sending, SourceGrant
from scaler.errors import CredentialError, NotFound
from scaler.manifests.bind import Binding
from scaler.manifests.scaled_object import AuthenticationRef
from scaler.manifests.watched import Manifest, Ref
from scaler.sinks.event import Origin
from tests.credentials.tools import tools

SOURCE = Ref("CloudEventSource", "shop", "audit")
EVERYBODY_S = Ref("ClusterCloudEventSource", "", "audit")
AUTHENTICATION, CLUSTER = "TriggerAuthentication", "ClusterTriggerAuthentication"
KEY = {"secretTargetRef": [{"parameter": "accessKey", "name": "grid", "key": "key"}]}


class Cluster:
    """What there is to refer to, and what the cluster was told."""

    def __init__(self) -> None:
        self.data: dict[Ref, Mapping[str, str]] = {
            Ref("Secret", "shop", "grid"): {"key": "own"},
            Ref("Secret", "keda", "grid"): {"key": "shared"},
        }
        self.specs: dict[Ref, Any] = {
            Ref(AUTHENTICATION, "shop", "grid"): KEY,
            Ref(CLUSTER, "", "grid"): KEY,
            Ref(AUTHENTICATION, "shop", "env"): {"env": [{"parameter": "accessKey", "name": "KEY"}]},
            Ref(AUTHENTICATION, "shop", "identity"): {"podIdentity": {"provider": "azure-workload"}},
        }
        self.held: dict[Ref, frozenset[Ref]] = {}
        self.looked: list[frozenset[Ref]] = []
        self.asked, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def read(self, ref: Ref) -> Mapping[str, str]:
        self.asked.set()
        await self.answers.wait()
        if ref not in self.data:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return self.data[ref]

    async def manifest(self, ref: Ref) -> Manifest:
        if ref not in self.specs:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return Manifest(ref, {"spec": self.specs[ref]})

    def hold(self, owner: Ref, refs: frozenset[Ref]) -> None:
        self.held[owner] = refs

    async def look_again(self, refs: frozenset[Ref]) -> None:
        self.looked.append(refs)

    def grant(self, name: str = "", kind: str = AUTHENTICATION, *, source: Ref = SOURCE) -> SourceGrant:
        identity = {"clientId": "client", "tenantId": "tenant", "federatedTokenFile": "/token"}
        binding = Binding(_nothing, self.read, self.manifest, identity=identity, cluster_namespace="keda")
        return SourceGrant(source, AuthenticationRef(name=name, kind=kind) if name else None, binding, self)


def _nothing(type_: str) -> Any:
    raise AssertionError(f"nobody asked for {type_}")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


async def test_a_secret_of_its_own_namespace(cluster: Cluster) -> None:
    grant = cluster.grant("grid")
    assert await grant.parameters() == {"accessKey": "own"}
    assert grant.refs == {Ref(AUTHENTICATION, "shop", "grid"), Ref("Secret", "shop", "grid")}
    assert cluster.held == {SOURCE: grant.refs}
    await grant.doubt()
    assert cluster.looked == [grant.refs]


@pytest.mark.parametrize("source", [SOURCE, EVERYBODY_S])
async def test_a_cluster_wide_one_refers_to_the_cluster_s_namespace(cluster: Cluster, source: Ref) -> None:
    assert await cluster.grant("grid", CLUSTER, source=source).parameters() == {"accessKey": "shared"}


async def test_the_daemon_s_identity(cluster: Cluster) -> None:
    known = await cluster.grant("identity").parameters()
    assert (known["podIdentity"], known["clientId"]) == ("azure-workload", "client")


async def test_no_reference_is_no_parameter(cluster: Cluster) -> None:
    assert await cluster.grant().parameters() == {}


@pytest.mark.parametrize(
    ("name", "source", "why"),
    [
        ("nowhere", SOURCE, "spec.authenticationRef: there is no TriggerAuthentication nowhere"),
        ("grid", EVERYBODY_S, "a ClusterCloudEventSource needs a ClusterTriggerAuthentication"),
        ("env", SOURCE, "there is no Environment"),
    ],
)
async def test_what_leads_nowhere_is_named(cluster: Cluster, name: str, source: Ref, why: str) -> None:
    with pytest.raises(CredentialError, match=why):
        await cluster.grant(name, source=source).parameters()


async def test_what_is_missing_is_waited_for(cluster: Cluster) -> None:
    del cluster.data[Ref("Secret", "shop", "grid")]
    grant = cluster.grant("grid")
    with pytest.raises(CredentialError, match="there is no Secret grid"):
        await grant.parameters()
    assert Ref("Secret", "shop", "grid") in grant.refs


async def test_who_has_ended_holds_nothing_any_more(cluster: Cluster) -> None:
    """Also where it is read in that moment; whether that is cancelled, or goes on for a sink that was replaced."""
    cluster.answers.clear()
    grant = cluster.grant("grid")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            reading = tasks.create_task(grant.parameters())
        await cluster.asked.wait()
        grant.end()
        reading.cancel()
        cluster.answers.set()
    assert cluster.held == {}


@pytest.mark.looptime
async def test_what_sinks_are_shown_is_fetched_anew_as_long_as_there_are_sinks(cluster: Cluster) -> None:
    """A rotated key is heard of before it is refused."""
    rotating = Rotating()
    spec = {"filePath": "grid.json"}
    cluster.specs[Ref(CLUSTER, "", "grid")] = spec
    binding = Binding(_nothing, cluster.read, cluster.manifest, cluster_namespace="keda", stores=rotating.stores)
    sending = Sending(cluster, binding, Origin("home", "keda"), rotating.now)
    running = asyncio.create_task(sending.run())
    body = {"spec": {"destination": {"azureEventGridTopic": {"endpoint": "http://127.0.0.1:9"}}}}
    body["spec"]["authenticationRef"] = {"name": "grid", "kind": CLUSTER}  # type: ignore[dict-item]  # of one more kind
    async with sending.dispatch.open(lambda *told: None):
        sending.dispatch.place(Manifest(SOURCE, body), None)
        await asyncio.sleep(1000)
        assert rotating.read > 3
        sending.dispatch.drop(SOURCE)
        await asyncio.sleep(10)
        gc.collect()
        before = rotating.read
        await asyncio.sleep(1000)
        assert rotating.read == before
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Rotating:
    """A file that holds another key each time it is read."""

    def __init__(self) -> None:
        self.read = 0
        self.stores = Stores(lambda where: tools(where, file=self.file, now=self.now), self.now)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def file(self, path: str) -> str:
        self.read += 1
        return json.dumps({"accessKey": f"key {self.read}"})

"""Secrets in use: how often the API server is asked, who is told of what, and that no value is ever shown. In virtual
time, over an API server in memory."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
import pytest

from scaler.errors import Busy, ClusterError, Forbidden, NotFound
from scaler.kubernetes.api import METADATA_ONLY
from scaler.kubernetes.secrets import Secrets
from scaler.manifests.watched import Ref

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

T = TypeVar("T")

KEYS = Ref("Secret", "shop", "keys")
HOSTS = Ref("ConfigMap", "shop", "hosts")
KEYS_PATH, HOSTS_PATH = "/api/v1/namespaces/shop/secrets/keys", "/api/v1/namespaces/shop/configmaps/hosts"
A, B = Ref("ScaledObject", "shop", "a"), Ref("ScaledObject", "shop", "b")


class Server:
    """Objects by path. `whole` and `metadata` are the paths that were asked for, with when."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any] | ClusterError] = {}
        self.behind: dict[str, dict[str, Any]] = {}
        self.whole: list[tuple[float, str]] = []
        self.metadata: list[tuple[float, str]] = []
        self.takes = 0.1
        self.version = 100

    def put(self, path: str, **data: str | bytes) -> None:
        self.version += 1
        metadata = {"name": "x", "annotations": {"last-applied": "hush"}, "resourceVersion": str(self.version)}
        encoded = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in data.items()}
        self.objects[path] = {"kind": "X", "metadata": metadata, "data": encoded or None}

    async def get(self, path: str, as_: type[T], *, accept: str = "", **parameters: str) -> T:
        now = asyncio.get_running_loop().time()
        if accept:
            assert (accept, parameters) == (METADATA_ONLY, {"resourceVersion": "0"})
            self.metadata.append((now, path))
        else:
            assert parameters == {}
            self.whole.append((now, path))
        await asyncio.sleep(self.takes)
        found = self.objects.get(path, NotFound(f"GET {path}: not found"))
        if isinstance(found, ClusterError):
            raise found
        if accept:
            found = {"metadata": self.behind.get(path, found)["metadata"]}
        try:
            return msgspec.json.decode(msgspec.json.encode(found), type=as_)
        except msgspec.DecodeError:
            raise ClusterError(f"the API server's answer at {path} cannot be understood") from None


class Scene:
    def __init__(self, namespace: str | None = None) -> None:
        self.server = Server()
        self.touched: list[Ref] = []
        self.secrets = Secrets(self.server, self.touched.append, namespace=namespace)

    async def used(self, *refs: Ref, owner: Ref = A) -> None:
        """As an object is bound."""
        for ref in refs:
            await self.secrets.read(ref)
        self.secrets.use(owner, frozenset(refs))

    async def problem(self, ref: Ref) -> ClusterError:
        with pytest.raises(ClusterError) as raised:
            await self.secrets.read(ref)
        return raised.value


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.server.put(KEYS_PATH, password=b"pw")
    made.server.put(HOSTS_PATH, host="a.test")
    return made


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    task = asyncio.create_task(scene.secrets.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def now() -> float:
    return asyncio.get_running_loop().time()


# ------------------------------------------------------------------------------------------------------------- reading


async def test_what_is_in_them(scene: Scene) -> None:
    scene.server.put(KEYS_PATH, password="pw é".encode(), keytab=b"\x05\x02\xff\x00")
    found = await scene.secrets.read(KEYS)
    assert found["password"] == "pw é"
    assert found["keytab"].encode(errors="surrogateescape") == b"\x05\x02\xff\x00"
    assert await scene.secrets.read(HOSTS) == {"host": "a.test"}
    scene.server.put("/api/v1/namespaces/shop/secrets/empty")
    assert await scene.secrets.read(Ref("Secret", "shop", "empty")) == {}


async def test_many_who_want_the_same_ask_once(scene: Scene) -> None:
    found = await asyncio.gather(*(scene.secrets.read(KEYS) for _ in range(1000)))
    assert all(one == {"password": "pw"} for one in found)
    await scene.secrets.read(KEYS)
    assert len(scene.server.whole) == 1


async def test_who_gives_up_takes_nothing_from_the_others(scene: Scene) -> None:
    first, second = (asyncio.ensure_future(scene.secrets.read(KEYS)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == {"password": "pw"}


@pytest.mark.parametrize(
    ("refusal", "kind", "sentence"),
    [
        (NotFound("GET …"), NotFound, "there is no Secret shop/keys"),
        (Forbidden("GET …"), Forbidden, "Secret shop/keys may not be read with the daemon's rights"),
        (Busy("GET …: too many", retry_after=1.0), Busy, "GET …: too many"),
    ],
)
async def test_a_refusal_is_one_request_for_all_who_ask_now_and_another_one_later(
    scene: Scene, refusal: ClusterError, kind: type[ClusterError], sentence: str
) -> None:
    scene.server.objects[KEYS_PATH] = refusal
    problems = await asyncio.gather(*(scene.secrets.read(KEYS) for _ in range(1000)), return_exceptions=True)
    assert {(type(one), str(one)) for one in problems} == {(kind, sentence)}
    await asyncio.sleep(2)
    assert str(await scene.problem(KEYS)) == sentence
    assert len(scene.server.whole) == 1
    scene.server.put(KEYS_PATH, password=b"late")
    await asyncio.sleep(2)  # those who are bound again ask after 5 s
    assert await scene.secrets.read(KEYS) == {"password": "late"}


@pytest.mark.parametrize("name", ["../configmaps/hosts", "keys?x=1", "..", ".", "", "Keys", "a/b", "%2e%2e", "x" * 300])
async def test_a_name_that_none_can_have_leads_nowhere(scene: Scene, name: str) -> None:
    assert str(await scene.problem(Ref("Secret", "shop", name))) == f"there is no Secret shop/{name}"
    assert scene.server.whole == []


async def test_secrets_of_one_namespace_only(scene: Scene) -> None:
    confined = Scene(namespace="keda")
    confined.server.objects = scene.server.objects
    problem = await confined.problem(KEYS)
    assert isinstance(problem, Forbidden)
    assert str(problem) == "Secret shop/keys may not be read, only those in namespace keda may"
    assert await confined.secrets.read(HOSTS) == {"host": "a.test"}
    confined.secrets.use(A, frozenset({KEYS}))
    async with running(confined):
        await asyncio.sleep(120)
    assert {path for _, path in (*confined.server.whole, *confined.server.metadata)} == {HOSTS_PATH}


# ---------------------------------------------------------------------------------------------------------- looking on


async def test_nothing_changes_and_only_metadata_is_asked_for_once_a_minute(scene: Scene) -> None:
    await scene.used(KEYS, HOSTS)
    async with running(scene):
        await asyncio.sleep(600)
    for path in (KEYS_PATH, HOSTS_PATH):
        times = [at for at, one in scene.server.metadata if one == path]
        assert len(times) == 10
        assert {round(later - earlier) for earlier, later in pairwise(times)} == {60}
    assert len(scene.server.whole) == 2
    assert scene.touched == []


async def test_the_looks_are_spread_over_the_minute(scene: Scene) -> None:
    refs = [Ref("Secret", "shop", f"s{number}") for number in range(600)]
    for ref in refs:
        scene.server.put(f"/api/v1/namespaces/shop/secrets/{ref.name}", k=b"v")
    await asyncio.gather(*(scene.secrets.read(ref) for ref in refs))
    scene.secrets.use(A, frozenset(refs))
    async with running(scene):
        await asyncio.sleep(60.5)
    seconds = [round(at) for at, _ in scene.server.metadata]
    assert len(seconds) == 600
    assert max(seconds.count(second) for second in set(seconds)) < 30


async def test_a_new_version_is_read_and_told(scene: Scene) -> None:
    await scene.used(KEYS, HOSTS)
    async with running(scene):
        await asyncio.sleep(70)
        scene.server.put(KEYS_PATH, password=b"rotated")
        await asyncio.sleep(61)
        assert scene.touched == [KEYS]
        assert await scene.secrets.read(KEYS) == {"password": "rotated"}
        assert len(scene.server.whole) == 3
        await asyncio.sleep(120)
    assert scene.touched == [KEYS], "once"


async def test_a_new_version_of_the_same_data_is_no_news(scene: Scene) -> None:
    await scene.used(KEYS)
    async with running(scene):
        scene.server.put(KEYS_PATH, password=b"pw")
        await asyncio.sleep(200)
    assert scene.touched == []
    assert len(scene.server.whole) == 2


async def test_what_vanishes_is_told_and_so_is_its_return(scene: Scene) -> None:
    await scene.used(KEYS)
    async with running(scene):
        del scene.server.objects[KEYS_PATH]
        await asyncio.sleep(200)
        assert scene.touched == [KEYS]
        assert str(await scene.problem(KEYS)) == "there is no Secret shop/keys"
        scene.server.put(KEYS_PATH, password=b"back")
        await asyncio.sleep(62)
        assert scene.touched == [KEYS, KEYS]
        assert await scene.secrets.read(KEYS) == {"password": "back"}


async def test_what_is_optional_may_appear_later(scene: Scene) -> None:
    """Nobody who is bound without it would ask again."""
    later = Ref("ConfigMap", "shop", "later")
    await scene.problem(later)
    scene.secrets.use(A, frozenset({later}))
    async with running(scene):
        await asyncio.sleep(100)
        assert scene.touched == []
        scene.server.put("/api/v1/namespaces/shop/configmaps/later", a="1")
        await asyncio.sleep(62)
    assert scene.touched == [later]


async def test_an_api_server_that_is_behind_or_away_has_no_news(scene: Scene) -> None:
    await scene.used(KEYS)
    scene.server.behind[KEYS_PATH] = {"metadata": {"resourceVersion": "9"}}
    kept = scene.server.objects[KEYS_PATH]
    async with running(scene):
        await asyncio.sleep(100)
        assert len(scene.server.whole) == 1
        scene.server.objects[KEYS_PATH] = ClusterError("the API server cannot be reached")
        await asyncio.sleep(100)
        await scene.secrets.doubt([KEYS])
        assert await scene.secrets.read(KEYS) == {"password": "pw"}
        scene.server.objects[KEYS_PATH] = kept
        await asyncio.sleep(100)
    assert scene.touched == []


async def test_rights_that_are_taken_away_are_told(scene: Scene) -> None:
    await scene.used(KEYS)
    async with running(scene):
        scene.server.objects[KEYS_PATH] = Forbidden("GET …")
        await asyncio.sleep(62)
        assert scene.touched == [KEYS]
        assert isinstance(await scene.problem(KEYS), Forbidden)


async def test_what_nobody_uses_is_not_looked_at_and_let_go(scene: Scene) -> None:
    await scene.used(KEYS, owner=A)
    await scene.used(KEYS, HOSTS, owner=B)
    async with running(scene):
        scene.secrets.use(B, frozenset({KEYS}))
        scene.secrets.forget(A)
        await asyncio.sleep(130)
        assert {path for _, path in scene.server.metadata} == {KEYS_PATH}, "B uses it still"
        scene.secrets.forget(B)
        scene.secrets.forget(B)
        scene.server.metadata.clear()
        await asyncio.sleep(130)
        assert scene.server.metadata == []
        assert scene.secrets._held == {}, "nothing stays of what was used once"
    await scene.secrets.read(KEYS)
    assert len(scene.server.whole) == 3, "it was read anew"


async def test_what_nobody_uses_is_good_for_a_minute(scene: Scene) -> None:
    await scene.secrets.read(KEYS)
    scene.server.put(KEYS_PATH, password=b"rotated")
    await asyncio.sleep(59)
    assert await scene.secrets.read(KEYS) == {"password": "pw"}
    await asyncio.sleep(2)
    assert await scene.secrets.read(KEYS) == {"password": "rotated"}


async def test_what_was_let_go_before_it_was_used_is_read_and_told(scene: Scene) -> None:
    """Nobody knows any more from which version the object was bound."""
    await scene.secrets.read(KEYS)
    async with running(scene):
        await asyncio.sleep(130)
        scene.secrets.use(A, frozenset({KEYS}))
        await asyncio.sleep(61)
    assert scene.touched == [KEYS]


async def test_what_is_behind_an_environment_is_in_use_with_it(scene: Scene) -> None:
    environment, other = Ref("Environment", "shop", "worker/"), Ref("Environment", "shop", "other/")
    for each, ref in ((environment, KEYS), (other, HOSTS)):
        await scene.secrets.behind(each)(ref)
    scene.secrets.use(A, frozenset({environment, Ref("Secret", "shop", ""), Ref("Deployment", "shop", "worker")}))
    async with running(scene):
        scene.server.put(KEYS_PATH, password=b"rotated")
        await asyncio.sleep(130)
        assert scene.touched == [KEYS]
        assert {path for _, path in scene.server.metadata} == {KEYS_PATH}, "nobody is bound from the other"
        scene.server.put(KEYS_PATH, password=b"again")
        await scene.secrets.doubt([environment])
        assert scene.touched == [KEYS, KEYS]
        await scene.secrets.behind(environment)(HOSTS)  # another template
        scene.secrets.use(A, frozenset({environment}))
        scene.server.metadata.clear()
        await asyncio.sleep(130)
        assert {path for _, path in scene.server.metadata} == {HOSTS_PATH}
        scene.secrets.forget(A)
        await asyncio.sleep(130)
        assert scene.secrets._held == {}
        assert scene.secrets._uses.named([environment]) == frozenset()


async def test_who_begins_to_lead_again_reads_anew(scene: Scene) -> None:
    async with running(scene):
        await scene.used(KEYS)
        await asyncio.sleep(70)
    scene.server.put(KEYS_PATH, password=b"rotated")
    await asyncio.sleep(3600)
    async with running(scene):
        assert await scene.secrets.read(KEYS) == {"password": "rotated"}


# ------------------------------------------------------------------------------------------------------------ doubting


async def test_a_doubt_looks_at_once(scene: Scene) -> None:
    await scene.used(KEYS, HOSTS)
    await asyncio.sleep(10)
    scene.server.put(KEYS_PATH, password=b"rotated")
    before = now()
    await scene.secrets.doubt([KEYS, HOSTS, Ref("Deployment", "shop", "worker"), Ref("Secret", "shop", "unknown")])
    assert now() - before < 0.5
    assert scene.touched == [KEYS]
    assert await scene.secrets.read(KEYS) == {"password": "rotated"}
    assert len(scene.server.whole) == 4
    assert scene.server.metadata == []


async def test_a_thousand_doubts_are_one_look_and_those_soon_after_one_more(scene: Scene) -> None:
    await scene.used(KEYS)
    await asyncio.sleep(10)
    await asyncio.gather(*(scene.secrets.doubt([KEYS]) for _ in range(1000)))
    assert len(scene.server.whole) == 2
    scene.server.put(KEYS_PATH, password=b"rotated")
    first = scene.server.whole[-1][0]
    await asyncio.gather(*(scene.secrets.doubt([KEYS]) for _ in range(1000)))
    assert [round(at - first, 3) for at, _ in scene.server.whole[2:]] == [5.0]
    assert scene.touched == [KEYS]


async def test_readers_do_not_wait_for_a_doubt(scene: Scene) -> None:
    await scene.used(KEYS)
    doubting = asyncio.ensure_future(scene.secrets.doubt([KEYS]))
    await asyncio.sleep(0.01)
    before = now()
    assert await scene.secrets.read(KEYS) == {"password": "pw"}
    assert now() == before
    await doubting


# ------------------------------------------------------------------------------------------------------------- secrecy


async def test_no_value_is_shown(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    scene.server.put(KEYS_PATH, password=b"hush")
    await scene.used(KEYS)
    shown: list[Any] = [scene.secrets, scene.secrets._held, scene.secrets._contents]
    scene.server.objects[HOSTS_PATH] = {"metadata": {}, "data": {"password": ["hush"]}}
    shown.append(await scene.problem(HOSTS))
    assert "hush" not in repr(shown)
    assert "hush" not in caplog.text


async def test_what_the_api_server_sent_is_not_shown() -> None:
    kept: list[Any] = []

    class Keeping(Server):
        async def get(self, path: str, as_: type[T], *, accept: str = "", **parameters: str) -> T:
            found = await super().get(path, as_, accept=accept, **parameters)
            kept.append(found)
            return found

    server = Keeping()
    server.put(KEYS_PATH, password=b"hush")
    server.put(HOSTS_PATH, password="hush")
    secrets = Secrets(server, lambda _: None)
    data: list[Mapping[str, str]] = [await secrets.read(KEYS), await secrets.read(HOSTS)]
    assert data == [{"password": "hush"}] * 2
    assert len(kept) == 2
    assert "hush" not in repr(kept)

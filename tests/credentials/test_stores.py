"""What stores gave, in virtual time: how often a room is asked, who hears of what, and what is kept when it fails."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from scaler.credentials.store import Fetched, Per, Room, Tools, Where
from scaler.credentials.stores import Stores
from scaler.errors import AnswerError, ClusterError, CredentialError, LoginError, NotFound, ScalerError, SourceError
from tests.credentials.tools import EPOCH, SHOP, tools

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

AT = "spec.vault"
SECRET = ("Secret", "key")


@dataclass(frozen=True)
class Block:
    path: str = "orders"


class Scene:
    """A room whose answers tests change: `asked` are its fetches, with when and where; `life` ends what it gives."""

    def __init__(self) -> None:
        self.values: Mapping[str, str] = {"password": "one"}
        self.life: float | None = None
        self.takes = 0.1
        self.problem: Exception | None = None
        self.reads = False
        self.asked: list[tuple[float, Where]] = []
        self.memories: list[dict[str, object]] = []
        self.data: dict[tuple[str, str], Mapping[str, str]] = {SECRET: {"login": "me"}}
        self.unreadable: ClusterError | None = None
        self.used: set[str] = set()
        self.touched: list[tuple[float, str]] = []
        self.room = Room(self.fetch)
        self.stores = Stores(self.tools, now)

    def tools(self, where: Where) -> Tools:
        made = tools(where, data=self.data, now=now)

        async def read(kind: str, name: str) -> Mapping[str, str]:
            if self.unreadable:
                raise self.unreadable
            return await made.read(kind, name)

        return replace(made, read=read)

    async def fetch(self, block: Block, at: str, given: Tools) -> Fetched:
        self.asked.append((elapsed(), given.where))
        self.memories.append(dict(given.memory))
        given.memory["login"] = len(self.asked)
        await asyncio.sleep(self.takes)
        if self.reads:
            await given.read(*SECRET)
        if self.problem:
            raise self.problem
        return Fetched(self.values, None if self.life is None else given.now() + self.life)

    async def get(
        self, block: Block = Block(), where: Where = SHOP, *, used: bool = True
    ) -> Mapping[str, str]:  # frozen
        """As an object is bound."""
        got = await self.stores.get(self.room, block, AT, where)
        if used:
            self.used.add(got.id)
        return got.values

    async def refused(self) -> str:
        with pytest.raises(CredentialError) as raised:
            await self.get()
        return str(raised.value)

    def times(self) -> list[int]:
        return [int(at) for at, _ in self.asked]


def elapsed() -> float:
    return asyncio.get_running_loop().time()


def now() -> float:
    return EPOCH + elapsed()


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    async def run() -> None:
        await scene.stores.run(lambda: scene.used, lambda name: scene.touched.append((elapsed(), name)))

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@pytest.fixture
def scene() -> Scene:
    return Scene()


# ------------------------------------------------------------------------------------------------------------- sharing


async def test_ten_thousand_objects_on_one_block_are_one_request_a_period(scene: Scene) -> None:
    async with running(scene):
        found = await asyncio.gather(*(scene.get() for _ in range(10_000)))
        assert found == [{"password": "one"}] * 10_000
        assert len(scene.asked) == 1
        await asyncio.sleep(900)
        await asyncio.gather(*(scene.get() for _ in range(10_000)))
        assert len(scene.asked) == 4, "every four to five minutes, whoever asks in between"


async def test_what_differs_is_fetched_by_itself(scene: Scene) -> None:
    for block, where in (
        (Block(), SHOP),
        (Block("other"), SHOP),
        (Block(), replace(SHOP, namespace="billing")),
        (Block(), replace(SHOP, home="billing")),
        (Block(), replace(SHOP, workload="other")),
    ):
        await scene.get(block, where)
    assert [where for _, where in scene.asked] == [Where("shop"), Where("shop"), Where("billing")]


@pytest.mark.parametrize(("per", "count"), [(Per.NAMESPACE, 1), (Per.HOME, 2), (Per.WORKLOAD, 3)])
async def test_a_room_says_what_else_matters(scene: Scene, per: Per, count: int) -> None:
    scene.room = Room(scene.fetch, lambda _: per)
    for where in (SHOP, replace(SHOP, home="billing"), replace(SHOP, workload="other")):
        await scene.get(where=where)
    assert len(scene.asked) == count


# ------------------------------------------------------------------------------------------------------------ rotation


async def test_other_values_are_told_and_equal_ones_are_not(scene: Scene) -> None:
    async with running(scene):
        await scene.get()
        await asyncio.sleep(1000)
        assert scene.touched == []
        scene.values = {"password": "two"}
        await asyncio.sleep(301)
        [(_, name)] = scene.touched
        assert {name} == scene.used
        assert await scene.get() == {"password": "two"}
        assert len(scene.touched) == 1


async def test_what_ends_is_fetched_anew_before(scene: Scene) -> None:
    scene.life = 48.0
    async with running(scene):
        await scene.get()
        await asyncio.sleep(160)
    assert scene.times() == [0, 49, 98, 147] or scene.times() == [0, 48, 97, 146]


async def test_an_end_in_the_past_is_no_hurry(scene: Scene) -> None:
    scene.life = -5.0
    async with running(scene):
        await scene.get()
        await asyncio.sleep(60)
    assert len(scene.asked) <= 7


async def test_what_lasts_is_let_go_as_well(scene: Scene) -> None:
    scene.life = 6 * 3600
    async with running(scene):
        await scene.get(used=False)
        await scene.get(Block("used"))
        await asyncio.sleep(700)
        await scene.get(used=False)
        await scene.get(Block("used"))
    assert len(scene.asked) == 3


async def test_one_namespaces_tarpit_delays_nobody_else(scene: Scene) -> None:
    """Before what the others have ends, where each of his fetches takes as long as it may."""
    scene.life = 60.0
    fetch = scene.fetch

    async def slow(block: Block, at: str, given: Tools) -> Fetched:
        if given.where.namespace == "tarpit" and elapsed() > 30:
            scene.asked.append((elapsed(), given.where))
            await asyncio.sleep(3600)
        return await fetch(block, at, given)

    scene.room = Room(slow)
    async with running(scene):
        await asyncio.gather(*(scene.get(Block(str(i)), replace(SHOP, namespace="tarpit")) for i in range(200)))
        await asyncio.sleep(1)
        await scene.get()
        await asyncio.sleep(190)
        assert [int(at) for at, where in scene.asked if where.namespace == "shop"] in (
            [1, 62, 123, 184],
            [1, 61, 122, 183],
        )
        tarpit = [at for at, where in scene.asked if where.namespace == "tarpit" and at > 30]
        assert len([at for at in tarpit if at < 75]) == 4


async def test_what_waits_for_its_turn_is_not_taken_for_new(scene: Scene) -> None:
    """Its values end: who is bound meanwhile must get others."""
    scene.life = 60.0
    async with running(scene):
        await asyncio.gather(*(scene.get(Block(str(i))) for i in range(10)))
        scene.takes = 15
        await asyncio.sleep(64)
        before = len(scene.asked)
        got = asyncio.create_task(scene.get(Block("9")))
        await asyncio.sleep(1)
        assert len(scene.asked) == before + 1
        await got
        await asyncio.sleep(45)
        assert len(scene.asked) == before + 6, "nobody is fetched twice"


async def test_what_nobody_is_bound_from_is_let_go(scene: Scene) -> None:
    async with running(scene):
        await scene.get(used=False)
        await asyncio.sleep(3600)
        assert len(scene.asked) == 1
        await scene.get()
        assert len(scene.asked) == 2


async def test_a_secret_behind_a_block_that_changes(scene: Scene) -> None:
    """The object is bound anew when a Secret is touched: it must not get what the old one gave."""
    scene.reads = True
    async with running(scene):
        got = await scene.stores.get(scene.room, Block(), AT, SHOP)
        assert got.read == {SECRET}
        await scene.get()
        assert len(scene.asked) == 1
        scene.data[SECRET] = {"login": "somebody"}
        scene.values = {"password": "theirs"}
        assert await scene.get() == {"password": "theirs"}
        assert [name for _, name in scene.touched] == [got.id], "others who are bound from it hear of it"
        scene.unreadable = ClusterError("away")
        assert await scene.get() == {"password": "theirs"}
        assert len(scene.asked) == 2


# ------------------------------------------------------------------------------------------------------------- failing


@pytest.mark.parametrize("error", [SourceError("it did not answer in 5 s"), ClusterError("away"), TimeoutError()])
async def test_who_cannot_be_reached_takes_nothing_away(scene: Scene, error: Exception) -> None:
    async with running(scene):
        await scene.get()
        scene.problem = error
        await asyncio.sleep(700)
        assert scene.touched == []
        assert await scene.get() == {"password": "one"}
        assert 5 < len(scene.asked) < 15, "it is tried again, less and less often"
        scene.problem, scene.values = None, {"password": "two"}
        await asyncio.sleep(61)
        assert len(scene.touched) == 1


@pytest.mark.parametrize(
    "error", [LoginError("HTTP 403"), AnswerError("HTTP 404"), NotFound("gone"), CredentialError(f"{AT}.secrets[0]: x")]
)
async def test_who_refuses_is_heard(scene: Scene, error: ScalerError) -> None:
    async with running(scene):
        await scene.get()
        scene.problem = error
        await asyncio.sleep(301)
        assert len(scene.touched) == 1
        assert await scene.refused() in (f"{AT}: {error}", f"{AT}.secrets[0]: x")
        assert len(scene.touched) == 1, "once"
        scene.problem = None
        await asyncio.sleep(61)
        assert len(scene.touched) == 2, "and that it gives again, what it gave"


async def test_all_who_wait_hear_one_refusal(scene: Scene) -> None:
    scene.problem = SourceError("https://vault.test cannot be reached")
    found = await asyncio.gather(*(scene.refused() for _ in range(1000)))
    assert set(found) == {f"{AT}: https://vault.test cannot be reached"}
    assert len(scene.asked) == 1
    await asyncio.sleep(5)
    scene.problem = None
    assert await scene.get() == {"password": "one"}


async def test_a_fetch_without_an_end_is_ended(scene: Scene) -> None:
    scene.takes = 3600
    assert await scene.refused() == f"{AT}: was not fetched in 20 s"


async def test_who_is_bound_while_a_fetch_hangs_gets_what_is_there(scene: Scene) -> None:
    async with running(scene):
        await scene.get()
        scene.takes = 3600
        await asyncio.sleep(310)
        async with asyncio.timeout(0.1):
            assert await scene.get() == {"password": "one"}


async def test_a_rooms_bug_ends_nobody_elses_fetches(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.values = {"password": "swordfish"}
    async with running(scene):
        await scene.get()
        scene.problem = ZeroDivisionError("a bug")
        await asyncio.sleep(301)
        assert await scene.get() == {"password": "swordfish"}
        scene.problem, scene.values = None, {"password": "two"}
        await asyncio.sleep(61)
        assert len(scene.touched) == 1
    assert "cannot be fetched" in caplog.text
    assert "swordfish" not in caplog.text


async def test_a_failure_is_logged_when_it_begins_and_when_it_ends(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with running(scene):
        await scene.get()
        scene.problem = SourceError("https://vault.test cannot be reached")
        await asyncio.sleep(900)
        scene.problem = None
        await asyncio.sleep(120)
    assert [record.levelname for record in caplog.records if record.name == "scaler.credentials.stores"] == [
        "WARNING",
        "INFO",
    ]


# --------------------------------------------------------------------------------------------------------------- doubt


async def test_a_doubt_begins_with_a_new_login(scene: Scene) -> None:
    async with running(scene):
        await scene.get()
        scene.values = {"password": "two"}
        await scene.stores.doubt(scene.used)
        assert len(scene.asked) == 1, "what is new by itself is not doubted"
        await asyncio.sleep(20)
        await scene.stores.doubt({"another"})
        assert len(scene.asked) == 1
        await scene.stores.doubt(scene.used)
        assert (len(scene.asked), scene.memories[-1]) == (2, {})
        assert [name for _, name in scene.touched] == list(scene.used)


async def test_a_doubt_that_did_not_help_is_not_soon_repeated(scene: Scene) -> None:
    """Each makes a login and a lease: a source that refuses for a reason of its own would make one every poll."""
    async with running(scene):
        await scene.get()
        await asyncio.sleep(200)
        for _ in range(200):
            await scene.stores.doubt(scene.used)
            await asyncio.sleep(10)
        doubted = [int(at) for (at, _), memory in zip(scene.asked, scene.memories, strict=True) if not memory][1:]
        assert doubted[:7] == [200, 220, 260, 340, 500, 800, 1100]
        await asyncio.sleep(400)
        await scene.stores.doubt(scene.used)
        assert scene.memories[-1] == {}, "it helped in between: at once again"


async def test_a_room_remembers_from_fetch_to_fetch(scene: Scene) -> None:
    scene.life = 30.0
    async with running(scene):
        await scene.get()
        await asyncio.sleep(70)
    assert scene.memories == [{}, {"login": 1}, {"login": 2}]


async def test_nothing_is_held_when_the_term_is_over(scene: Scene) -> None:
    async with running(scene):
        await scene.get()
    await scene.get()
    assert len(scene.asked) == 2


async def test_no_value_is_shown(scene: Scene) -> None:
    assert "hush" not in repr(Fetched({"password": "hush"}))
    assert "hush" not in repr(tools(environment={"VAULT_TOKEN": "hush"}, memory={"login": "hush"}))

"""The second lane: at what rate, in what order, what of it is left out, and what becomes of what fails. In virtual
time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from scaler.errors import Busy, ClusterError, Conflict, Forbidden, Invalid, NotFound, NotLeading
from scaler.kubernetes.books import AGAIN, AT_ONCE, MOST_ERRANDS, SPACE, Books
from scaler.manifests.watched import Ref

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

Json = dict[str, Any]
QUIET: Json = {"triggersActivity": {"s0-a": {"isActive": True}}}
AWAY = ClusterError("the API server cannot be reached")


def ref(name: str) -> Ref:
    return Ref("ScaledObject", "shop", name)


class Scene:
    """`written` is what reached the server, and when. What is in `failures` is raised, one for each write."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.written: list[tuple[float, str, Any]] = []
        self.failures: list[Exception] = []
        self.takes = 0.0
        self.at_once = self.most = 0

    def status(self, name: str, patch: Json) -> None:
        self.books.status(ref(name), patch, lambda latest: self._write(name, latest))

    def errand(self, name: str) -> None:
        self.books.errand(self._errand(name))

    def _errand(self, name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self._write(name, None)

        return run

    async def _write(self, name: str, what: Any) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        failure = self.failures.pop(0) if self.failures else None
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.at_once -= 1
        if failure:
            raise failure
        self.written.append((asyncio.get_running_loop().time(), name, what))

    @property
    def names(self) -> list[str]:
        return [name for _, name, _ in self.written]

    @property
    def patches(self) -> list[Any]:
        return [what for _, _, what in self.written]


@asynccontextmanager
async def keeping(rate: float = 50.0) -> AsyncIterator[Scene]:
    books = Books(rate)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(books.run())
        await asyncio.sleep(0)
        yield Scene(books)
        running.cancel()


# ----------------------------------------------------------------------------------------------------- rate and order


async def test_no_more_than_the_rate() -> None:
    async with keeping(rate=10) as scene:
        for number in range(100):
            scene.status(f"o{number}", {"hpaName": "x"})
        assert len(scene.books) == 100
        await asyncio.sleep(5.05)
        assert len(scene.written) == 51
        await asyncio.sleep(5)
        assert (len(scene.written), len(scene.books)) == (100, 0)


async def test_no_more_than_a_few_at_once() -> None:
    async with keeping(rate=1000) as scene:
        scene.takes = 1.0
        for number in range(20):
            scene.errand(f"e{number}")
        await asyncio.sleep(10)
        assert (scene.most, len(scene.written)) == (AT_ONCE, 20)


async def test_errands_in_their_order_and_statuses_in_turn() -> None:
    async with keeping() as scene:
        for number in range(3):
            scene.errand(f"e{number}")
        for number in range(3):
            scene.status(f"o{number}", {"hpaName": "x"})
        await asyncio.sleep(1)
        assert [name for name in scene.names if name[0] == "e"] == ["e0", "e1", "e2"]
        assert scene.names == ["e0", "o0", "e1", "o1", "e2", "o2"]


async def test_what_comes_later_is_written_at_once_when_nothing_waits() -> None:
    async with keeping() as scene:
        await asyncio.sleep(100)
        scene.status("a", {"hpaName": "x"})
        scene.errand("e")
        await asyncio.sleep(0.1)
        assert [round(at) for at, _, _ in scene.written] == [100, 100]


async def test_errands_are_bounded_and_the_oldest_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async with keeping(rate=1) as scene:
        for number in range(MOST_ERRANDS + 2):
            scene.errand(f"e{number}")
        assert len(scene.books) == MOST_ERRANDS
        await asyncio.sleep(0.5)
        assert scene.names == ["e2"]
    assert [record.getMessage() for record in caplog.records] == [
        "something could not be written down: more is to be written down than the API server takes: "
        "the oldest is given up"
    ]


# ------------------------------------------------------------------------------------------------- of each the latest


async def test_of_each_object_only_the_latest_status_is_written() -> None:
    async with keeping(rate=1) as scene:
        scene.status("first", {"hpaName": "x"})
        await asyncio.sleep(0.5)
        for number in range(5):
            scene.status("a", {"hpaName": str(number)})
        await asyncio.sleep(5)
        assert [(name, what) for _, name, what in scene.written] == [
            ("first", {"hpaName": "x"}),
            ("a", {"hpaName": "4"}),
        ]


async def test_an_empty_patch_withdraws_what_waits() -> None:
    async with keeping(rate=1) as scene:
        scene.status("first", {"hpaName": "x"})
        await asyncio.sleep(0.5)
        scene.status("a", {"hpaName": "x"})
        scene.status("a", {})
        scene.status("b", {})
        await asyncio.sleep(5)
        assert (scene.names, len(scene.books)) == (["first"], 0)


async def test_of_an_object_that_is_gone_nothing_is_written() -> None:
    async with keeping() as scene:
        scene.status("a", {"hpaName": "x"})
        scene.books.forget(ref("a"))
        await asyncio.sleep(5)
        assert scene.written == []


async def test_two_of_one_object_are_never_under_way_at_once() -> None:
    async with keeping() as scene:
        scene.takes = 3.0
        scene.status("a", {"hpaName": "1"})
        await asyncio.sleep(1)
        scene.status("a", {"hpaName": "2"})
        scene.status("b", {"hpaName": "3"})
        await asyncio.sleep(10)
        assert [(round(at), name) for at, name, _ in scene.written] == [(3, "a"), (4, "b"), (6, "a")]
        assert scene.patches[-1] == {"hpaName": "2"}


# --------------------------------------------------------------------------------------------------------- quiet ones


async def test_activity_alone_is_written_every_few_seconds() -> None:
    async with keeping() as scene:
        for number in range(120):
            scene.status("a", {"triggersActivity": {"s0-a": {"isActive": number % 2 == 0}}})
            await asyncio.sleep(0.1)
        times = [at for at, _, _ in scene.written]
        assert [round(at) for at in times] == [0, SPACE, 2 * SPACE]


async def test_activity_with_something_else_is_not_held_back() -> None:
    async with keeping() as scene:
        scene.status("a", QUIET)
        await asyncio.sleep(1)
        scene.status("a", {**QUIET, "lastActiveTime": "now"})
        await asyncio.sleep(1)
        assert [round(at) for at, _, _ in scene.written] == [0, 1]


async def test_what_must_wait_lets_others_pass() -> None:
    async with keeping() as scene:
        scene.status("a", QUIET)
        await asyncio.sleep(1)
        scene.status("a", QUIET)
        scene.status("b", QUIET)
        scene.errand("e")
        await asyncio.sleep(10)
        assert [(round(at), name) for at, name, _ in scene.written] == [(0, "a"), (1, "b"), (1, "e"), (5, "a")]


async def test_a_forgotten_object_begins_anew() -> None:
    async with keeping() as scene:
        scene.status("a", QUIET)
        await asyncio.sleep(1)
        scene.books.forget(ref("a"))
        scene.status("a", QUIET)
        await asyncio.sleep(1)
        assert [round(at) for at, _, _ in scene.written] == [0, 1]


# ----------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("failure", [AWAY, Busy("not now")])
async def test_a_status_is_tried_again_until_the_server_is_back(
    failure: ClusterError, caplog: pytest.LogCaptureFixture
) -> None:
    async with keeping() as scene:
        scene.failures = [failure] * 3
        scene.status("a", {"hpaName": "x"})
        await asyncio.sleep(60)
        assert [(round(at), name) for at, name, _ in scene.written] == [(3 * AGAIN, "a")]
    assert [record.getMessage() for record in caplog.records] == [f"something could not be written down: {failure}"]


@pytest.mark.parametrize("failure", [NotFound("gone"), NotLeading("lost"), Conflict("c"), Invalid("i"), Forbidden("f")])
async def test_what_no_repetition_helps_is_given_up(failure: ClusterError, caplog: pytest.LogCaptureFixture) -> None:
    async with keeping() as scene:
        scene.failures = [failure]
        scene.status("a", {"hpaName": "x"})
        scene.status("b", {"hpaName": "x"})
        await asyncio.sleep(60)
        assert (scene.names, len(scene.books)) == (["b"], 0)
    assert (str(failure) in caplog.text) is not isinstance(failure, NotFound | NotLeading)


async def test_an_errand_that_fails_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async with keeping() as scene:
        scene.failures = [AWAY, AWAY]
        for name in ("e0", "e1", "e2"):
            scene.errand(name)
        await asyncio.sleep(60)
        assert scene.names == ["e2"]
    assert len(caplog.records) == 1


async def test_a_new_failure_after_a_success_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    async with keeping() as scene:
        scene.failures = [AWAY]
        for name in ("e0", "e1"):
            scene.errand(name)
        await asyncio.sleep(1)
        scene.failures = [AWAY]
        scene.errand("e2")
        await asyncio.sleep(1)
    assert len(caplog.records) == 2


LATER: list[tuple[str, Callable[[Scene], None], list[Any]]] = [
    ("a newer one", lambda scene: scene.status("a", {"hpaName": "new"}), [{"hpaName": "new"}]),
    ("nothing any more", lambda scene: scene.status("a", {}), []),
    ("gone", lambda scene: scene.books.forget(ref("a")), []),
]


@pytest.mark.parametrize(("then", "expected"), [one[1:] for one in LATER], ids=[one[0] for one in LATER])
async def test_what_fails_under_way_never_overwrites_what_came_later(
    then: Callable[[Scene], None], expected: list[Any]
) -> None:
    async with keeping() as scene:
        scene.takes, scene.failures = 3.0, [AWAY]
        scene.status("a", {"hpaName": "old"})
        await asyncio.sleep(1)
        then(scene)
        await asyncio.sleep(60)
        assert (scene.patches, len(scene.books)) == (expected, 0)


async def test_what_waits_for_its_second_attempt_gives_way_to_what_comes() -> None:
    async with keeping() as scene:
        scene.failures = [AWAY]
        scene.status("a", {"hpaName": "old"})
        await asyncio.sleep(1)
        scene.status("a", {"hpaName": "new"})
        await asyncio.sleep(60)
        assert [(round(at), what) for at, _, what in scene.written] == [(1, {"hpaName": "new"})]


# ------------------------------------------------------------------------------------------------------- leading anew


async def test_what_waited_when_the_lead_was_lost_is_never_written() -> None:
    books = Books(rate=1)
    scene = Scene(books)
    scene.takes = 0.5
    for _ in range(2):
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(books.run())
            await asyncio.sleep(0)
            for name in ("a", "b"):
                scene.status(name, {"hpaName": "x"})
            for name in ("e0", "e1", "e2"):
                scene.errand(name)
            await asyncio.sleep(0.1)
            running.cancel()
    assert len(books) == 4
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(books.run())
        await asyncio.sleep(0)
        scene.status("a", QUIET)
        await asyncio.sleep(10)
        running.cancel()
    assert scene.patches == [QUIET]

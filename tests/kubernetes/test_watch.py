"""A cache kept current, whatever happens to the watch: in virtual time, over a scripted API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from scaler.errors import Busy, ClusterError, Expired, Forbidden, Invalid, NotFound
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.watch import FIRST_REST, LONGEST_REST, PER_PASS, SLOW_REST, Watch
from tests.kubernetes.scene import NAMESPACE, custom
from tests.kubernetes.script import Script, Turn, bookmark, line

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

PATH = "/apis/keda.sh/v1alpha1/scaledobjects"
UNREACHABLE = ClusterError("the API server cannot be reached")
FOREVER = float("inf")
EMPTY: list[bytes | float | Exception] = [bookmark(10, last=True)]


def added(name: str, version: int, **more: Any) -> bytes:
    return line("ADDED", custom(name, version=version, **more))


class Watching:
    def __init__(self, api: Script, watch: Watch[Custom], cache: Cache[Custom]) -> None:
        self.api, self.watch, self.cache = api, watch, cache

    @property
    def known(self) -> dict[str, str]:
        return {found.metadata.name: found.metadata.resource_version for found in self.cache.values()}


@asynccontextmanager
async def watching(*turns: Turn, **more: Any) -> AsyncIterator[Watching]:
    api, cache = Script(*turns), more.pop("cache", None) or Cache[Custom]()
    api.answers["GET", PATH] = more.pop("pages", [])
    watch = Watch(api, PATH, cache, Custom, **more)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watch.run())
        await asyncio.sleep(0.01)
        yield Watching(api, watch, cache)
        running.cancel()


# ------------------------------------------------------------------------------------------------------------ listing


async def test_a_streaming_list_then_a_watch_from_where_it_ended() -> None:
    async with watching([added("a", 3), added("b", 5), bookmark(9), bookmark(10, last=True)], [FOREVER]) as now:
        assert now.known == {"a": "3", "b": "5"}
        assert now.watch.synced.is_set()
        [(_, first), (_, second)] = now.api.asked
        assert first == {
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "60",
        }
        assert 300 <= int(second.pop("timeoutSeconds")) <= 600
        assert second == {"resourceVersion": "10", "allowWatchBookmarks": "true"}


async def test_nothing_is_synced_before_the_list_is_whole() -> None:
    async with watching([added("a", 3), 5.0, bookmark(10, last=True)], [FOREVER]) as now:
        assert (now.known, now.watch.synced.is_set()) == ({"a": "3"}, False)
        await asyncio.sleep(5)
        assert now.watch.synced.is_set()


async def test_a_list_that_breaks_off_drops_nothing_and_is_made_again(caplog: pytest.LogCaptureFixture) -> None:
    async with watching(EMPTY, [added("a", 11), Expired("too old")], [added("b", 12)], EMPTY, [FOREVER]) as now:
        assert (now.known, now.api.versions) == ({"a": "11", "b": "12"}, ["", "10", ""])
        assert "the list ended before it was whole" in caplog.text
        await asyncio.sleep(1)
        assert now.known == {"a": "11", "b": "12"}  # newer than the list
        assert now.api.versions == ["", "10", "", "", "10"]


@pytest.mark.parametrize("refusal", [Invalid("sendInitialEvents is forbidden")])
async def test_a_server_that_knows_no_streaming_list_gives_pages(refusal: ClusterError) -> None:
    pages: list[Any] = [
        {"metadata": {"resourceVersion": "20", "continue": "more"}, "items": [custom("a", version=3)]},
        {"metadata": {"resourceVersion": "20"}, "items": [custom("b", version=5)]},
    ]
    async with watching(refusal, [FOREVER], pages=pages, parameters={"labelSelector": "team=a"}) as now:
        assert (now.known, now.api.versions, now.watch.synced.is_set()) == ({"a": "3", "b": "5"}, ["", "20"], True)
        assert [request.parameters for request in now.api.requests] == [
            {"limit": "500", "labelSelector": "team=a"},
            {"limit": "500", "labelSelector": "team=a", "continue": "more"},
        ]
        assert all(parameters["labelSelector"] == "team=a" for _, parameters in now.api.asked)


async def test_a_list_without_items_is_empty() -> None:
    async with watching(Invalid("no"), pages=[{"metadata": {"resourceVersion": "20"}, "items": None}]) as now:
        assert (now.known, now.watch.synced.is_set()) == ({}, True)


async def test_a_page_that_came_too_late_begins_the_list_anew_the_second_time_after_a_rest() -> None:
    first = {"metadata": {"resourceVersion": "20", "continue": "more"}, "items": [custom("a", version=3)]}
    whole = {"metadata": {"resourceVersion": "22"}, "items": [custom("a", version=3)]}
    pages: list[Any] = [first, Expired("the token is too old"), first, Expired("the token is too old"), whole]
    async with watching(*[Invalid("no")] * 3, [FOREVER], pages=pages) as now:
        assert not now.watch.synced.is_set()
        await asyncio.sleep(1)
        assert (now.api.versions, now.known) == (["", "", "", "22"], {"a": "3"})
        assert now.api.pauses[0] == 0
        assert FIRST_REST / 2 <= now.api.pauses[1] <= FIRST_REST


async def test_what_went_while_nobody_watched_is_missing_in_the_next_list() -> None:
    again: list[bytes | float | Exception] = [added("b", 5), bookmark(30, last=True)]
    async with watching([added("a", 3), added("b", 5), *EMPTY], [Expired("too old")], again) as now:
        assert now.known == {"b": "5"}
        assert now.api.pauses == [0, 0, 0]  # at once: there was nothing wrong with the server


async def test_a_watch_of_one_namespace_leaves_the_others_alone() -> None:
    cache = Cache[Custom]()
    cache.put(custom("theirs", version=2, namespace="else"))
    cache.put(custom("gone", version=3))
    async with watching(EMPTY, [FOREVER], namespace=NAMESPACE, cache=cache) as now:
        assert now.known == {"theirs": "2"}


# ----------------------------------------------------------------------------------------------------------- watching


async def test_changes_are_followed() -> None:
    changes: list[bytes | float | Exception] = [
        added("b", 11),
        line("MODIFIED", custom("a", version=12)),
        line("DELETED", custom("b", version=13)),
        FOREVER,
    ]
    async with watching([added("a", 3), *EMPTY], changes) as now:
        assert now.known == {"a": "12"}


async def test_a_watch_that_ends_goes_on_from_the_version_it_reached() -> None:
    async with watching(EMPTY, [added("a", 11), bookmark(15)], [line("DELETED", custom("a", version=18))]) as now:
        assert now.api.versions == ["", "10", "15", "18"]
        assert now.api.pauses == [0, 0, 0]


@pytest.mark.parametrize("ending", [ClusterError("broken"), b'{"type":"ADDED","obj', b"oops", b'{"type":"\xff'])
async def test_a_watch_that_breaks_off_goes_on_from_the_version_it_reached(ending: Exception | bytes) -> None:
    async with watching(EMPTY, [added("a", 11), ending], [FOREVER]) as now:
        assert now.api.versions == ["", "10", "11"]
        assert now.known == {"a": "11"}


async def test_a_watch_that_lasted_is_begun_again_at_once_though_it_brought_nothing() -> None:
    async with watching(EMPTY, [400.0], [400.0, ClusterError("broken")], [FOREVER]) as now:
        await asyncio.sleep(1000)
        assert now.api.pauses == [0, 400, 400]


@pytest.mark.parametrize("turn", [UNREACHABLE, [], [UNREACHABLE], [b"oops"]], ids=["refused", "closed", "cut", "odd"])
async def test_rests_grow_while_it_fails_and_are_short_again_afterwards(turn: Any) -> None:
    async with watching(EMPTY, *[turn] * 9, [5.0, added("a", 11)], turn, [FOREVER]) as now:
        await asyncio.sleep(1000)
        bounds = [min(FIRST_REST * 2**n, LONGEST_REST) for n in range(9)]
        rests = now.api.pauses[1:10]
        assert all(bound / 2 <= rest <= bound for rest, bound in zip(rests, bounds, strict=True))
        assert len(set(rests)) == 9  # by chance
        assert now.api.pauses[10] == 5
        assert FIRST_REST / 2 <= now.api.pauses[11] <= FIRST_REST
        assert now.api.versions == ["", *["10"] * 10, "11", "11"]


async def test_a_busy_server_is_given_the_time_it_asks_for() -> None:
    async with watching(Busy("too many requests", retry_after=7), EMPTY, [FOREVER]) as now:
        await asyncio.sleep(60)
        assert now.api.pauses == [7, 0]


@pytest.mark.parametrize("refusal", [Expired("too old"), Invalid("no such version")])
async def test_a_version_that_is_not_accepted_leads_to_a_new_list(refusal: ClusterError) -> None:
    async with watching(EMPTY, [400.0, refusal], EMPTY, [FOREVER]) as now:
        await asyncio.sleep(500)
        assert now.api.versions == ["", "10", "", "10"]


async def test_a_version_that_is_never_accepted_does_not_keep_the_server_busy_with_lists() -> None:
    turns: list[Turn] = [EMPTY, Expired("too old")]
    async with watching(*turns * 50) as now:
        await asyncio.sleep(30)
        assert len(now.api.asked) < 20


@pytest.mark.parametrize(
    ("code", "versions"), [(410, ["", "10", ""]), (500, ["", "10", "10"]), ("odd", ["", "10", "10"])]
)
async def test_the_server_s_own_complaint(code: Any, versions: list[str], caplog: pytest.LogCaptureFixture) -> None:
    async with watching(EMPTY, [line("ERROR", {"code": code, "message": "as it is"})], EMPTY) as now:
        await asyncio.sleep(1)
        assert now.api.versions[:3] == versions
        assert ("as it is" in caplog.text) is (code == 500)


# -------------------------------------------------------------------------------------------------- what is not there


@pytest.mark.parametrize("refusal", [NotFound("no such kind"), Forbidden("not yours to list")])
async def test_what_must_be_there_is_waited_for(refusal: ClusterError, caplog: pytest.LogCaptureFixture) -> None:
    async with watching(*[refusal] * 7, EMPTY, [FOREVER]) as now:
        assert (now.watch.synced.is_set(), str(refusal) in caplog.text) == (False, True)
        await asyncio.sleep(100)
        assert now.watch.synced.is_set()
        bounds = [min(FIRST_REST * 2**n, SLOW_REST) for n in range(7)]
        assert all(bound / 2 <= rest <= bound for rest, bound in zip(now.api.pauses[:7], bounds, strict=True))
        assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


@pytest.mark.parametrize(("refusal", "said"), [(NotFound("no such kind"), False), (Forbidden("not yours"), True)])
async def test_what_need_not_be_there_counts_as_listed(
    refusal: ClusterError, said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(refusal, [added("a", 3), *EMPTY], [FOREVER], optional=True) as now:
        assert (now.watch.synced.is_set(), str(refusal) in caplog.text) == (True, said)
        await asyncio.sleep(16)
        assert now.known == {"a": "3"}


async def test_what_was_there_of_it_stays_while_a_server_does_not_know_it_yet() -> None:
    async with watching([added("a", 3), *EMPTY], NotFound("starting"), EMPTY, [FOREVER], optional=True) as now:
        assert now.known == {"a": "3"}
        await asyncio.sleep(16)
        assert now.known == {}


async def test_a_failure_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="scaler")
    async with watching(EMPTY, UNREACHABLE, UNREACHABLE, UNREACHABLE, [FOREVER]):
        await asyncio.sleep(60)
    assert [one.getMessage() for one in caplog.records] == [
        f"{PATH} is not watched: the API server cannot be reached",
        f"{PATH} is watched again",
    ]


# ----------------------------------------------------------------------------------------------------- broken objects

BROKEN = {"metadata": {"name": "a", "namespace": NAMESPACE, "resourceVersion": "12"}, "spec": "oops"}
ODD = {"metadata": "oops"}


@pytest.mark.parametrize("found", [BROKEN, ODD, "oops"])
async def test_an_object_that_cannot_be_understood_stops_no_other(found: Any, caplog: pytest.LogCaptureFixture) -> None:
    listed: list[bytes | float | Exception] = [line("ADDED", found), added("b", 3), *EMPTY]
    async with watching(listed, [line("MODIFIED", found), added("c", 14), FOREVER]) as now:
        assert now.known == {"b": "3", "c": "14"}
        assert caplog.text.count("cannot be understood") == 2


def nested(type_: str, name: str, version: int, depth: int = 5000) -> bytes:
    """An event of a ScaledJob, in whose template anything may stand."""
    deep = b'{"a\\"[":[' * depth + b"]}" * depth
    return line(type_, custom(name, version=version, spec={"template": 0})).replace(
        b'"template":0', b'"template":' + deep
    )


async def test_nor_does_one_that_is_nested_so_deeply_that_it_means_harm(caplog: pytest.LogCaptureFixture) -> None:
    listed: list[bytes | float | Exception] = [nested("ADDED", "bad", 2), added("a", 3), added("b", 4), *EMPTY]
    later: list[bytes | float | Exception] = [
        nested("MODIFIED", "a", 12),
        nested("DELETED", "b", 13),
        added("c", 14),
        FOREVER,
    ]
    async with watching(listed, later) as now:
        assert now.known == {"a": "3", "c": "14"}
        assert caplog.text.count("cannot be understood") == 2


async def test_of_those_that_are_listed_the_next_list_has_it_still() -> None:
    again: list[bytes | float | Exception] = [nested("ADDED", "a", 12), bookmark(30, last=True)]
    async with watching([added("a", 3), *EMPTY], [Expired("too old")], again, [FOREVER]) as now:
        assert now.known == {"a": "3"}


async def test_one_without_a_version_is_no_reason_to_list_again() -> None:
    async with watching(EMPTY, [added("a", 11), line("MODIFIED", ODD)], [FOREVER]) as now:
        assert now.api.versions == ["", "10", "11"]


async def test_it_is_left_as_it_was_known_and_may_go() -> None:
    broken = line("MODIFIED", BROKEN)
    async with watching([added("a", 3), *EMPTY], [broken, Expired("old")], [broken, *EMPTY], [5.0, _gone()]) as now:
        assert now.known == {"a": "3"}
        await asyncio.sleep(6)
        assert now.known == {}


def _gone() -> bytes:
    return line("DELETED", {**BROKEN, "metadata": {**BROKEN["metadata"], "uid": "uid-a", "resourceVersion": "20"}})  # type: ignore[dict-item]


async def test_thousands_of_events_let_others_have_their_turn() -> None:
    many: list[bytes | float | Exception] = [added(f"o{n}", n) for n in range(1, 5 * PER_PASS)]
    api, cache = Script([*many, bookmark(2000, last=True)]), Cache[Custom]()
    seen: set[int] = set()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Watch(api, PATH, cache, Custom).run())
        for _ in range(20):
            await asyncio.sleep(0)
            seen.add(len(cache))
        running.cancel()
    assert {PER_PASS, 2 * PER_PASS, len(many)} <= seen

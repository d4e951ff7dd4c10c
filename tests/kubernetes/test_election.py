"""Who leads: never two at once, soon somebody else, and nobody who has lost the Lease goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scaler.errors import ClusterError, NotLeading
from scaler.kubernetes.api import Request
from scaler.kubernetes.lease import Terms
from tests.kubernetes.election import PATH, candidate, holder, keep, now, running, spec
from tests.kubernetes.fake_api import FakeApi, hanging, unreachable

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SHORT = Terms(2.5, 1.5, 0.3)


# ----------------------------------------------------------------------------------------------------------- candidates


async def test_the_first_leads_at_once_and_writes_it_down() -> None:
    api = FakeApi()
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(0.1)
        assert spec(api) == {
            "holderIdentity": "a",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 0,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
        }
        assert one.claim.remaining() == pytest.approx(15, abs=0.2)


async def test_of_two_only_one_leads() -> None:
    api = FakeApi()
    first, second = candidate(api, "a"), candidate(api.beside(), "b")
    async with running(first, second):
        await asyncio.sleep(120)
        leading = [one for one in (first, second) if one.claim.held]
        assert len(leading) == 1
        assert not first.lost + second.lost
        assert spec(api)["leaseTransitions"] == 0


async def test_the_leader_renews_each_retry_period_and_writes_nothing_else() -> None:
    api = FakeApi()
    async with running(candidate(api, "a")):
        await asyncio.sleep(120)
    assert 120 / 2.4 <= len(api.writes) <= 120 / 2 + 2
    assert {request.path for request in api.writes[1:]} == {PATH}


async def test_the_next_leads_at_once_when_the_leader_stops() -> None:
    api = FakeApi()
    first, second = candidate(api, "a"), candidate(api.beside(), "b")
    async with running(first, second) as tasks:
        await asyncio.sleep(30)
        leader, other = (first, second) if first.claim.held else (second, first)
        tasks[[first, second].index(leader)].cancel()
        await asyncio.sleep(0.2)
        assert other.claim.held
        assert spec(api)["leaseTransitions"] == 1, "giving up is none"
        assert spec(api)["leaseDurationSeconds"] == 15


async def test_a_released_lease_says_so() -> None:
    api = FakeApi()
    async with running(candidate(api, "a")):
        await asyncio.sleep(30)
    assert (holder(api), spec(api)["leaseDurationSeconds"], spec(api)["leaseTransitions"]) == ("", 1, 0)


@pytest.mark.parametrize("watchable", [True, False])
async def test_a_killed_leader_is_followed_when_its_lease_has_run_out(watchable: bool) -> None:
    api = FakeApi()
    api.watchable = watchable
    async with asyncio.TaskGroup() as tasks:
        holding = tasks.create_task(keep(api, "x", seconds=60))
        await asyncio.sleep(0)
        async with running(one := candidate(api, "a")):
            await holding
            last = now()
            await asyncio.sleep(20)
            assert 15 <= one.began[0] - last <= 15 + (0.1 if watchable else 2.5)


async def test_a_refused_watch_only_makes_it_slower() -> None:
    api = FakeApi()
    api.watchable = False
    api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(10)
        api.put(PATH, {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}})
        await asyncio.sleep(2.5)
        assert one.claim.held


async def test_a_watch_that_ends_is_begun_again() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 1000}})
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(10)
        api.break_watches()
        await asyncio.sleep(5)
        api.put(PATH, {"spec": {"holderIdentity": ""}})
        await asyncio.sleep(0.01)
        assert one.claim.held


async def test_a_deleted_lease_is_made_anew_at_once() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 1000}})
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(10)
        api.remove(PATH)
        await asyncio.sleep(0.01)
        assert one.claim.held
        assert spec(api)["leaseTransitions"] == 0


@pytest.mark.parametrize("stamp", ["1999-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"])
async def test_the_times_of_others_are_not_compared_with_ours(stamp: str) -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15, "renewTime": stamp}})
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(14.9)
        assert not one.claim.held
        await asyncio.sleep(0.2)
        assert one.claim.held


async def test_nothing_is_written_while_another_program_holds_the_lease() -> None:
    api = FakeApi()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep(api, "x", seconds=300))
        await asyncio.sleep(0)
        async with running(one := candidate(api.beside(), "a")):
            await asyncio.sleep(299)
            assert one.api.writes == []
            assert not one.began
            assert one.claim.remaining() == 0
            await asyncio.sleep(20)
            assert holder(api) == "a"
            assert spec(api)["leaseTransitions"] == 8


async def test_what_others_wrote_into_the_lease_stays() -> None:
    api = FakeApi()
    mine = {"labels": {"team": "blue"}}
    api.put(PATH, {"metadata": mine, "spec": {"holderIdentity": "", "preferredHolder": "a", "leaseTransitions": 3}})
    async with running(candidate(api, "a")):
        await asyncio.sleep(1)
        assert api.objects[PATH]["metadata"]["labels"] == {"team": "blue"}
        assert spec(api)["preferredHolder"] == "a"
        assert spec(api)["leaseTransitions"] == 4


async def test_a_candidate_outlasts_an_api_server_that_is_away() -> None:
    api = FakeApi()
    api.trouble = unreachable
    api.watchable = False
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(600)
        assert not one.claim.held
        api.trouble = None
        await asyncio.sleep(2.5)
        assert one.claim.held


async def test_who_was_quicker_has_it(caplog: pytest.LogCaptureFixture) -> None:
    """Between the look and the write."""
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": ""}})
    one = candidate(api.beside(), "a")

    async def overtaken(request: Request) -> None:
        if request.method == "PATCH" and holder(api) == "":
            api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})

    one.api.trouble = overtaken
    async with running(one):
        await asyncio.sleep(5)
        assert holder(api) == "x"
        assert not one.claim.held
    assert caplog.messages == [], "that is no fault"


async def test_a_candidate_that_was_stopped_does_not_think_that_the_lease_is_free() -> None:
    api = FakeApi()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep(api, "x", seconds=60))
        await asyncio.sleep(0)
        async with running(one := candidate(api.beside(), "a")):
            await asyncio.sleep(20.5)
            one.clocks.slept = 30
            api.put(PATH, {"spec": {**spec(api), "renewTime": "meanwhile"}})
            await asyncio.sleep(20)
            assert holder(api) == "x"
            assert one.api.writes == []


# -------------------------------------------------------------------------------------------------------------- leaders


@pytest.mark.parametrize("trouble", [unreachable, hanging])
async def test_who_cannot_renew_gives_up_by_the_deadline_and_writes_nothing_more(trouble: object) -> None:
    api = FakeApi()
    one, other = candidate(api.beside(), "a"), candidate(api.beside(), "b")
    async with running(one):
        await asyncio.sleep(30)
        async with running(other):
            one.api.trouble = trouble  # type: ignore[assignment]
            await asyncio.sleep(60)
            assert 30 + 10 - 2.4 <= one.ended[0] <= 30 + 10 + 0.1
            assert one.lost[0] == "the lease could not be renewed for 10 s"
            assert other.claim.held


async def test_between_two_leaders_there_is_a_gap() -> None:
    api = FakeApi()
    one, other = candidate(api.beside(), "a"), candidate(api.beside(), "b")
    async with running(one):
        await asyncio.sleep(5)
        async with running(other):
            await asyncio.sleep(25)
            one.api.trouble = unreachable
            await asyncio.sleep(60)
        assert other.began[0] - one.ended[0] >= 5 - 0.1, "lease less deadline"


async def test_one_failure_is_no_loss() -> None:
    api = FakeApi()
    async with running(one := candidate(api, "a")):
        for _ in range(10):
            await asyncio.sleep(10)
            api.trouble = unreachable
            await asyncio.sleep(5)
            api.trouble = None
        assert not one.lost
        assert one.claim.held


async def test_a_request_that_hangs_leaves_time_for_another() -> None:
    api = FakeApi()
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(10)
        hung: list[Request] = []

        async def once(request: Request) -> None:
            if not hung:
                hung.append(request)
                await hanging(request)

        api.trouble = once
        await asyncio.sleep(30)
        assert hung
        assert not one.lost


async def test_a_renewal_that_was_heard_but_not_answered_is_ours() -> None:
    api = FakeApi()
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(10)
        unheard: list[Request] = []

        async def silent_once(request: Request) -> None:
            if not unheard:
                unheard.append(request)
                raise ClusterError("the API server did not answer in 10 s")

        api.late = silent_once
        await asyncio.sleep(30)
        assert unheard
        assert not one.lost
        assert one.claim.remaining() > 12


async def test_somebody_else_in_the_lease_is_a_loss() -> None:
    api = FakeApi()
    one = candidate(api.beside(), "a")
    async with running(one):
        await asyncio.sleep(10)
        api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})
        await asyncio.sleep(2.5)
        assert one.lost == ["x holds the lease now"]
        assert one.claim.remaining() == 0
        assert holder(api) == "x"


@pytest.mark.parametrize("lost_to_another", [True, False])
async def test_nothing_more_is_written_while_the_body_ends(lost_to_another: bool) -> None:
    api = FakeApi()
    one = candidate(api.beside(), "a", Terms(15, 10, 2))
    refused: list[float] = []

    async def body() -> None:
        async with one.elector.leadership():
            try:
                await asyncio.Event().wait()
            finally:
                with pytest.raises(NotLeading):
                    one.claim.fence()
                refused.append(one.claim.remaining())

    task = asyncio.create_task(body())
    await asyncio.sleep(1)
    if lost_to_another:
        api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})
    else:
        one.api.trouble = unreachable
    with pytest.raises(NotLeading):
        await task
    assert refused == [0]


async def test_a_loss_is_not_released() -> None:
    api = FakeApi()
    one = candidate(api.beside(), "a")
    async with running(one):
        await asyncio.sleep(1)
        before = len(one.api.writes)
        api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})
        await asyncio.sleep(10)
        assert one.lost
    assert len(one.api.writes) == before
    assert holder(api) == "x"


async def test_a_lease_that_was_deleted_under_the_leader_is_made_again() -> None:
    api = FakeApi()
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(10)
        api.remove(PATH)
        await asyncio.sleep(2.5)
        assert holder(api) == "a"
        assert not one.lost


@pytest.mark.parametrize("step", [3600.0, -3600.0])
async def test_a_step_of_the_wall_clock_changes_nothing(step: float) -> None:
    api = FakeApi()
    one, other = candidate(api, "a"), candidate(api.beside(), "b")
    async with running(one):
        await asyncio.sleep(5)
        async with running(other):
            one.clocks.stepped = step
            await asyncio.sleep(60)
            other.clocks.stepped = -step
            await asyncio.sleep(60)
            assert one.claim.held
            assert not one.lost
            assert not other.began


async def test_a_leader_that_was_stopped_notices_before_it_writes() -> None:
    api = FakeApi()
    one = candidate(api.beside(), "a")
    fenced = one.api.fenced(one.claim.fence)
    async with running(one):
        await asyncio.sleep(1)
        await fenced.create("/apis/apps/v1/deployments", {"metadata": {"name": "before"}}, dict)
        one.clocks.slept = 30
        with pytest.raises(NotLeading, match="is not ours"):
            await fenced.create("/apis/apps/v1/deployments", {"metadata": {"name": "after"}}, dict)
        await asyncio.sleep(2.4)
        assert one.lost == ["the lease could not be renewed for 10 s"]
    assert "/apis/apps/v1/deployments/before" in api.objects
    assert "/apis/apps/v1/deployments/after" not in api.objects


async def test_an_answer_that_comes_after_a_stop_counts_from_when_it_was_asked_for() -> None:
    api = FakeApi()
    one = candidate(api, "a")

    async def stopped(request: Request) -> None:
        if request.method == "PATCH":
            one.clocks.slept += 30
            api.trouble = unreachable

    async with running(one):
        await asyncio.sleep(1)
        api.late = stopped
        await asyncio.sleep(2.5)
        assert api.writes[-1].method == "PATCH", "it was heard"
        assert one.lost == ["the lease could not be renewed for 10 s"]
        assert one.claim.remaining() == 0


# ------------------------------------------------------------------------------------------------------------ the block


class Bug(Exception):
    pass


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    api = FakeApi()
    bug = Bug("a bug")
    with pytest.raises(Bug) as caught:
        async with candidate(api, "a").elector.leadership():
            raise bug
    assert caught.value is bug
    assert holder(api) == "", "released all the same"


async def test_a_group_that_the_body_raises_comes_out_as_it_is() -> None:
    group = ExceptionGroup("bugs", [Bug("one"), Bug("two")])
    with pytest.raises(ExceptionGroup) as caught:
        async with candidate(FakeApi(), "a").elector.leadership():
            raise group
    assert caught.value is group


async def test_a_body_that_ends_is_the_end_of_leading() -> None:
    api = FakeApi()
    one = candidate(api, "a")
    async with one.elector.leadership():
        await asyncio.sleep(1)
    assert one.claim.remaining() == 0
    assert holder(api) == ""
    assert len(asyncio.all_tasks()) == 1


async def test_releasing_takes_two_seconds_at_most() -> None:
    api = FakeApi()
    async with candidate(api, "a").elector.leadership():
        api.trouble = hanging
        begun = now()
    assert now() - begun == pytest.approx(2)


async def test_a_renewal_under_way_does_not_keep_the_lease_from_being_released() -> None:
    """It was heard, so the version that we know is not the latest."""
    api = FakeApi()
    async with candidate(api, "a").elector.leadership():

        async def slow(request: Request) -> None:
            if request.method == "PATCH":
                await asyncio.sleep(1)

        api.late = slow
        await asyncio.sleep(2.5)
    assert holder(api) == ""


async def test_who_waits_can_be_told_to_stop() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5), candidate(api, "a").elector.leadership():
            pytest.fail("it does not lead")
    assert api.writes == []
    assert len(asyncio.all_tasks()) == 1


async def test_leading_again_is_no_transition() -> None:
    api = FakeApi()
    async with running(one := candidate(api, "a")):
        await asyncio.sleep(5)
        api.trouble = unreachable
        await asyncio.sleep(12)
        api.trouble = None
        await asyncio.sleep(5)
        assert one.claim.held
        assert len(one.lost) == 1
        assert spec(api)["leaseTransitions"] == 0
        assert spec(api)["acquireTime"] == "2026-01-01T00:00:00.000000Z"


async def test_a_short_lease_is_followed_within_three_seconds() -> None:
    api = FakeApi()
    one, other = candidate(api.beside(), "a", SHORT), candidate(api.beside(), "b", SHORT)
    async with running(one):
        await asyncio.sleep(1)
        async with running(other):
            await asyncio.sleep(10)
            one.api.trouble = hanging
            await asyncio.sleep(3)
            assert other.claim.held
            assert one.lost == ["the lease could not be renewed for 1.5 s"]


async def test_who_is_stopped_while_taking_the_lease_gives_it_back() -> None:
    """It has it, but has not begun: closing the watch takes its time."""
    api = SlowToClose()
    task = asyncio.create_task(candidate(api, "a").run())
    await asyncio.sleep(0.5)
    assert holder(api) == "a"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert holder(api) == ""


class SlowToClose(FakeApi):
    @asynccontextmanager
    async def watch(self, path: str, *, within: float, **parameters: str) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().watch(path, within=within, **parameters) as lines:
            try:
                yield lines
            finally:
                await asyncio.sleep(1)

"""A claim: terms that can work, what a record says, and the fence."""

import asyncio

import pytest

from scaler.errors import Conflict, NotLeading, SettingsError
from scaler.kubernetes.lease import Terms
from scaler.kubernetes.objects import Lease, LeaseSpec, Meta
from tests.kubernetes.election import PATH, candidate, holder, spec
from tests.kubernetes.fake_api import FakeApi, unreachable

pytestmark = [pytest.mark.looptime]


@pytest.mark.parametrize("terms", [(15, 10, 2), (2.5, 1.5, 0.3), (137, 107, 26), (4, 3.9, 3.2)])
def test_terms_that_can_work(terms: tuple[float, float, float]) -> None:
    Terms(*terms)


@pytest.mark.parametrize(
    "terms",
    [(10, 10, 2), (10, 15, 2), (15, 2.4, 2), (15, 10, 0), (15, 10, -1), (0, 0, 0), (15.9, 15.5, 2), (0.9, 0.5, 0.1)],
)
def test_terms_that_cannot_work(terms: tuple[float, float, float]) -> None:
    with pytest.raises(SettingsError, match="lease: must last longer"):
        Terms(*terms)


@pytest.mark.parametrize(("duration", "deadline", "margin"), [(15, 10, 1), (4, 3, 1), (2.5, 1.5, 0.5), (3, 2, 0.75)])
def test_with_the_margin_nothing_is_written(duration: float, deadline: float, margin: float) -> None:
    assert Terms(duration, deadline, 0.3).margin == margin


async def test_the_fence_is_closed_a_second_before_the_lease_runs_out() -> None:
    one = candidate(FakeApi(), "a")
    with pytest.raises(NotLeading):
        one.claim.fence()
    await one.claim.look()
    await one.claim.take()
    one.clocks.slept = 13.9
    one.claim.fence()
    one.clocks.slept = 14
    with pytest.raises(NotLeading):
        one.claim.fence()


async def test_a_fraction_of_a_second_is_not_ours() -> None:
    """The record cannot say it, so others do not wait for it."""
    api = FakeApi()
    one = candidate(api, "a", Terms(2.5, 1.5, 0.3))
    await one.claim.take()
    assert one.claim.remaining() == spec(api)["leaseDurationSeconds"] == 2


async def test_a_record_says_itself_how_long_it_lasts() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 60}})
    one = candidate(api, "a")
    await one.claim.look()
    one.clocks.slept = 59
    assert one.claim.until_free() == 1


async def test_time_counts_from_when_the_renewal_was_begun() -> None:
    api = FakeApi()
    one = candidate(api, "a")

    async def slow(_: object) -> None:
        await asyncio.sleep(3)

    api.late = slow
    await one.claim.take()
    assert one.claim.remaining() == pytest.approx(12)


async def test_a_failed_renewal_leaves_what_is_left() -> None:
    api = FakeApi()
    one = candidate(api, "a")
    await one.claim.take()
    one.clocks.slept = 5
    api.trouble = unreachable
    with pytest.raises(Exception, match="cannot be reached"):
        await one.claim.renew()
    assert one.claim.remaining() == pytest.approx(10)


async def test_who_does_not_know_the_latest_record_does_not_get_it() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": ""}})
    one = candidate(api, "a")
    await one.claim.look()
    api.put(PATH, {"spec": {"holderIdentity": "x"}})
    with pytest.raises(Conflict):
        await one.claim.take()
    assert holder(api) == "x"
    assert not one.claim.held


async def test_acquire_time_changes_with_the_holder_only() -> None:
    api = FakeApi()
    one = candidate(api, "a")
    await one.claim.take()
    one.clocks.slept = 1.5
    await one.claim.renew()
    assert spec(api)["acquireTime"] == "2026-01-01T00:00:00.000000Z"
    assert spec(api)["renewTime"] == "2026-01-01T00:00:01.500000Z"


async def test_a_record_without_a_duration_lasts_as_long_as_ours() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"holderIdentity": "x"}})
    one = candidate(api, "a")
    await one.claim.look()
    assert one.claim.until_free() == 15


async def test_what_a_watch_tells_late_is_not_news() -> None:
    api = FakeApi()
    for _ in range(10):
        api.put(PATH, {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}})
    one = candidate(api, "a")
    await one.claim.look()
    one.clocks.slept = 5
    one.claim.heard(Lease(Meta(resource_version="3"), LeaseSpec("y", 100)))
    assert one.claim.holder == "x"
    assert one.claim.until_free() == 10
    one.claim.heard(Lease(Meta(resource_version="99"), LeaseSpec("x", 15, renew_time="later")))
    assert one.claim.until_free() == 15


async def test_a_label_is_no_renewal() -> None:
    api = FakeApi()
    record = {"holderIdentity": "x", "leaseDurationSeconds": 15}
    api.put(PATH, {"spec": record})
    one = candidate(api, "a")
    await one.claim.look()
    one.clocks.slept = 5
    api.put(PATH, {"metadata": {"labels": {"team": "blue"}}, "spec": record})
    await one.claim.look()
    assert one.claim.until_free() == 10


async def test_what_is_not_ours_is_not_released() -> None:
    api = FakeApi()
    one = candidate(api, "a")
    await one.claim.take()
    api.put(PATH, {"spec": {"holderIdentity": "x"}})
    await one.claim.release()
    assert holder(api) == "x"

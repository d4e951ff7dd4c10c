"""Each job is made once: when an answer was lost, when the watch is behind, when another daemon leads now."""

import asyncio
from collections.abc import Iterable

import pytest

from scaler.errors import ClusterError, Conflict, Forbidden, Invalid, NotLeading
from scaler.kubernetes.api import Request
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.jobs.kinds import JOB
from scaler.kubernetes.jobs.making import Made, Maker
from scaler.kubernetes.jobs.manifest import name_of
from scaler.kubernetes.jobs.objects import Job
from scaler.kubernetes.objects import Custom
from tests.kubernetes.fake_api import FakeApi
from tests.kubernetes.jobs.scene import JOBS, UID, job_manifest, scaled_job

LOST = ClusterError("the API server did not answer in 10 s")


class Workshop:
    """A daemon that makes jobs; `cache` is what it has seen of them."""

    def __init__(self, api: FakeApi, *, owner: Custom | None = None) -> None:
        self.api, self.owner, self.cache = api, owner or scaled_job(), Cache[Job]()
        self.maker = Maker(api, self.cache, "1.2")

    async def make(self, count: int, known: Iterable[Job] | None = None) -> Made:
        return await self.maker.make(self.owner, JOB, count, self.cache.values() if known is None else known)

    @property
    def numbers(self) -> list[int]:
        return sorted(one.number for one in self.cache.values())


def there(api: FakeApi) -> list[int]:
    """The numbers of the jobs that there are."""
    jobs = (one for path, one in api.objects.items() if path.startswith(JOBS))
    return sorted(int(one["metadata"]["annotations"]["event-scaler.dev/number"]) for one in jobs)


def path_of(number: int) -> str:
    return f"{JOBS}/{name_of('orders', UID, number)}"


def only(*numbers: int, error: Exception = LOST) -> "Trouble":
    return Trouble(numbers, error)


class Trouble:
    """Of the jobs with these numbers the creation goes wrong; of all where none is said."""

    def __init__(self, numbers: Iterable[int], error: Exception) -> None:
        self._names, self._error = {name_of("orders", UID, one) for one in numbers}, error

    async def __call__(self, request: Request) -> None:
        if request.method == "POST" and (not self._names or request.body["metadata"]["name"] in self._names):
            raise self._error


async def test_jobs_are_numbered_from_one_and_known_at_once() -> None:
    shop = Workshop(FakeApi())
    assert await shop.make(3) == Made(3)
    assert there(shop.api) == shop.numbers == [1, 2, 3]
    assert await shop.make(2) == Made(2)
    assert there(shop.api) == [1, 2, 3, 4, 5]


async def test_one_is_there_before_the_next_is_tried() -> None:
    shop, under_way = Workshop(FakeApi()), 0

    async def busy(_: Request) -> None:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await asyncio.sleep(0)
        under_way -= 1

    shop.api.trouble = busy
    assert await shop.make(45) == Made(45)
    assert [int(one.body["metadata"]["annotations"]["event-scaler.dev/number"]) for one in shop.api.writes] == list(
        range(1, 46)
    )


@pytest.mark.looptime
async def test_what_takes_too_long_is_left_for_the_next_decision() -> None:
    shop = Workshop(FakeApi())

    async def slow(_: Request) -> None:
        await asyncio.sleep(1)

    shop.api.trouble = slow
    assert await shop.make(20) == Made(5, left=15)
    assert there(shop.api) == [1, 2, 3, 4, 5]


async def test_a_lost_answer_makes_no_second_job() -> None:
    shop = Workshop(FakeApi())
    shop.api.late = only(2)
    assert await shop.make(3) == Made(1, LOST)
    assert (there(shop.api), shop.numbers) == ([1, 2], [1])
    shop.api.late = None
    assert await shop.make(2) == Made(2), "it is found, and told now"
    assert there(shop.api) == shop.numbers == [1, 2, 3]
    assert await shop.make(1) == Made(1)
    assert there(shop.api) == [1, 2, 3, 4]


async def test_all_answers_are_lost_again_and_again() -> None:
    shop = Workshop(FakeApi())
    shop.api.late = only()
    for _ in range(4):
        await shop.make(2)
    assert there(shop.api) == [1, 2, 3, 4], "one is found, and the answer to the next is lost"
    assert shop.numbers == [1, 2, 3]


async def test_a_request_that_never_arrived_is_sent_again() -> None:
    shop = Workshop(FakeApi())
    shop.api.trouble = only(2)
    assert await shop.make(3) == Made(1, LOST)
    assert there(shop.api) == [1]
    shop.api.trouble = None
    assert await shop.make(2) == Made(2)
    assert there(shop.api) == [1, 2, 3]


async def test_what_the_watch_has_shown_meanwhile_is_not_made_again() -> None:
    shop = Workshop(FakeApi())
    shop.api.late = only(2)
    await shop.make(2)
    shop.api.late = None
    known = [await shop.api.get(path_of(number), Job) for number in (1, 2)]
    assert await shop.make(1, known) == Made(1)
    assert there(shop.api) == [1, 2, 3]


async def test_being_cancelled_is_an_answer_that_was_lost() -> None:
    shop = Workshop(FakeApi())

    async def hang(_: Request) -> None:
        await asyncio.Event().wait()

    shop.api.late = hang
    making = asyncio.create_task(shop.make(2))
    for _ in range(20):
        await asyncio.sleep(0)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    shop.api.late = None
    assert await shop.make(2) == Made(2)
    assert there(shop.api) == [1, 2]


async def test_another_daemon_that_has_not_seen_them_yet() -> None:
    """It leads now, and its watch is behind: it wants as many as the one before has made, and makes none of them."""
    api = FakeApi()
    before, after = Workshop(api), Workshop(api.beside())
    await before.make(3)
    assert await after.make(3) == Made(0)
    assert there(api) == after.numbers == [1, 2, 3]
    assert await after.make(4, []) == Made(4)
    assert there(api) == [1, 2, 3, 4, 5, 6, 7]


async def test_another_daemon_that_saw_some_of_them() -> None:
    """What a watch has told so far is always the first of them."""
    api = FakeApi()
    before, after = Workshop(api), Workshop(api.beside())
    await before.make(5)
    for seen in range(6):
        known = [one for one in before.cache.values() if one.number <= seen]
        assert (await Workshop(api.beside()).make(5 - seen, known)).count == 0
    assert (await after.make(6)).count == 1
    assert there(api) == [1, 2, 3, 4, 5, 6]


async def test_another_daemon_while_the_first_is_at_it() -> None:
    """Whoever comes first, each number is one job."""
    api = FakeApi()
    shops = [Workshop(api.beside()) for _ in range(4)]
    made = await asyncio.gather(*(shop.make(5) for shop in shops))
    assert there(api) == [1, 2, 3, 4, 5]
    assert sum(one.count for one in made) == 5


async def test_it_goes_on_behind_what_is_there() -> None:
    shop = Workshop(FakeApi())
    shop.cache.put(await _put(shop.api, 41))
    assert await shop.make(1) == Made(1)
    assert there(shop.api) == [41, 42]


async def _put(api: FakeApi, number: int) -> Job:
    path = path_of(number)
    api.put(path, job_manifest(path.rpartition("/")[2], number=number))
    return await api.get(path, Job)


async def test_numbers_are_not_used_again_when_their_jobs_are_gone() -> None:
    shop = Workshop(FakeApi())
    await shop.make(2)
    for number in (1, 2):
        api_job = await shop.api.get(path_of(number), Job)
        shop.api.remove(path_of(number))
        shop.cache.drop(api_job.metadata)
    await shop.make(1)
    assert there(shop.api) == [3]


async def test_one_that_is_being_deleted_does_not_count() -> None:
    """After a restart nothing is known of it but by its name."""
    shop = Workshop(FakeApi())
    name = path_of(1).rpartition("/")[2]
    shop.api.put(path_of(1), job_manifest(name, number=1, deletionTimestamp="2026-11-30T10:00:00Z"))
    assert await shop.make(1) == Made(0)
    assert await shop.make(1) == Made(1)
    assert there(shop.api) == [1, 2]


async def test_a_conflict_about_something_else() -> None:
    """A quota that was changed in the same moment, say: nothing has the name."""
    shop = Workshop(FakeApi())
    shop.api.trouble = only(error=Conflict("the quota has been modified"))
    found = await shop.make(2)
    assert (found.count, str(found.problem), type(found.problem)) == (0, "the quota has been modified", ClusterError)
    shop.api.trouble = None
    assert await shop.make(2) == Made(2)
    assert there(shop.api) == [1, 2]


@pytest.mark.parametrize("error", [Forbidden("exceeded quota"), Invalid("no such volume"), NotLeading("lost")])
async def test_a_refusal_ends_it(error: ClusterError) -> None:
    shop = Workshop(FakeApi())
    shop.api.trouble = only(error=error)
    assert await shop.make(35) == Made(0, error)
    assert len([one for one in shop.api.requests if one.method == "POST"]) == 1, "the rest was not tried"
    shop.api.trouble = None
    assert await shop.make(2) == Made(2)
    assert there(shop.api) == [1, 2]


async def test_a_refusal_after_a_lost_answer_does_not_forget_it() -> None:
    shop = Workshop(FakeApi())
    shop.api.late = only(1)
    await shop.make(1)
    shop.api.late, shop.api.trouble = None, only(1, error=Forbidden("exceeded quota"))
    assert (await shop.make(1)).count == 0
    shop.api.trouble = None
    assert await shop.make(2) == Made(2)
    assert there(shop.api) == [1, 2]


async def test_a_bug_is_nobodys_answer() -> None:
    shop = Workshop(FakeApi())
    shop.api.trouble = only(error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await shop.make(1)


async def test_one_made_anew_by_the_same_name_is_another() -> None:
    api = FakeApi()
    await Workshop(api).make(2)
    other = Workshop(api, owner=scaled_job(uid="uid-2"))
    assert await other.make(2) == Made(2)
    other.maker.forget("uid-2")
    assert len([path for path in api.objects if path.startswith(JOBS)]) == 4

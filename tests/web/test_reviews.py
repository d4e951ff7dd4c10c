"""How often the API server is asked about people, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from scaler.errors import ClusterError
from scaler.web import kept
from scaler.web.reviews import ALLOWED, KEPT, LIMIT, RENEWAL, Reviews, User, Verdict
from tests.web.asking import Reviewer

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

HPA = User("hpa", ("system:serviceaccounts",), "1", (("a", ("b",)),))
ALL = ("hpa", "", "*")
ONE = ("hpa", "shop", "m")


@pytest.fixture
def reviewer() -> Reviewer:
    return Reviewer()


@pytest.fixture
async def reviews(reviewer: Reviewer) -> AsyncIterator[Reviews]:
    async with Reviews(reviewer.post) as made:
        yield made


# ----------------------------------------------------------------------------------------------------- what may be read


async def test_one_question_covers_every_metric(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.allowed.add(ALL)
    for metric in ("m", "n", "o"):
        assert (await reviews.may_list(HPA, "shop", metric)).allowed
    assert reviewer.judged == [ALL]
    _, spec = reviewer.posted[0]
    assert spec == {
        "user": "hpa",
        "uid": "1",
        "groups": ("system:serviceaccounts",),
        "extra": {"a": ("b",)},
        "resourceAttributes": {
            "namespace": "",
            "verb": "list",
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "resource": "*",
        },
    }


async def test_a_single_metric_is_asked_for_only_where_all_are_refused(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.allowed.add(ONE)
    assert (await reviews.may_list(HPA, "shop", "m")).allowed
    assert not (await reviews.may_list(HPA, "shop", "n")).allowed
    assert not (await reviews.may_list(HPA, "other", "m")).allowed
    assert reviewer.judged == [ALL, ONE, ("hpa", "shop", "n"), ("hpa", "other", "m")]


async def test_masters_are_not_asked_about(reviewer: Reviewer, reviews: Reviews) -> None:
    assert (await reviews.may_list(User("root", ("system:masters",)), "shop", "m")).allowed
    assert reviewer.posted == []


async def test_people_are_told_apart_by_everything_that_is_known_of_them(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.allowed.add(ALL)
    for user in (HPA, User("hpa"), User("hpa", ("dev",)), User("hpa", uid="2"), User("hpa", extra=(("a", ("c",)),))):
        await reviews.may_list(user, "shop", "m")
    assert len(reviewer.posted) == 5


async def test_a_refusal_says_why(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.reason = "no role is bound"
    assert await reviews.may_list(HPA, "shop", "m") == Verdict(False, "no role is bound")


async def test_a_metric_is_kept_longer_where_it_is_allowed(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.allowed.add(ONE)

    def asked_for(metric: str) -> int:
        return sum(one[2] == metric for one in reviewer.judged)

    for second in range(int(ALLOWED) + 1):
        await reviews.may_list(HPA, "shop", "m")
        await reviews.may_list(HPA, "shop", "n")
        assert asked_for("m") == (1 if second < ALLOWED else 2)
        assert asked_for("n") == 1 + second // int(KEPT)
        await asyncio.sleep(1)


async def test_what_is_said_of_all_is_renewed_while_it_is_in_use(reviewer: Reviewer, reviews: Reviews) -> None:
    """So nobody waits, though the API server needs 3 s for an answer; what was taken away counts 10 s later at most."""
    reviewer.allowed.add(ALL)
    slow = 0.0

    async def post(path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(slow)
        return await reviewer.post(path, body)

    time = asyncio.get_running_loop().time
    async with Reviews(post) as renewing:
        await renewing.may_list(HPA, "shop", "m")
        slow = 3.0
        for _ in range(30):
            await asyncio.sleep(2)
            before = time()
            assert (await renewing.may_list(HPA, "shop", "m")).allowed
            assert time() == before
        slow, asked = 0.0, len(reviewer.posted)
        assert asked == pytest.approx(1 + 60 / (RENEWAL + 3), abs=1)
        reviewer.allowed.clear()
        await asyncio.sleep(KEPT)
        assert not (await renewing.may_list(HPA, "shop", "m")).allowed


async def test_what_nobody_uses_is_not_renewed(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.allowed.add(ALL)
    await reviews.may_list(HPA, "shop", "m")
    await asyncio.sleep(kept.IDLE + 2 * RENEWAL)
    asked = len(reviewer.posted)
    await asyncio.sleep(600)
    assert len(reviewer.posted) == asked
    assert (await reviews.may_list(HPA, "shop", "m")).allowed
    assert len(reviewer.posted) == asked + 1
    await asyncio.sleep(RENEWAL + 1)
    assert len(reviewer.posted) == asked + 2


async def test_an_api_server_that_is_away_is_felt_when_the_verdict_is_too_old(
    reviewer: Reviewer, reviews: Reviews
) -> None:
    reviewer.allowed.add(ALL)
    await reviews.may_list(HPA, "shop", "m")
    reviewer.broken = True
    await asyncio.sleep(KEPT - 0.1)
    assert (await reviews.may_list(HPA, "shop", "m")).allowed
    await asyncio.sleep(0.2)
    with pytest.raises(ClusterError, match="the API server cannot be reached"):
        await reviews.may_list(HPA, "shop", "m")
    reviewer.broken = False
    assert (await reviews.may_list(HPA, "shop", "m")).allowed


# --------------------------------------------------------------------------------------------------------- whose it is


async def test_a_token_is_kept_for_ten_seconds_good_or_bad(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.users["good"] = {"username": "jane", "uid": "7", "groups": ["dev"], "extra": {"b": ["2"], "a": ["1"]}}
    for _ in range(2):
        assert await reviews.token("good") == User("jane", ("dev",), "7", (("a", ("1",)), ("b", ("2",))))
        assert await reviews.token("bad") is None
    assert [spec for _, spec in reviewer.posted] == [{"token": "good"}, {"token": "bad"}]
    reviewer.users.clear()
    await asyncio.sleep(KEPT)
    assert await reviews.token("good") is None


async def test_a_token_of_nobody_with_a_name_is_nobodys(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.users["odd"] = {"uid": "7"}
    assert await reviews.token("odd") is None


async def test_an_error_is_not_kept(reviewer: Reviewer, reviews: Reviews) -> None:
    reviewer.broken = True
    with pytest.raises(ClusterError):
        await reviews.token("good")
    reviewer.broken, reviewer.users["good"] = False, {"username": "jane"}
    assert await reviews.token("good") == User("jane")


async def test_an_answer_of_another_shape_is_an_error() -> None:
    async def post(_: str, __: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"kind": "Status"}

    async with Reviews(post) as reviews:
        with pytest.raises(ClusterError, match="answered a review with something else"):
            await reviews.token("good")


# ------------------------------------------------------------------------------------------------------------ together


async def test_equal_questions_under_way_are_one_and_outlive_who_gives_up(reviewer: Reviewer) -> None:
    async def post(path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(1)
        return await reviewer.post(path, body)

    reviewer.allowed.add(ALL)
    async with Reviews(post) as reviews:
        asking = [asyncio.create_task(reviews.may_list(HPA, "shop", f"m{index}")) for index in range(5)]
        await asyncio.sleep(0.5)
        asking[0].cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert [one.allowed for one in answers[1:] if isinstance(one, Verdict)] == [True] * 4
    assert reviewer.judged == [ALL]


async def test_an_answer_that_does_not_come_is_an_error_for_all_who_wait() -> None:
    async def post(_: str, __: Mapping[str, Any]) -> Mapping[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # it never ends

    async with Reviews(post) as reviews:
        asked = asyncio.get_running_loop().time()
        found = await asyncio.gather(*(reviews.token("t") for _ in range(3)), return_exceptions=True)
        assert [str(one) for one in found] == ["the API server did not answer within 5 s"] * 3
        assert asyncio.get_running_loop().time() - asked == LIMIT


async def test_the_block_ends_with_questions_under_way() -> None:
    async def post(_: str, __: Mapping[str, Any]) -> Mapping[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # it never ends

    async with Reviews(post) as reviews:
        asking = asyncio.create_task(reviews.token("t"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_only_so_many_answers_are_held(reviewer: Reviewer) -> None:
    async with kept.Kept[bool](lambda _: 1e6, limit=1) as held:

        async def yes() -> bool:
            asked.append(True)
            return True

        asked: list[bool] = []
        for key in range(kept.SIZE):
            await held.get(key, yes)
        await held.get(0, yes)
        await held.get("one more", yes)
        assert (len(held), len(asked)) == (kept.SIZE, kept.SIZE + 1)
        await held.get(0, yes)
        assert len(asked) == kept.SIZE + 1
        await held.get(1, yes)
        assert len(asked) == kept.SIZE + 2

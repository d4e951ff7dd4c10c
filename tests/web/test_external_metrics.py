"""The metric request as the HPA sends it through the aggregator, what it is answered, and every way to refuse it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from scaler.core.decide import decide
from scaler.core.model import Decision, Goal, Metric, Spec, Target, Why
from scaler.engine.board import Board
from scaler.errors import NotFound, SourceError
from scaler.manifests.watched import Ref, Trigger, Watched
from scaler.web import external_metrics
from scaler.web.aggregator import Authentication
from scaler.web.discovery import ROOT
from scaler.web.external_metrics import Bodies, Leading, MetricsApi
from scaler.web.reviews import Reviews
from tests.engine.scene import Plain, scene, trigger
from tests.engine.sources import Batch, Raised, Server
from tests.web.asking import AS_HPA, NOW, Answer, Reviewer, Served, got, served

HPA = AS_HPA["X-Remote-User"]
ORDERS = Ref("ScaledObject", "shop", "orders")
METRIC = "s0-kafka-Orders"
PROTOBUF = "application/vnd.kubernetes.protobuf, */*"


def watched(*metrics: str, ref: Ref = ORDERS) -> Watched:
    goals = tuple(Goal(metric, 10.0) for metric in metrics)
    bound = tuple(Trigger(index, "plain", Plain(), Batch("a"), "q", (goal,)) for index, goal in enumerate(goals))
    spec = Spec(str(ref), goals)
    return Watched(ref, spec, bound, 30.0, Ref("Deployment", "shop", "x"), frozenset(), decide)


def publish(board: Board, *metrics: Metric, ref: Ref = ORDERS) -> Decision:
    made = Decision(3, Why.STEADY, metrics=metrics)
    board.publish(ref, (), Target(1, 1, 1), made, NOW, {})
    return made


def filled(board: Board, value: float = 8.6) -> None:
    board.place(watched(METRIC))
    publish(board, Metric(METRIC, value, NOW))


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    """One object with one metric, which the HPA may read as it may all."""
    async with served(tmp_path) as made:
        filled(made.board)
        made.reviewer.allowed.add((HPA, "", "*"))
        yield made


@pytest.fixture
async def client(api: Served) -> AsyncIterator[aiohttp.ClientSession]:
    async with api.client(api.authorities.proxy()) as session:
        session.headers.update({**AS_HPA, "Accept": PROTOBUF})
        yield session


def path(metric: str = METRIC, selector: str = "scaledobject.keda.sh/name=orders", namespace: str = "shop") -> str:
    query = f"?labelSelector={quote(selector, safe='')}" if selector else ""
    return f"{ROOT}/namespaces/{namespace}/{metric}{query}"


async def value(client: aiohttp.ClientSession) -> str:
    answer = await got(client, path())
    assert answer.status == 200
    return str(answer.body["items"][0]["value"])


def refused(answer: Answer) -> tuple[int, str, str]:
    """Code, reason and message of a well-formed `Status`."""
    assert answer.headers["Content-Type"] == "application/json"
    assert "Retry-After" not in answer.headers
    assert {"kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code"} == set(answer.body)
    assert (answer.body["kind"], answer.body["apiVersion"], answer.body["status"]) == ("Status", "v1", "Failure")
    assert answer.body["code"] == answer.status
    return answer.status, answer.body["reason"], answer.body["message"]


# ------------------------------------------------------------------------------------------------------------ a number


async def test_the_hpa_is_answered_in_json_whatever_it_would_rather_have(client: aiohttp.ClientSession) -> None:
    answer = await got(client, path())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == {
        "kind": "ExternalMetricValueList",
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": [
            {"metricName": METRIC, "metricLabels": None, "timestamp": "2023-11-14T22:13:20Z", "value": "8600m"},
        ],
    }


@pytest.mark.parametrize(
    ("read", "shown"),
    [
        (0.0, "0"),
        (9.0, "9"),
        (0.0009, "0"),
        (1.5, "1500m"),
        (1e6, "1M"),
        (1e300, "9223372036854775"),
        (float("inf"), "0"),
        (float("nan"), "0"),
        (-5.0, "0"),
    ],
)
async def test_a_number_is_a_quantity_that_the_hpa_can_add_up(
    api: Served, client: aiohttp.ClientSession, read: float, shown: str
) -> None:
    publish(api.board, Metric(METRIC, read, NOW))
    assert await value(client) == shown


async def test_the_line_is_asked_for_a_new_reading_before_the_board_is(
    api: Served, client: aiohttp.ClientSession
) -> None:
    async def refresh(ref: Ref, metric: str) -> None:
        await asyncio.sleep(0)
        publish(api.board, Metric(metric, 42.0, NOW))

    api.refresh = refresh
    assert await value(client) == "42"
    assert api.refreshed == [(ORDERS, METRIC)]


async def test_names_are_compared_without_case_and_shown_as_they_are(
    api: Served, client: aiohttp.ClientSession
) -> None:
    answer = await got(client, path(METRIC.upper()))
    assert answer.body["items"][0]["metricName"] == METRIC
    assert api.refreshed == [(ORDERS, METRIC)]


async def test_a_metric_that_is_no_triggers_is_answered_from_the_board(
    api: Served, client: aiohttp.ClientSession
) -> None:
    publish(api.board, Metric("another", 5.0, NOW))
    assert (await got(client, path("another"))).body["items"][0]["value"] == "5"
    assert api.refreshed == []


async def test_a_formulas_metric_is_refreshed_like_a_triggers(api: Served, client: aiohttp.ClientSession) -> None:
    made = watched(METRIC)
    told = replace(made.spec, formula="a", variables=(("a", METRIC),), composite=Goal("composite-metric", 5.0))
    api.board.place(replace(made, spec=told))
    publish(api.board, Metric(METRIC, 1.0, NOW), Metric("composite-metric", 2.5, NOW))
    assert (await got(client, path("Composite-Metric"))).body["items"][0]["value"] == "2500m"
    assert api.refreshed == [(ORDERS, "composite-metric")]


async def test_one_of_several_metrics_is_answered_alone(api: Served, client: aiohttp.ClientSession) -> None:
    api.board.place(watched(METRIC, "s1-b"))
    publish(api.board, Metric(METRIC, problem="the broker is away"), Metric("s1-b", 7.0, NOW))
    assert (await got(client, path("s1-b"))).body["items"][0]["value"] == "7"
    assert (await got(client, path())).status == 500


async def test_other_labels_and_forms_of_the_selector_do_not_matter(client: aiohttp.ClientSession) -> None:
    for selector in (
        "a=b, scaledobject.keda.sh/name == orders",
        "scaledobject.keda.sh/name in (orders),!x",
    ):
        assert (await got(client, path(selector=selector))).status == 200


async def test_the_plain_path_is_only_said_at_debug(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="scaler.web"):
        await got(client, path(), {"Audit-ID": "an-audit-id", "X-Remote-Extra-Scopes": "hidden"})
    (record,) = (one for one in caplog.records if one.name == external_metrics.__name__)
    assert (getattr(record, "audit", ""), record.levelno) == ("an-audit-id", logging.DEBUG)
    assert not {"hidden", HPA}.intersection(str(one) for one in vars(record).values())


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("selector", ["", "a=b", "scaledobject.keda.sh/name", "scaledobject.keda.sh/name!=orders"])
async def test_the_selector_must_name_the_object(client: aiohttp.ClientSession, selector: str) -> None:
    assert refused(await got(client, path(selector=selector))) == (
        400,
        "BadRequest",
        "scaledObject name is not specified",
    )


async def test_a_selector_that_is_none_is_a_bad_request(client: aiohttp.ClientSession) -> None:
    code, reason, message = refused(await got(client, path(selector="a in b")))
    assert (code, reason) == (400, "BadRequest")
    assert message == "a label selector has 'b' where '(' should be"


async def test_whoever_is_not_known_is_told_nothing(api: Served) -> None:
    async with api.client() as stranger:
        assert refused(await got(stranger, path())) == (401, "Unauthorized", "Unauthorized")
    assert api.refreshed == []


async def test_whoever_may_not_is_told_what_is_missing(api: Served, client: aiohttp.ClientSession) -> None:
    api.reviewer.reason = "no role is bound"
    answer = await got(client, path("m"), {"X-Remote-User": "jane"})
    assert refused(answer) == (
        403,
        "Forbidden",
        'm.external.metrics.k8s.io is forbidden: User "jane" cannot list resource "m" in API group '
        '"external.metrics.k8s.io" in the namespace "shop": no role is bound',
    )
    assert answer.body["details"] == {"group": "external.metrics.k8s.io", "kind": "m"}
    assert api.refreshed == []


async def test_whoever_may_read_one_metric_may_read_that_one(api: Served, client: aiohttp.ClientSession) -> None:
    api.reviewer.allowed.add(("jane", "shop", METRIC))
    assert (await got(client, path(), {"X-Remote-User": "jane"})).status == 200
    assert (await got(client, path("other"), {"X-Remote-User": "jane"})).status == 403


async def test_masters_may_without_a_review(api: Served, client: aiohttp.ClientSession) -> None:
    masters = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
    assert (await got(client, path(), masters)).status == 200
    assert api.reviewer.posted == []


async def test_an_object_that_is_not_there(client: aiohttp.ClientSession) -> None:
    answer = await got(client, path(selector="scaledobject.keda.sh/name=nobody"))
    assert refused(answer) == (404, "NotFound", "there is no ScaledObject shop/nobody")
    assert answer.body["details"] == {"group": "external.metrics.k8s.io", "kind": "ScaledObject", "name": "nobody"}
    assert refused(await got(client, path(namespace="other")))[0] == 404


async def test_a_metric_that_the_object_does_not_have(client: aiohttp.ClientSession) -> None:
    answer = await got(client, path("s9-other"))
    assert refused(answer) == (404, "NotFound", "ScaledObject shop/orders has no metric s9-other")
    assert answer.body["details"]["name"] == "s9-other"


async def test_an_object_that_goes_while_it_is_asked_for(api: Served, client: aiohttp.ClientSession) -> None:
    async def refresh(_: Ref, __: str) -> None:
        raise NotFound("gone")

    api.refresh = refresh
    assert refused(await got(client, path()))[:2] == (404, "NotFound")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_a_metric_can_only_be_read(client: aiohttp.ClientSession, method: str) -> None:
    answer = await got(client, path(), method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    if method != "HEAD":
        assert refused(answer)[1] == "MethodNotAllowed"


@pytest.mark.parametrize(("watch", "code"), [("true", 405), ("1", 405), ("", 405), ("false", 200), ("0", 200)])
async def test_a_metric_cannot_be_watched(client: aiohttp.ClientSession, watch: str, code: int) -> None:
    assert (await got(client, f"{path()}&watch={watch}")).status == code


async def test_a_metric_that_cannot_be_read_is_an_error_that_says_why(
    api: Served, client: aiohttp.ClientSession
) -> None:
    publish(api.board, Metric(METRIC, problem="the broker is away", at=NOW))
    assert refused(await got(client, path())) == (500, "InternalError", f"{METRIC}: the broker is away")


async def test_a_source_that_does_not_answer_in_time(api: Served, client: aiohttp.ClientSession) -> None:
    async def refresh(_: Ref, __: str) -> None:
        raise TimeoutError

    api.refresh = refresh
    code, reason, message = refused(await got(client, path()))
    assert (code, reason, message) == (500, "InternalError", f"{METRIC}: its source has not answered in time")


async def test_a_metric_that_was_never_read(api: Served, client: aiohttp.ClientSession) -> None:
    api.board.drop(ORDERS)
    api.board.place(watched(METRIC))
    assert refused(await got(client, path())) == (500, "InternalError", f"{METRIC}: it has not been read yet")


async def test_an_object_that_was_never_bound(api: Served, client: aiohttp.ClientSession) -> None:
    api.board.drop(ORDERS)
    api.board.fault(ORDERS, "there is no Secret shop/login")
    code, _, message = refused(await got(client, path()))
    assert code == 500
    assert message == f"{METRIC}: ScaledObject shop/orders is not served: there is no Secret shop/login"


async def test_a_broken_edit_leaves_the_metric_as_long_as_it_is_fresh(
    api: Served, client: aiohttp.ClientSession
) -> None:
    api.board.fault(ORDERS, "there is no Secret shop/login")
    assert await value(client) == "8600m"
    api.now += external_metrics.OLD + 1
    assert refused(await got(client, path()))[0] == 500
    publish(api.board, Metric(METRIC, 9.0, api.now))
    assert await value(client) == "9"


async def test_a_replica_that_does_not_lead_is_not_the_one_to_ask(api: Served, client: aiohttp.ClientSession) -> None:
    api.leads = False
    assert refused(await got(client, path()))[:2] == (503, "ServiceUnavailable")
    assert (await got(client, ROOT)).status == 200
    api.leads = True
    assert await value(client) == "8600m"


async def test_a_line_that_ends_under_a_request_is_no_answer_but_an_error(
    api: Served, client: aiohttp.ClientSession
) -> None:
    line = asyncio.get_running_loop().create_future()

    async def refresh(_: Ref, __: str) -> None:
        asyncio.get_running_loop().call_soon(line.cancel)
        await line

    api.refresh = refresh
    assert refused(await got(client, path()))[:2] == (503, "ServiceUnavailable")


async def test_a_review_that_fails_is_an_error_and_not_a_refusal(api: Served, client: aiohttp.ClientSession) -> None:
    api.reviewer.broken = True
    assert refused(await got(client, path())) == (500, "InternalError", "the API server cannot be reached")


@pytest.mark.parametrize("metric", ["a%2Fb", "a/b", "a%0Ab", "a" * 1025, ""])
async def test_what_no_metric_can_be_called_is_not_found(
    api: Served, client: aiohttp.ClientSession, metric: str
) -> None:
    address = f"{ROOT}/namespaces/shop/{metric}"
    async with client.get(URL(address, encoded=True), headers={"X-Remote-User": "jane"}) as reply:
        assert (reply.status, (await reply.json())["message"]) == (
            404,
            "the server could not find the requested resource",
        )
    assert api.reviewer.posted == []


# ------------------------------------------------------------------------------------------------------ time and labour


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_whatever_hangs_the_hpa_is_let_go_within_ten_seconds() -> None:
    board, reviewer = Board(), Reviewer(users={"t": {"username": "root", "groups": ["system:masters"]}})
    filled(board)

    async def refresh(_: Ref, __: str) -> None:
        await asyncio.Event().wait()

    async with Reviews(reviewer.post) as reviews:
        known = Authentication(lambda: None, reviews.token, lambda: NOW)
        api = MetricsApi(known, reviews, lambda: Leading(board, refresh), lambda: "", lambda: NOW)
        started = asyncio.get_running_loop().time()
        answer = await api.answer(make_mocked_request("GET", path(), headers={"Authorization": "Bearer t"}))
    assert asyncio.get_running_loop().time() - started == external_metrics.DEADLINE
    assert answer.status == 500
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["message"] == "there was no answer within 10 s"


def test_a_body_is_made_once_for_each_decision() -> None:
    board, bodies = Board(), Bodies()
    board.place(watched("a", "b"))
    first = publish(board, Metric("a", 1.0, NOW), Metric("b", 2.0, NOW))
    one, other = (bodies.of(board, ORDERS, first, metric) for metric in first.metrics)
    assert bodies.of(board, ORDERS, first, replace(first.metrics[0])) is one
    assert bodies.of(board, ORDERS, first, first.metrics[1]) is other
    second = publish(board, *first.metrics)
    assert bodies.of(board, ORDERS, second, second.metrics[0]) is not one


def test_bodies_go_with_their_objects() -> None:
    board, bodies = Board(), Bodies()
    for number in range(100):
        ref = ORDERS._replace(name=f"orders-{number}")
        board.place(watched("a", ref=ref))
        decision = publish(board, Metric("a", 1.0, NOW), ref=ref)
        bodies.of(board, ref, decision, decision.metrics[0])
        if number >= 10:
            board.drop(ORDERS._replace(name=f"orders-{number - 10}"))
        assert len(bodies) <= len(board) + 1


async def test_over_the_real_line(api: Served, client: aiohttp.ClientSession) -> None:
    """What is fresh is not asked for again."""
    server = Server({"q": 250.0})
    async with scene() as stage:
        api.board, api.refresh = stage.board, stage.loop.refresh
        stage.add("a", trigger(Batch("a", server=server), "q"))
        await stage.settled(0.05)
        asked = path("s0-q", "scaledobject.keda.sh/name=a", "default")
        first = (await got(client, asked)).body
        assert first["items"][0]["value"] == "250"
        assert (await got(client, asked)).body == first
        assert server.fetched == [("q",)]


async def test_over_the_real_line_a_source_that_fails_is_an_error(api: Served, client: aiohttp.ClientSession) -> None:
    server = Server({"q": Raised(SourceError("the broker is away"))})
    async with scene() as stage:
        api.board, api.refresh = stage.board, stage.loop.refresh
        stage.add("a", trigger(Batch("a", server=server), "q"))
        await stage.settled(0.05)
        answer = await got(client, path("s0-q", "scaledobject.keda.sh/name=a", "default"))
        assert refused(answer) == (500, "InternalError", "s0-q: the broker is away")

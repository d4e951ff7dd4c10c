"""Requests to the API server, over loopback: what leaves, how answers and refusals are understood, and that no write
leaves that may not."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest

from scaler.errors import Busy, ClusterError, Conflict, Expired, Forbidden, Invalid, NotFound, NotLeading
from scaler.kubernetes.api import LONGEST_REST, METADATA_ONLY, REPEATS, Api, Patch, Request
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.config import Access
from scaler.kubernetes.objects import Custom, Hpa
from scaler.kubernetes.watch import Watch
from tests.kubernetes.scene import custom, hpa
from tests.kubernetes.script import bookmark, line
from tests.kubernetes.server import Server, answer, client, refusal, serving, silent, stream

T = TypeVar("T")
PATH = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
ONE = f"{PATH}/x"
FOREVER = float("inf")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as found:
        yield found


@pytest.fixture
async def api(server: Server, tmp_path: Path) -> AsyncIterator[Api]:
    async with client(tmp_path, server.url) as found:
        yield found


def raw(found: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(found))


# ------------------------------------------------------------------------------------------------------------ requests


async def test_an_object_is_read_as_what_it_is(server: Server, api: Api) -> None:
    server.replies = [answer(raw(hpa("x", version=8)))]
    assert await api.get(ONE, Hpa) == hpa("x", version=8)
    assert (server.last.method, server.last.path, server.last.body) == ("GET", ONE, b"")
    assert server.last.headers["Accept"] == "application/json"
    assert server.last.headers["User-Agent"].startswith("event-scaler/")


async def test_parameters_and_what_is_accepted(server: Server, api: Api) -> None:
    server.replies = [answer()]
    await api.get(PATH, dict, accept=METADATA_ONLY, labelSelector="a in (b, c),d!=ä", resourceVersion="0")
    assert server.last.parameters == {"labelSelector": "a in (b, c),d!=ä", "resourceVersion": "0"}
    assert server.last.headers["Accept"] == METADATA_ONLY


@pytest.mark.parametrize("kind", list(Patch))
async def test_a_patch_says_how_it_is_meant(server: Server, api: Api, kind: Patch) -> None:
    server.replies = [answer()]
    await api.patch(ONE, [{"op": "test"}], dict, kind=kind, force="true")
    assert (server.last.method, server.last.parameters) == ("PATCH", {"force": "true"})
    assert server.last.headers["Content-Type"] == kind.value
    assert json.loads(server.last.body) == [{"op": "test"}]


async def test_what_is_created_and_what_is_replaced(server: Server, api: Api) -> None:
    server.replies = [answer({"metadata": {"name": "x"}}, status=201), answer()]
    assert (await api.create(PATH, {"a": "ä"}, Hpa)).metadata.name == "x"
    await api.replace(ONE, {"a": 1}, dict)
    assert [(one.method, one.path, json.loads(one.body)) for one in server.received] == [
        ("POST", PATH, {"a": "ä"}),
        ("PUT", ONE, {"a": 1}),
    ]
    assert {one.headers["Content-Type"] for one in server.received} == {"application/json"}


async def test_what_is_deleted_is_that_very_object(server: Server, api: Api) -> None:
    server.replies = [answer(), answer()]
    await api.delete(ONE, uid="u1")
    await api.delete(ONE)
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    assert [json.loads(one.body) for one in server.received] == [{**options, "preconditions": {"uid": "u1"}}, options]


@pytest.mark.parametrize(
    ("reply", "gone"),
    [
        (answer({"kind": "Status", "status": "Success"}), True),
        (refusal(404), True),
        (answer({"metadata": {"finalizers": ["theirs"]}}), False),
        (answer({"metadata": {"name": "x"}}), True),
    ],
)
async def test_whether_it_is_gone(server: Server, api: Api, reply: Any, gone: bool) -> None:
    server.replies = [reply]
    assert await api.delete(ONE) is gone


@pytest.mark.parametrize("name", ["..", "a/../b", ".", "a?b", "a b", "", "ä", "a#b", "%2e%2e"])
async def test_a_name_that_no_object_can_have_is_asked_of_nobody(server: Server, api: Api, name: str) -> None:
    with pytest.raises(NotFound):
        await api.get(f"{PATH}/{name}/scale", dict)
    assert server.received == []


@pytest.mark.parametrize(
    "content",
    [b"", b"oops", b'{"metadata": 7}', b'{"metadata": {"name": "\xff"}}', b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}"],
)
async def test_an_answer_that_cannot_be_understood(server: Server, api: Api, content: bytes) -> None:
    server.replies = [answer(content)]
    with pytest.raises(ClusterError) as raised:
        await api.get(ONE, Hpa)
    assert str(raised.value) == f"the API server's answer at {ONE} cannot be understood"


async def test_a_connection_is_used_again(server: Server, api: Api) -> None:
    server.replies = [answer()] * 3
    for _ in range(3):
        await api.get(ONE, dict)
    assert len(server.connections) == 1


async def test_no_more_than_a_few_at_once(server: Server, tmp_path: Path) -> None:
    under_way = most = 0

    async def slow(_: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return await answer()(_)

    server.replies = [slow] * 6
    async with client(tmp_path, server.url, at_once=2) as api:
        await asyncio.gather(*(api.get(ONE, dict) for _ in range(6)))
    assert most == 2


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Invalid),
        (401, Forbidden),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Expired),
        (415, Invalid),
        (422, Invalid),
        (429, Busy),
        (500, ClusterError),
        (502, ClusterError),
        (503, Busy),
        (504, Busy),
    ],
)
async def test_a_refusal_is_one_of_ours(server: Server, api: Api, status: int, error: type[ClusterError]) -> None:
    server.replies = [refusal(status)]
    with pytest.raises(ClusterError) as raised:
        await api.get(ONE, dict)
    assert type(raised.value) is error
    assert str(raised.value) == f"GET {ONE}: as it is"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no json", "Too Many Requests"),
        (b'{"message": 7}', "Too Many Requests"),
        (b"{}", "429"),
        (b"\xff", "Too Many"),
    ],
)
async def test_a_refusal_in_other_words(server: Server, api: Api, content: bytes, why: str) -> None:
    server.replies = [answer(content, status=429)]
    with pytest.raises(Busy) as raised:
        await api.get(ONE, dict)
    assert str(raised.value).startswith(f"GET {ONE}: {why}")


async def test_a_long_one_is_cut(server: Server, api: Api) -> None:
    server.replies = [refusal(422, "x" * 10_000)]
    with pytest.raises(Invalid) as raised:
        await api.get(ONE, dict)
    assert len(str(raised.value)) < 600


async def test_a_version_of_another_history_has_expired(server: Server, api: Api) -> None:
    server.replies = [refusal(504, "Timeout: Too large resource version: 90, current: 7")]
    with pytest.raises(Expired):
        await api.get(PATH, dict)


async def test_nobody_is_there(server: Server, tmp_path: Path) -> None:
    async with serving() as gone:
        url = gone.url
    async with client(tmp_path, url) as api:
        with pytest.raises(ClusterError) as raised:
            await api.get(ONE, dict)
        assert str(raised.value) == "the API server cannot be reached (ClientConnectorError)"
        with pytest.raises(ClusterError, match="cannot be reached"):
            async with api.watch(PATH, within=1):
                pass


async def test_a_server_that_does_not_answer(server: Server, tmp_path: Path) -> None:
    server.replies = [silent, stream(b'{"half": ', FOREVER)]
    async with client(tmp_path, server.url, patience=0.05) as api:
        for _ in range(2):
            with pytest.raises(ClusterError) as raised:
                await api.get(ONE, dict)
            assert str(raised.value) == "the API server did not answer in 0.05 s"


async def test_an_answer_that_is_cut_off(server: Server, api: Api) -> None:
    server.replies = [stream(b'{"half": ', cut=True)]
    with pytest.raises(ClusterError, match="cannot be reached"):
        await api.get(ONE, dict)


# ---------------------------------------------------------------------------------------------------------- repetition


class Repeated(Api):
    """An `Api` whose every request meets the next of `replies`, in virtual time."""

    def __init__(self, *replies: Any) -> None:
        super().__init__(cast(Access, None))
        self.replies, self.times = list(replies), list[float]()

    async def _sent(self, request: Request, as_: type[T]) -> T:
        self.times.append(asyncio.get_running_loop().time())
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return cast(T, reply)


@pytest.mark.looptime
async def test_what_the_server_asks_us_to_repeat_is_repeated_when_it_asks_for_it() -> None:
    api = Repeated(Busy("wait", retry_after=3), Busy("wait", retry_after=300), {"a": 1})
    assert await api.get(ONE, dict) == {"a": 1}
    assert api.times == [0, 3, 3 + LONGEST_REST]


@pytest.mark.looptime
async def test_not_for_ever() -> None:
    api = Repeated(*[Busy("wait", retry_after=1)] * (REPEATS + 2))
    with pytest.raises(Busy):
        await api.get(ONE, dict)
    assert len(api.times) == REPEATS + 1


@pytest.mark.looptime
async def test_others_go_on_meanwhile() -> None:
    api = Repeated(*[Busy("wait", retry_after=1)] * 40, *[{}] * 41)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(40):
            tasks.create_task(api.get(ONE, dict))
        await asyncio.sleep(0.5)
        await api.get(ONE, dict)
        assert asyncio.get_running_loop().time() == 0.5


@pytest.mark.parametrize("header", ["", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "0"])
async def test_what_it_does_not_ask_for_is_not_repeated(server: Server, api: Api, header: str) -> None:
    server.replies = [refusal(429, **({"Retry_After": header} if header else {}))]
    with pytest.raises(Busy) as raised:
        await api.get(ONE, dict)
    assert (raised.value.retry_after, len(server.received)) == (0.0, 1)


# ----------------------------------------------------------------------------------------------------------- the fence


class Lead:
    """Leave to write, for so many questions."""

    def __init__(self, questions: float = FOREVER) -> None:
        self.left, self.asked = questions, 0

    def fence(self) -> None:
        self.asked += 1
        if self.left < self.asked:
            raise NotLeading("the lease is lost")


async def writes(api: Api) -> list[str]:
    """Each way to write, and what came of it."""
    outcomes = []
    for write in (
        api.create(PATH, {}, dict),
        api.replace(ONE, {}, dict),
        api.patch(ONE, {}, dict),
        api.delete(ONE, uid="u1"),
    ):
        try:
            await write
            outcomes.append("written")
        except NotLeading:
            outcomes.append("refused")
    return outcomes


async def test_while_it_leads_each_write_asks_twice_and_no_question_asks(server: Server, api: Api) -> None:
    lead = Lead()
    fenced = api.fenced(lead.fence)
    server.replies = [answer()] * 5
    await fenced.get(ONE, dict)
    assert lead.asked == 0
    assert await writes(fenced) == ["written"] * 4
    assert lead.asked == 8


async def test_without_the_lead_nothing_leaves_and_nobody_is_connected_to(server: Server, api: Api) -> None:
    assert await writes(api.fenced(Lead(0).fence)) == ["refused"] * 4
    assert (server.received, server.connections) == ([], set())


async def test_the_lead_may_be_lost_while_the_connection_is_made(server: Server, api: Api) -> None:
    """As when the process is stopped between the two."""
    lead = Lead(1)
    with pytest.raises(NotLeading):
        await api.fenced(lead.fence).patch(ONE, {}, dict)
    await asyncio.sleep(0.02)
    assert (lead.asked, server.received) == (2, [])


async def test_or_on_a_connection_that_is_there(server: Server, api: Api) -> None:
    server.replies = [answer()] * 2
    await api.get(ONE, dict)
    with pytest.raises(NotLeading):
        await api.fenced(Lead(1).fence).patch(ONE, {}, dict)
    await api.get(ONE, dict)
    assert [one.method for one in server.received] == ["GET", "GET"]


async def test_others_of_the_same_connections_are_not_fenced(server: Server, api: Api) -> None:
    api.fenced(Lead(0).fence)
    server.replies = [answer()] * 4
    assert await writes(api) == ["written"] * 4


# ------------------------------------------------------------------------------------------------------------ warnings


async def test_a_warning_is_said_once(server: Server, api: Api, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"Warning": '299 - "v2beta2 is deprecated"'}
    server.replies = [answer(headers=headers), answer(headers=headers), answer(headers={"Warning": '299 - "other"'})]
    fenced = api.fenced(Lead().fence)
    for one in (api, fenced, api):
        await one.get(ONE, dict)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        'the API server warns: 299 - "v2beta2 is deprecated"',
        'the API server warns: 299 - "other"',
    ]


# ------------------------------------------------------------------------------------------------------------- watches


async def lines(api: Api, *, within: float = 5.0) -> tuple[list[bytes], str]:
    """What a watch gave, and how it ended."""
    got: list[bytes] = []
    try:
        async with api.watch(PATH, within=within, resourceVersion="7") as found:
            async for one in found:
                got.append(one)  # noqa: PERF401  # what came before a failure counts
    except ClusterError as error:
        return got, f"{type(error).__name__}: {error}"
    return got, ""


async def test_lines_are_whole_however_they_come(server: Server, api: Api) -> None:
    server.replies = [stream(b"on", 0.005, b"e\ntwo\n\nth", 0.005, b"ree\n")]
    assert await lines(api) == ([b"one", b"two", b"three"], "")
    assert server.last.parameters == {"resourceVersion": "7", "watch": "1"}


async def test_a_line_may_be_megabytes(server: Server, api: Api) -> None:
    server.replies = [stream(b"x" * 3_000_000, b"\nend\n")]
    got, _ = await lines(api)
    assert [len(one) for one in got] == [3_000_000, 3]


@pytest.mark.parametrize("cut", [True, False])
async def test_half_a_line_is_nothing(server: Server, api: Api, cut: bool) -> None:
    server.replies = [stream(b"one\n", b'{"type":"ADD', 0.01, cut=cut)]
    got, ending = await lines(api)
    assert got == [b"one"]
    assert ending.startswith("ClusterError: the API server cannot be reached") is cut


async def test_a_watch_that_is_silent_for_too_long(server: Server, api: Api) -> None:
    server.replies = [stream(b"one\n", FOREVER)]
    assert await lines(api, within=0.05) == ([b"one"], "ClusterError: the API server has fallen silent")


async def test_a_watch_that_never_begins(server: Server, tmp_path: Path) -> None:
    """However long it may be silent later."""
    server.replies = [silent]
    async with client(tmp_path, server.url, patience=0.05) as api:
        assert await lines(api, within=600) == ([], "ClusterError: the API server has fallen silent")


async def test_a_watch_may_last_longer_than_any_other_request(server: Server, tmp_path: Path) -> None:
    server.replies = [stream(b"one\n", 0.1, b"two\n")]
    async with client(tmp_path, server.url, patience=0.05) as api:
        assert await lines(api) == ([b"one", b"two"], "")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refusal(410), "Expired: WATCH"),
        (refusal(404), "NotFound: WATCH"),
        (refusal(422), "Invalid: WATCH"),
        (refusal(500), "ClusterError: WATCH"),
    ],
)
async def test_a_watch_that_is_refused(server: Server, api: Api, reply: Any, expected: str) -> None:
    server.replies = [reply]
    assert await lines(api) == ([], f"{expected} {PATH}: as it is")


async def test_a_busy_server_is_left_to_who_watches(server: Server, api: Api) -> None:
    server.replies = [refusal(429, Retry_After="7")]
    with pytest.raises(Busy) as raised:
        async with api.watch(PATH, within=5):
            pass
    assert (raised.value.retry_after, len(server.received)) == (7.0, 1)


async def test_watches_take_nobody_s_place(server: Server, tmp_path: Path) -> None:
    server.replies = [stream(b"one\n", FOREVER), answer()]
    async with (
        client(tmp_path, server.url, at_once=1) as api,
        api.watch(PATH, within=5) as found,
    ):
        assert await anext(found) == b"one"
        assert await api.get(ONE, dict) == {}


async def test_left_early_its_connection_is_closed_and_not_used_again(server: Server, api: Api) -> None:
    server.replies = [stream(b"one\n", FOREVER), answer()]
    async with api.watch(PATH, within=5) as found:
        await anext(found)
    await api.get(ONE, dict)
    assert len(server.connections) == 2


# ----------------------------------------------------------------------------------------- the protocol, end to end

OBJECTS = "/apis/keda.sh/v1alpha1/scaledobjects"


async def watched(api: Api, cache: Cache[Custom], name: str) -> None:
    """Until the cache knows an object of that name."""
    known = asyncio.Event()
    cache.listen(lambda _, now: known.set() if now and now.metadata.name == name else None)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Watch(api, OBJECTS, cache, Custom).run())
        await known.wait()
        running.cancel()


async def test_a_streaming_list_a_watch_cut_in_the_middle_of_a_line_and_what_follows(server: Server, api: Api) -> None:
    event = line("ADDED", custom("b", version=12))
    server.replies = [
        stream(line("ADDED", custom("a", version=3)) + b"\n", bookmark(10, last=True) + b"\n", FOREVER),
        stream(bookmark(11) + b"\n" + event[:40], 0.01, cut=True),
        stream(event + b"\n", FOREVER),
    ]
    cache = Cache[Custom]()
    await watched(api, cache, "b")
    assert {found.metadata.name for found in cache.values()} == {"a", "b"}
    assert [one.parameters.get("resourceVersion") for one in server.received] == [None, "10", "11"]
    assert server.received[0].parameters["sendInitialEvents"] == "true"


@pytest.mark.parametrize("status", [400, 422])
async def test_an_older_server_and_its_pages(server: Server, api: Api, status: int) -> None:
    first = {"metadata": {"resourceVersion": "20", "continue": "more?&"}, "items": [custom("a", version=3)]}
    second = {"metadata": {"resourceVersion": "20"}, "items": [custom("b", version=4)]}
    server.replies = [
        refusal(status, "sendInitialEvents is forbidden"),
        answer(raw(first)),
        answer(raw(second)),
        stream(line("ADDED", custom("c", version=21)) + b"\n", FOREVER),
    ]
    cache = Cache[Custom]()
    await watched(api, cache, "c")
    assert {found.metadata.name for found in cache.values()} == {"a", "b", "c"}
    assert [one.parameters.get("continue") for one in server.received] == [None, None, "more?&", None]
    assert server.last.parameters["resourceVersion"] == "20"


async def test_a_version_that_is_too_old_and_a_new_list(server: Server, api: Api) -> None:
    gone = line("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
    server.replies = [
        stream(line("ADDED", custom("a", version=3)) + b"\n" + bookmark(10, last=True) + b"\n"),
        stream(gone + b"\n"),
        stream(line("ADDED", custom("b", version=30)) + b"\n" + bookmark(40, last=True) + b"\n"),
    ]
    cache = Cache[Custom]()
    await watched(api, cache, "b")
    for _ in range(50):
        await asyncio.sleep(0)
    assert "sendInitialEvents" in server.received[2].parameters


# ------------------------------------------------------------------------------------------------------------ counting


async def test_what_is_answered_is_counted_by_status_and_method(server: Server, api: Api) -> None:
    server.replies = [answer(raw(hpa("x"))), refusal(409), refusal(404), answer(raw(hpa("x")))]
    await api.get(ONE, Hpa)
    with pytest.raises(Conflict):
        await api.fenced(lambda: None).patch(ONE, {}, Hpa)
    assert await api.delete(ONE)
    await api.create(PATH, {}, Hpa)
    assert api.answered == {(200, "GET"): 1, (409, "PATCH"): 1, (404, "DELETE"): 1, (200, "POST"): 1}
    assert server.url.endswith(api.host)

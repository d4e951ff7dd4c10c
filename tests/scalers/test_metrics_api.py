"""metrics-api: where numbers stand in four formats, hostile pages and paths, and the ways to log in."""

import base64
import fnmatch
import json
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.declare import UNRESOLVED, load
from scaler.errors import AnswerError, SourceError
from scaler.sdk import Anonymous, ClientCredentials, Fixed, Get, Http, Reply, Several, Tls, basic, bearer
from scalers import _gjson
from scalers._endpoints import ServiceEndpoints
from scalers._metric_formats import LARGEST, value_at
from scalers.metrics_api import MetricsApi
from tests.rig.oauth import TokenEndpoint
from tests.sdk.servers import serving

METADATA = {"url": "http://api:3232/v1/stats?x=1", "valueLocation": "tasks", "targetValue": "8"}


def loaded(metadata: dict[str, str] | None = None, auth: dict[str, str] | None = None) -> MetricsApi:
    result = load(MetricsApi, {**METADATA, **(metadata or {})}, auth or {}, {})
    assert result.problems == {}
    assert result.value is not None
    return result.value


def problems(metadata: dict[str, str], auth: dict[str, str] | None = None) -> dict[str, str]:
    return dict(load(MetricsApi, {**METADATA, **metadata}, auth or {}, {}).problems)


def value(form: str, location: str, page: Any) -> float:
    body = page if isinstance(page, bytes) else page.encode() if isinstance(page, str) else json.dumps(page).encode()
    return value_at(Reply(body), form, location)


# ------------------------------------------------------------------------------------------------------ json: paths

DOCUMENT = json.loads(r"""{"name": {"first": "Tom"}, "age": 37, "tiny": 1e-3, "children": ["Sara", "Alex"],
 "fav.movie": 5, "a*b": 6, "pi|pe": 7, "vals": [[1, 2], [3, [4]], 6], "ok": true, "nil": null, "n": {"0": 9, "#": 10},
 "friends": [{"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb"]},
             {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
             {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig"]}],
 "jobs": [{"s": "run", "n": 3, "x": true}, {"s": "wait", "n": 5, "x": false}, {"s": "wait(2)", "n": 8}]}""")

PATHS = [  # answered by github.com/tidwall/gjson v1.18.0
    ("age", 37),
    ("name.first", "Tom"),
    ("tiny", 0.001),
    ("fav\\.movie", 5),
    ("a\\*b", 6),
    ("pi\\|pe", 7),
    ("children.#", 2),
    ("children.1", "Alex"),
    ("friends.#", 3),
    ("friends.1.age", 68),
    ("friends.#.age", [44, 68, 47]),
    ("friends.#.age|2", 47),
    ('friends.#(last=="Craig").age', 68),
    ('friends.#(last="Craig").age', 68),
    ("friends.#(age>45).age", 68),
    ("friends.#(age>=68).age", 68),
    ("friends.#(age<45).age", 44),
    ("friends.#(age!=44).age", 68),
    ('friends.#(first%"J*").age', 47),
    ('friends.#(first!%"D*").age', 68),
    ('friends.#(last=="Murphy")#|#', 2),
    ('friends.#(last=="Murphy")#.age|1', 47),
    ('friends.#(nets.#(=="tw")).age', 68),
    ("friends.#(nets.#>1)#|#", 2),
    ('jobs.#(s=="wait").n', 5),
    ('jobs.#(s=="wait(2)").n', 8),
    ("jobs.#(x==true).n", 3),
    ("jobs.#(x==false).n", 5),
    ("jobs.#(x!=true).n", 5),
    ("jobs.#(n).n", 3),
    ('jobs.#(s%"wait*")#.n|#', 2),
    ('jobs.#(s>"s").n', 5),
    ("vals.#(>5)", 6),
    ("f*.1.age", 68),
    ("fr?ends.0.age", 44),
    ("n.0", 9),
    ("n.#", 10),
    ("vals.@flatten.2", 3),
    ("vals.@reverse.0", 6),
    ("friends.@reverse.0.age", 47),
    ("friends|1|age", 68),
    ("friends.1|age", 68),
    ("name.@values|0", "Tom"),
    ("n.@keys.#", 2),
    ("@this.age", 37),
    ("ok", True),
    ("nil", None),
    ("friends.#(age>100).age", _gjson.MISSING),
    ("nope", _gjson.MISSING),
    ("name.nope", _gjson.MISSING),
    ("children.7", _gjson.MISSING),
    ("children.-1", _gjson.MISSING),
    ("children.Sara", _gjson.MISSING),
    ("age.x", _gjson.MISSING),
    ("friends.99.age", _gjson.MISSING),
    ("n.#.x", _gjson.MISSING),
    ('friends.#(nope=="x").age', _gjson.MISSING),
]


@pytest.mark.parametrize(("path", "found"), PATHS)
def test_a_path_leads_where_gjson_says(path: str, found: Any) -> None:
    assert _gjson.problem(path) == ""
    assert _gjson.get(DOCUMENT, path) == found


@pytest.mark.parametrize(
    "path", ["friends.#(", "friends.#(age", "friends.#(age>", "#", "#.", "a#", "@", "@x", "\\", "("]
)
def test_a_broken_path_leads_nowhere(path: str) -> None:
    assert _gjson.get(DOCUMENT, path) is _gjson.MISSING


@pytest.mark.parametrize(
    "path",
    ["[a,b]", "{a,b}", "!1", "..#", "a.[b]", "a.@tostr", "@flatten:{}", "a.#[b]", "#(a==~true)", "a.", "x" * 513],
)
def test_what_is_left_out_of_gjson_is_said(path: str) -> None:
    assert problems({"valueLocation": path}).keys() == {"valueLocation"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.#*0", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON, st.text('ab.#*?|@\\()"=<>%01 ', max_size=30))
def test_no_path_breaks(document: Any, path: str) -> None:
    _gjson.get(document, path)


@settings(deadline=None)
@given(st.text("ab*?\\", max_size=20), st.text("ab", max_size=20))
def test_a_wildcard_means_what_it_says(pattern: str, text: str) -> None:
    plain = pattern.replace("\\", "")
    assert _gjson._like(text, plain) == fnmatch.fnmatchcase(text, plain)


def test_no_wildcard_hangs() -> None:
    assert not _gjson._like("a" * 1024, "a*" * 200 + "b")
    assert not _gjson._like("a" * 1025, "*")


# ---------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("written", "found"),
    [(32, 32.0), (2.43, 2.43), (-1, -1.0), (0, 0.0), ("64", 64.0), ("1k", 1000.0), ("500m", 0.5), ("2Ki", 2048.0)],
)
def test_numbers_and_quantities(written: Any, found: float) -> None:
    assert value("json", "tasks", {"tasks": written}) == found


@pytest.mark.parametrize("written", [True, False, None, "", "NaN", "12 tasks", "hush", [], [1], {}, {"a": 1}, "1e9999"])
def test_anything_else_is_an_error_that_does_not_quote_it(written: Any) -> None:
    with pytest.raises(AnswerError) as caught:
        value("json", "tasks", {"tasks": written})
    assert "tasks" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("form", ["json", "yaml", "xml", "prometheus"])
@pytest.mark.parametrize(
    "page", [b"", b"<html>Bad gateway</html>", b"null", b"[]", b"{}", b"\xff\xfe\x00", b'{"tasks": 5']
)
def test_a_page_that_is_something_else_is_not_zero(form: str, page: bytes) -> None:
    with pytest.raises(AnswerError):
        value(form, "tasks", page)


@pytest.mark.parametrize("form", sorted(LARGEST))
def test_a_page_may_be_too_large(form: str) -> None:
    with pytest.raises(AnswerError, match="too much for"):
        value(form, "tasks", b" " * (LARGEST[form] + 1))


@pytest.mark.parametrize(
    ("form", "page", "sentence"),
    [
        ("json", "[", "the answer is not JSON"),
        ("json", '{"a":', "the answer is not JSON"),
        ("yaml", "[", "the answer is nested more than 100 levels deep"),
        ("yaml", "{a: ", "the answer is nested more than 100 levels deep"),
        ("yaml", "- ", "the answer is nested more than 100 levels deep"),
        ("xml", "<a>", "the answer is not XML"),
    ],
)
def test_a_deep_page_is_refused_and_harms_nobody(form: str, page: str, sentence: str) -> None:
    """In a process of its own: the parsers that are to be had, left to themselves, end the process here."""
    program = (
        "from scaler.errors import AnswerError; from scaler.sdk import Reply\n"
        "from scalers._metric_formats import LARGEST, value_at\n"
        f"page = {page!r}.encode() * (LARGEST[{form!r}] // len({page!r}))\n"
        f"try: value_at(Reply(page), {form!r}, 'a')\n"
        "except AnswerError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert run.stdout.strip() == sentence


def test_infinity_reaches_nobody() -> None:
    """`1e400` is a JSON number; that it is not finite is found where readings are made."""
    assert value("json", "tasks", '{"tasks": 1e400}') == float("inf")
    with pytest.raises(AnswerError):
        value("json", "tasks", '{"tasks": ' + "9" * 400 + "}")


# -------------------------------------------------------------------------------------------------- yaml, xml, text

YAML = """
components:
  - {id: 82328e93e, tasks: 32, str: '64', k: 1k, wrong: yes}
count: 2.43
7: 8
"""


@pytest.mark.parametrize(
    ("location", "found"),
    [("count", 2.43), ("components.0.tasks", 32), ("components.0.str", 64), ("components.0.k", 1000), ("7", 8)],
)
def test_yaml(location: str, found: float) -> None:
    assert value("yaml", location, YAML) == found


@pytest.mark.parametrize(
    "location", ["components.0.wrong", "components.0.id", "components", "components.1", "components.-1", "count.x", ""]
)
def test_yaml_without_a_number(location: str) -> None:
    with pytest.raises(AnswerError):
        value("yaml", location, YAML)


@pytest.mark.parametrize(
    "page",
    [
        "tasks: !!python/object/apply:os.system ['true']",
        "tasks: [unclosed",
        "tasks: *nowhere",
        "a: &a [*a]\ntasks: *a",
        "tasks: 2026-01-01",
        "[" * 5000,
        "".join(
            f"{chr(97 + i)}: &{chr(97 + i)} [{','.join([f'*{chr(96 + i)}'] * 9) if i else '1'}]\n" for i in range(20)
        ),
    ],
)
def test_yaml_that_means_harm(page: str) -> None:
    with pytest.raises(AnswerError):
        value("yaml", "tasks", page)


XML = """<?xml version="1.0" encoding="UTF-8"?>
<stats xmlns="urn:x"><queue><size> 12 </size></queue><worker><tasks>3</tasks></worker>
<worker><tasks>4k</tasks><name>b</name></worker></stats>"""


@pytest.mark.parametrize(
    ("location", "found"),
    [("stats.queue.size", 12), ("stats.worker.tasks", 3), ("stats.worker.1.tasks", 4000), ("stats.worker.0.tasks", 3)],
)
def test_xml(location: str, found: float) -> None:
    assert value("xml", location, XML) == found


@pytest.mark.parametrize(
    "location", ["queue.size", "stats", "stats.worker.2.tasks", "stats.worker.1.name", "stats..size"]
)
def test_xml_without_a_number(location: str) -> None:
    with pytest.raises(AnswerError):
        value("xml", location, XML)


@pytest.mark.parametrize(
    "page",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY x "1"><!ENTITY y "&x;&x;">]><a>&y;</a>',
        '<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><a>1</a>',
        "<a>&unknown;</a>",
        "<a>1",
        "<a>1</a><b/>",
    ],
)
def test_xml_that_means_harm(page: str) -> None:
    with pytest.raises(AnswerError):
        value("xml", "a", page)


SAMPLES = """# HELP queue_size Total number of queued items
# TYPE queue_size counter
queue_size{queueName="zeta",tenant="a"} 1
queue_size{queueName="alpha",tenant="a",note="br}ace \\"and\\" \\\\ n\\n"} 2.5 1395066363000
queue_size{queueName="alpha", tenant="b", } 3 # {trace="x"} 0.1
queue_size_total 4
plain 5
plain 6
nothing NaN
endless +Inf
broken{a="b} 7
worse
spaced\t8
"""


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("queue_size", 1),
        ('queue_size{queueName="alpha"}', 2.5),
        ('queue_size{queueName="alpha",tenant="b"}', 3),
        ('queue_size{note="br}ace \\"and\\" \\\\ n\\n"}', 2.5),
        ('{__name__="queue_size",tenant="b"}', 3),
        (' queue_size { tenant = "b" , } ', 3),
        ("queue_size_total", 4),
        ("plain", 5),
        ("plain{}", 5),
        ("spaced", 8),
        ("endless", float("inf")),
    ],
)
def test_prometheus(location: str, found: float) -> None:
    assert problems({"format": "prometheus", "valueLocation": location}) == {}
    assert value("prometheus", location, SAMPLES) == found
    assert value("prometheus", location, SAMPLES.replace("\n", "\r\n")) == found


@pytest.mark.parametrize(
    "location", ["queue", "absent", 'queue_size{queueName="beta"}', "broken", "worse", 'plain{a=""}']
)
def test_prometheus_without_the_sample(location: str) -> None:
    with pytest.raises(AnswerError):
        value("prometheus", location, SAMPLES)


@pytest.mark.parametrize(
    "location",
    ["", "{}", "1abc", "name{", "name{a}", 'name{a="b"', 'name{a="b"} x', 'name{a=~"b"}', 'name{a!="b"}', "a b"],
)
def test_a_selector_that_is_none(location: str) -> None:
    assert problems({"format": "prometheus", "valueLocation": location or " "}).keys() == {"valueLocation"}


# ------------------------------------------------------------------------------------------------------- declaration


@pytest.mark.parametrize("url", ["api", "ftp://api", "http://", "http://api:port", "http://api:0", "://"])
def test_a_url_is_whole(url: str) -> None:
    assert problems({"url": url}) == {"url": "must be a whole URL such as http://service:8080/path"}


def test_what_stands_behind_the_host_belongs_to_the_question() -> None:
    """Two numbers of one server are one pool of connections."""
    one, other = loaded(), loaded({"url": "http://api:3232/v1/other#top"})
    assert one.source() == other.source() == Http("http://api:3232")
    assert (one.ask(), other.ask()) == (Get("/v1/stats?x=1"), Get("/v1/other"))


def test_the_target_is_not_needed_beside_a_formula() -> None:
    scaler = load(MetricsApi, {name: text for name, text in METADATA.items() if name != "targetValue"}, {}, {}).value
    assert scaler is not None
    assert list(scaler.aims(None).values()) == [None]


def test_the_name_is_kedas() -> None:
    assert loaded({"valueLocation": "a.b"}).label() == "metric-api-a.b"


def test_time_out_and_trust() -> None:
    source = loaded({"timeout": "1500", "unsafeSsl": "true"}).source()
    assert isinstance(source, Http)
    assert source.timeout == 1.5
    assert source.tls == Tls(verify=False)


# -------------------------------------------------------------------------------------------------------- logging in


@pytest.mark.parametrize(
    ("modes", "auth", "signer"),
    [
        ("", {}, Anonymous()),
        ("apiKey", {"apiKey": "k"}, Fixed((("X-API-KEY", "k"),))),
        ("apiKey", {"apiKey": "k", "keyParamName": "Key"}, Fixed((("Key", "k"),))),
        ("apiKey", {"apiKey": "k", "method": "query"}, Fixed(params=(("api_key", "k"),))),
        ("basic", {"username": "u", "password": "p"}, basic("u", "p")),
        ("basic", {"username": "u"}, basic("u", "")),
        ("bearer", {"bearerToken": "t"}, bearer("t")),
        ("bearer", {"token": "t"}, bearer("t")),
        ("custom", {"customAuthHeader": "H", "customAuthValue": "v"}, Fixed((("H", "v"),))),
        (
            "oauth",
            {"oauthTokenURI": "http://t", "clientID": "c", "scopes": "a, b", "endpointParams": "x=1&y=2"},
            ClientCredentials("http://t", "c", "", ("a", "b"), (("x", "1"), ("y", "2"))),
        ),
        (
            "apiKey, basic",
            {"apiKey": "k", "username": "u"},
            Several((Fixed((("X-API-KEY", "k"),)), basic("u", ""))),
        ),
    ],
)
def test_ways_to_log_in(modes: str, auth: dict[str, str], signer: Any) -> None:
    for name in ("authModes", "authMode"):
        source = loaded({name: modes}, auth).source()
        assert isinstance(source, Http)
        assert source.auth == signer
    assert loaded({}, {**auth, "authMode": modes}).source() == source


@pytest.mark.parametrize(
    ("modes", "missing"),
    [
        ("apiKey", ["apiKey"]),
        ("basic", ["username"]),
        ("bearer", ["bearerToken"]),
        ("tls", ["cert", "key"]),
        ("custom", ["customAuthHeader", "customAuthValue"]),
        ("oauth", ["oauthTokenURI", "clientID"]),
        ("magic", ["authModes"]),
        ("apiKey,magic", ["authModes"]),
    ],
)
def test_what_a_way_needs(modes: str, missing: list[str]) -> None:
    assert list(problems({"authModes": modes})) == missing
    if "magic" not in modes:
        assert load(MetricsApi, {**METADATA, "authModes": modes}, UNRESOLVED, {}).problems == {}


@pytest.mark.parametrize("modes", ["basic,bearer", "bearer,oauth", "basic,oauth"])
def test_ways_that_exclude_each_other(modes: str) -> None:
    auth = {"username": "u", "token": "t", "oauthTokenURI": "http://t", "clientID": "c"}
    assert problems({"authModes": modes}, auth) == {"authModes": "must have only one of bearer, basic, oauth"}


def test_a_certificate_counts_for_tls_alone_and_an_authority_always() -> None:
    pem = {"cert": "C", "key": "K", "ca": "A"}
    plain, tls = (loaded(metadata, pem).source() for metadata in ({}, {"authModes": "tls"}))
    assert isinstance(plain, Http)
    assert isinstance(tls, Http)
    assert plain.tls == Tls(ca="A")
    assert tls.tls == Tls(ca="A", cert="C", key="K")


def test_a_user_in_the_url_is_no_part_of_what_people_see() -> None:
    source = loaded({"url": "https://us%40er:hush@api/x"}).source()
    assert source == Http("https://api", basic("us@er", "hush"))
    assert "hush" not in f"{source} {source!r}"
    own = loaded({"url": "http://user:hush@api/x", "authModes": "bearer"}, {"token": "t"}).source()
    assert own == Http("http://api", bearer("t"))


# ----------------------------------------------------------------------------------------------------------- sources


def test_endpoints_wait_for_a_cluster_and_the_manifest_is_valid() -> None:
    metadata = {"aggregateFromKubeServiceEndpoints": "true", "aggregationType": "max", "url": "http://api.shop:80/x"}
    source = loaded(metadata).source()
    assert source == ServiceEndpoints(Http("http://api.shop:80"))
    assert "aggregationType" in problems({"aggregationType": "median"})


async def test_endpoints_say_that_they_wait_for_a_cluster() -> None:
    with pytest.raises(SourceError, match="aggregateFromKubeServiceEndpoints needs a cluster"):
        async with ServiceEndpoints(Http("http://api.shop:80")).open():
            raise AssertionError("it opens")


async def asked(scaler: MetricsApi) -> Reply | SourceError:
    async with scaler.source().open() as connection:
        return (await connection.fetch([scaler.ask()]))[0]


async def test_a_number_over_http() -> None:
    async def handle(request: web.Request) -> web.Response:
        expected = base64.b64encode(b"u:p").decode()
        assert request.headers["Authorization"] == f"Basic {expected}"
        assert request.path_qs == "/v1/stats?x=1&api_key=k%26k"
        return web.json_response({"tasks": "3k"})

    async with serving(handle) as url:
        auth = {"username": "u", "password": "p", "apiKey": "k&k", "method": "query"}
        scaler = loaded({"url": f"{url}/v1/stats?x=1", "authModes": "apiKey,basic"}, auth)
        answer = await asked(scaler)
    assert isinstance(answer, Reply)
    assert scaler.read(answer) == 3000.0


async def test_a_token_of_an_endpoint(oauth: TokenEndpoint) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"tasks": int(request.headers["Authorization"].startswith("Bearer "))})

    async with serving(handle) as url:
        auth = {"oauthTokenURI": oauth.url, "clientID": oauth.client, "clientSecret": oauth.secret, "scope": "read"}
        scaler = loaded({"url": f"{url}/", "authModes": "oauth"}, auth)
        answer = await asked(scaler)
    assert isinstance(answer, Reply)
    assert scaler.read(answer) == 1.0
    assert oauth.requests[0].scope == "read"

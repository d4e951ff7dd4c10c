"""The fixed documents, as kube-apiserver and its controllers ask for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from scaler.web.discovery import AGGREGATED, GROUP, OPENAPI, ROOT
from tests.web.asking import Served, got, served

OLDER = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
ASKER = {"X-Remote-User": "system:kube-aggregator"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as made:
        yield made


@pytest.fixture
async def client(api: Served) -> AsyncIterator[aiohttp.ClientSession]:
    async with api.client(api.authorities.proxy()) as session:
        session.headers.update(ASKER)
        yield session


async def test_the_resources_are_one_placeholder_that_can_only_be_got(client: aiohttp.ClientSession) -> None:
    answer = await got(client, ROOT)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "external.metrics.k8s.io/v1beta1",
        "resources": [
            {
                "name": "externalmetrics",
                "singularName": "",
                "namespaced": True,
                "kind": "ExternalMetricValueList",
                "verbs": ["get"],
            }
        ],
    }


async def test_the_group_for_those_who_ask_directly(client: aiohttp.ClientSession) -> None:
    group = (await got(client, f"/apis/{GROUP}")).body
    assert (group["kind"], group["name"]) == ("APIGroup", GROUP)
    assert group["preferredVersion"] == {"groupVersion": f"{GROUP}/v1beta1", "version": "v1beta1"}
    groups = (await got(client, "/apis")).body
    assert (groups["kind"], [one["name"] for one in groups["groups"]]) == ("APIGroupList", [GROUP])


@pytest.mark.parametrize(
    ("accept", "aggregated"),
    [
        (f"{AGGREGATED},{OLDER}", True),
        (f"{AGGREGATED}, application/json", True),
        (AGGREGATED.replace(";", "; "), True),
        (f"{AGGREGATED};profile=nopeer,{AGGREGATED}", True),
        (f"{OLDER},{AGGREGATED}", True),
        (OLDER, False),
        (f"application/json, {AGGREGATED}", False),
        ("application/json", False),
        ("*/*", False),
        ("application/vnd.kubernetes.protobuf, */*", False),
    ],
)
async def test_aggregated_discovery_is_for_those_who_ask_for_it(
    client: aiohttp.ClientSession, accept: str, aggregated: bool
) -> None:
    answer = await got(client, "/apis", {"Accept": accept})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == (AGGREGATED if aggregated else "application/json")
    assert answer.headers["Vary"] == "Accept"
    assert answer.body["kind"] == ("APIGroupDiscoveryList" if aggregated else "APIGroupList")


async def test_aggregated_discovery_says_the_same(client: aiohttp.ClientSession) -> None:
    answer = await got(client, "/apis", {"Accept": AGGREGATED})
    assert answer.body["apiVersion"] == "apidiscovery.k8s.io/v2"
    (item,) = answer.body["items"]
    assert item["metadata"] == {"name": GROUP, "creationTimestamp": None}
    (version,) = item["versions"]
    assert (version["version"], version["freshness"]) == ("v1beta1", "Current")
    assert version["resources"] == [
        {
            "resource": "externalmetrics",
            "responseKind": {"group": GROUP, "version": "v1beta1", "kind": "ExternalMetricValueList"},
            "scope": "Namespaced",
            "singularResource": "",
            "verbs": ["get"],
        }
    ]


@pytest.mark.parametrize("path", ["/apis", ROOT, "/openapi/v2", "/openapi/v3", OPENAPI])
async def test_whoever_has_a_document_is_not_sent_it_again(client: aiohttp.ClientSession, path: str) -> None:
    etag = (await got(client, path)).headers["ETag"]
    assert etag.startswith('"')
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await got(client, path, {"If-None-Match": known})
        assert (again.status, again.body, again.headers["ETag"]) == (304, "", etag)
    assert (await got(client, path, {"If-None-Match": '"other"'})).status == 200


async def test_the_two_forms_of_a_document_are_told_apart(client: aiohttp.ClientSession) -> None:
    plain = (await got(client, "/apis")).headers["ETag"]
    assert (await got(client, "/apis", {"Accept": AGGREGATED, "If-None-Match": plain})).status == 200


async def test_openapi_is_valid_and_describes_nothing(client: aiohttp.ClientSession) -> None:
    two = (await got(client, "/openapi/v2", {"Accept": "application/json"})).body
    assert (two["swagger"], two["paths"], set(two["info"])) == ("2.0", {}, {"title", "version"})
    listed = (await got(client, "/openapi/v3")).body["paths"]
    (address,) = (one["serverRelativeURL"] for one in listed.values())
    assert list(listed) == [ROOT[1:]]
    three = (await got(client, address)).body
    assert (three["openapi"], three["paths"]) == ("3.0.0", {})


async def test_an_old_address_of_the_schema_leads_to_the_new_one(client: aiohttp.ClientSession) -> None:
    moved = await got(client, f"{OPENAPI}?hash=OLD")
    assert moved.status == 301
    assert (await got(client, moved.headers["Location"])).status == 200
    assert (await got(client, OPENAPI)).status == 200


async def test_openapi_is_not_to_be_had_in_another_form(client: aiohttp.ClientSession) -> None:
    protobuf = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
    answer = await got(client, OPENAPI, {"Accept": protobuf})
    assert (answer.status, answer.body["reason"]) == (406, "NotAcceptable")
    assert (await got(client, OPENAPI, {"Accept": f"{protobuf}, application/json;q=0.5"})).status == 200


async def test_the_list_of_paths_leads_to_documents(client: aiohttp.ClientSession) -> None:
    for path in (await got(client, "/")).body["paths"]:
        assert (await got(client, path)).status == 200
    assert {"major", "minor", "gitVersion"} <= (await got(client, "/version")).body.keys()


async def test_a_document_can_only_be_read(client: aiohttp.ClientSession) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await got(client, ROOT, method=method)
        assert (answer.status, answer.body["reason"]) == (405, "MethodNotAllowed")
    assert (await got(client, ROOT, method="HEAD")).status == 200


@pytest.mark.parametrize(
    "path", ["/apis/apps/v1", f"/apis/{GROUP}/v1", f"{ROOT}/externalmetrics", f"{ROOT}/namespaces"]
)
async def test_what_is_not_there_is_not_found(client: aiohttp.ClientSession, path: str) -> None:
    answer = await got(client, path)
    assert (answer.status, answer.body["kind"], answer.body["reason"]) == (404, "Status", "NotFound")

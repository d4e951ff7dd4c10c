"""What is written before KEDA leads again, and that nobody else leads meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from scaler.errors import ManifestError, NotLeading
from scaler.kubernetes.handover.handback import (
    Deed,
    LetGo,
    PointTo,
    Stamp,
    Withdraw,
    carried_out,
    deeds,
    done,
    nobody_leading,
    remarks,
    told,
)
from scaler.kubernetes.handover.takeover import Led
from scaler.kubernetes.lease import Claim, Terms
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.reach.endpoint import Service
from scaler.kubernetes.reach.registration import ApiService
from scaler.manifests.watched import Ref
from tests.kubernetes.fake_api import FakeApi
from tests.kubernetes.scene import NAMESPACE, custom

pytestmark = [pytest.mark.looptime]

NOW, NOW_STAMP = 1_700_000_000.0, "2023-11-14T22:13:20Z"
REF = Ref("ScaledObject", NAMESPACE, "orders")
OBJECT = f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects/orders"
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/keda/leases/operator.keda.sh"
RESTORE = "event-scaler.dev/restore"
OURS = frozenset({("keda", "event-scaler-metrics-apiserver")})
KEDAS = Service("keda", "keda-operator-metrics-apiserver")


def scaled(active: str, *, reason: str = "SomeReason", last: str = "2023-11-14T20:00:00Z", **metadata: Any) -> Custom:
    conditions = [{"type": "Active", "status": active, "reason": reason}] if active else []
    return custom(status={"conditions": conditions, "lastActiveTime": last}, **metadata)


def registered(namespace: str = "keda", name: str = "event-scaler-metrics-apiserver") -> ApiService:
    return msgspec.convert({"spec": {"service": {"namespace": namespace, "name": name}}}, ApiService)


def planned(*objects: Custom, api_service: ApiService | None = None, to: Service | None = None) -> tuple[Deed, ...]:
    return deeds(objects, api_service, OURS, to=to, now=NOW)


# ------------------------------------------------------------------------------------------------------------- deciding


@pytest.mark.parametrize(
    ("one", "stamped"),
    [
        (scaled("True"), True),
        (scaled("False"), False),
        (scaled("Unknown", reason="UnknownState"), True),
        (scaled("Unknown", reason=""), False),
        (scaled(""), False),
        (custom(), False),
        (scaled("True", last="2023-11-14T22:13:21Z"), False),
        (scaled("True", last=""), True),
        (scaled("True", deletion_timestamp="2023-11-14T22:00:00Z"), False),
    ],
)
def test_active_objects_are_active_as_of_now(one: Custom, stamped: bool) -> None:
    assert planned(one) == ((Stamp(REF, NOW_STAMP),) if stamped else ())


def test_our_finalizer_goes_first_also_from_what_is_being_deleted() -> None:
    leaving = scaled("False", name="leaving", finalizers=(RESTORE,), deletion_timestamp="2023-11-14T22:00:00Z")
    staying = scaled("True", finalizers=(RESTORE, "theirs"))
    assert planned(staying, leaving, api_service=registered()) == (
        LetGo(REF),
        LetGo(Ref("ScaledObject", NAMESPACE, "leaving")),
        Stamp(REF, NOW_STAMP),
        Withdraw(),
    )


@pytest.mark.parametrize(
    ("found", "to", "wanted"),
    [
        (registered(), KEDAS, (PointTo(KEDAS),)),
        (registered(), None, (Withdraw(),)),
        (None, KEDAS, (PointTo(KEDAS),)),
        (None, None, ()),
        (registered("keda", KEDAS.name), KEDAS, ()),
        (registered("datadog", "metrics"), KEDAS, ()),
        (registered("datadog", "metrics"), None, ()),
        (ApiService(), None, ()),
    ],
)
def test_what_becomes_of_the_api_service(
    found: ApiService | None, to: Service | None, wanted: tuple[Deed, ...]
) -> None:
    """What is somebody else's is left to him."""
    assert planned(api_service=found, to=to) == wanted


def test_what_is_left_to_others_is_said() -> None:
    leaving = scaled("", name="leaving", finalizers=(RESTORE,), deletion_timestamp="2023-11-14T22:00:00Z")
    restoring = scaled("", name="restoring", finalizers=(RESTORE,))
    direct = scaled("", name="direct", annotations={"event-scaler.dev/mode": "direct"})
    found = remarks([leaving, restoring, direct, scaled("True")], registered("datadog", "metrics"), OURS)
    assert [one.about.rpartition("/")[2] for one in found[:3]] == ["leaving", "restoring", "direct"]
    assert "does not get its first count" in found[0].sentence
    assert found[3].sentence == "is not ours, it asks the Service datadog/metrics: left as it is"
    assert remarks([scaled("True")], registered(), OURS) == ()


@pytest.mark.parametrize("deed", [LetGo(REF), Stamp(REF, NOW_STAMP), PointTo(KEDAS), Withdraw()])
def test_each_can_be_told(deed: Deed) -> None:
    assert told(deed).about.startswith(("ScaledObject shop/orders", "APIService v1beta1"))
    assert told(deed).sentence


# ---------------------------------------------------------------------------------------------------------------- doing


async def test_a_stamp_touches_nothing_else() -> None:
    api = FakeApi()
    api.put(f"{OBJECT}/status", {"status": {"lastActiveTime": "old", "hpaName": "mine"}})
    await done(api, Stamp(REF, NOW_STAMP))
    assert api.objects[f"{OBJECT}/status"]["status"] == {"lastActiveTime": NOW_STAMP, "hpaName": "mine"}


async def test_only_our_finalizer_is_taken_off() -> None:
    api = FakeApi()
    api.put(OBJECT, {"metadata": {"finalizers": ["theirs", RESTORE]}})
    await done(api, LetGo(REF))
    assert api.objects[OBJECT]["metadata"]["finalizers"] == ["theirs"]


async def test_the_api_service_is_pointed_back_without_our_authority() -> None:
    """Where KEDA is to be trusted, KEDA writes itself."""
    api = FakeApi()
    api.put(
        API_SERVICE, {"spec": {"service": {"namespace": "keda", "name": "x"}, "caBundle": "b3Vycw==", "group": "g"}}
    )
    await done(api, PointTo(KEDAS))
    service = {"namespace": "keda", "name": KEDAS.name, "port": 443}
    assert api.objects[API_SERVICE]["spec"] == {"service": service, "group": "g"}


async def test_it_is_made_where_it_is_not_there() -> None:
    api = FakeApi()
    await done(api, PointTo(KEDAS))
    spec = api.objects[API_SERVICE]["spec"]
    assert (spec["service"]["name"], spec["group"], "caBundle" in spec) == (
        KEDAS.name,
        "external.metrics.k8s.io",
        False,
    )


async def test_it_is_withdrawn() -> None:
    api = FakeApi()
    api.put(API_SERVICE, {"spec": {}})
    await done(api, Withdraw())
    assert API_SERVICE not in api.objects


@pytest.mark.parametrize("deed", [LetGo(REF), Stamp(REF, NOW_STAMP), Withdraw()])
async def test_what_is_gone_meanwhile_needs_nothing(deed: Deed) -> None:
    await done(FakeApi(), deed)


# ------------------------------------------------------------------------------------------------------------ who leads


@pytest.fixture
def loop_clock() -> Callable[[], float]:
    return lambda: asyncio.get_running_loop().time()


def lease(holder: str, lasts: int = 15) -> dict[str, Any]:
    return {"spec": {"holderIdentity": holder, "leaseDurationSeconds": lasts, "renewTime": "1"}}


def claim(api: FakeApi, steady: Callable[[], float]) -> Claim:
    return Claim(api, "keda", "operator.keda.sh", identity="me", terms=Terms(), wall=lambda: NOW, steady=steady)


async def carried(api: FakeApi, mine: Claim) -> list[Deed]:
    return [one async for one in carried_out(api, [Withdraw()], [mine])]


async def test_the_lease_is_ours_meanwhile_and_given_up_then(loop_clock: Callable[[], float]) -> None:
    api = FakeApi()
    api.put(LEASE, lease(""))
    mine = claim(api, loop_clock)
    async with nobody_leading([(Led("keda"), mine)]):
        assert api.objects[LEASE]["spec"]["holderIdentity"] == "me"
        assert await carried(api, mine) == [Withdraw()]
    assert api.objects[LEASE]["spec"]["holderIdentity"] == ""


async def test_who_leads_is_not_waited_for(loop_clock: Callable[[], float]) -> None:
    api = FakeApi()
    api.put(LEASE, lease("keda_a"))

    async def renewed(_: Any) -> None:
        api.objects[LEASE]["spec"]["renewTime"] += "1"

    api.trouble = renewed
    with pytest.raises(
        ManifestError, match="keda_a leads by it; stop it first: kubectl -n keda scale deployment keda-op"
    ):
        async with nobody_leading([(Led("keda", "keda_a"), claim(api, loop_clock))]):
            pytest.fail("somebody else leads")
    assert api.writes == []
    assert loop_clock() < 3


async def test_who_is_gone_without_a_goodbye_is_waited_for(loop_clock: Callable[[], float]) -> None:
    api = FakeApi()
    api.put(LEASE, lease("event-scaler_a"))
    begun = loop_clock()
    async with nobody_leading([(Led("keda", "event-scaler_a", ours=True), claim(api, loop_clock))]):
        assert 15 <= loop_clock() - begun < 17


async def test_nothing_is_written_when_the_lease_is_lost(loop_clock: Callable[[], float]) -> None:
    api = FakeApi()
    api.put(LEASE, lease(""))
    api.put(API_SERVICE, {"spec": {}})
    mine = claim(api, loop_clock)
    async with nobody_leading([(Led("keda"), mine)]):
        mine.drop()
        api.put(LEASE, lease("keda_a"))
        with pytest.raises(NotLeading):
            await carried(api, mine)
    assert API_SERVICE in api.objects
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "keda_a"

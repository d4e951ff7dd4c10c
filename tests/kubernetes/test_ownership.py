"""Whose an HPA is: the guard that keeps two of them off one workload, adoption, transfer and rename."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from scaler.core.model import Goal, Spec
from scaler.kubernetes.hpa import Owner
from scaler.kubernetes.objects import Hpa
from scaler.kubernetes.ownership import (
    Adopt,
    Blocked,
    Claim,
    Create,
    Keep,
    Workload,
    claim,
    cleared,
    ours,
    workload_of,
)
from scaler.manifests.annotations import HPA_OWNERSHIP, TRANSFER_HPA_OWNERSHIP

SPEC = Spec("shop/orders", (Goal("s0-a", 1.0),), target_name="worker")
OWNER = Owner("orders", "shop", "u1")
TRANSFER = replace(OWNER, annotations={TRANSFER_HPA_OWNERSHIP: "true"})
NAMED = replace(TRANSFER, custom="theirs")
NAME = "keda-hpa-orders"

OURS = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "orders", "uid": "u1", "controller": True}
FORMER = OURS | {"uid": "u0"}
OTHER = OURS | {"name": "bills", "uid": "u2"}
USERS = {"apiVersion": "shop.example/v1", "kind": "Application", "name": "shop", "uid": "u3", "controller": True}
HTTP = OURS | {"apiVersion": "http.example/v1"}
KEDA = {"app.kubernetes.io/managed-by": "keda-operator", "app.kubernetes.io/part-of": "orders"}


def hpa(name: str, *owners: dict[str, Any], target: str = "worker", api_version: str = "apps/v1", **more: Any) -> Hpa:
    metrics = more.pop("metrics", [])
    metadata = {"name": name, "namespace": "shop", "ownerReferences": list(owners), **more}
    reference = {"apiVersion": api_version, "kind": "Deployment", "name": target}
    return msgspec.convert({"metadata": metadata, "spec": {"scaleTargetRef": reference, "metrics": metrics}}, Hpa)


def selecting(name: str) -> list[dict[str, Any]]:
    metric = {"name": "s0-a", "selector": {"matchLabels": {"scaledobject.keda.sh/name": name}}}
    return [{"type": "Resource", "resource": {"name": "cpu"}}, {"type": "External", "external": {"metric": metric}}]


MANAGED = "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the hpa '{}'"
UNNAMED = (
    "the existing hpa '{}' for workload 'worker' of type 'apps/v1.Deployment' must be specified by name in advanced "
    "settings to enable ownership transfer"
)
MINE = hpa(NAME, OURS)
OLD = hpa("keda-hpa-old", OURS)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((), Create()),
        ((MINE,), Keep(MINE)),
        ((hpa(NAME, OURS, target="before"),), Keep(hpa(NAME, OURS, target="before"))),
        ((hpa(NAME, FORMER),), Keep(hpa(NAME, FORMER))),
        ((hpa("x", target="else"),), Create()),
        ((hpa("x", api_version="apps.other/v1"),), Create()),
        ((OLD,), Create((OLD,))),
        ((OLD, MINE), Keep(MINE, (OLD,))),
        ((hpa("x", OURS, target="before"), MINE), Keep(MINE, (hpa("x", OURS, target="before"),))),
        ((hpa("x", OURS, deletionTimestamp="2026-01-01T00:00:00Z"),), Create()),
    ],
    ids=[
        "none",
        "ours",
        "ours of a former target",
        "ours of before the object was made anew",
        "of another workload",
        "of a workload of another group",
        "renamed",
        "renamed, half done",
        "renamed and retargeted",
        "renamed, the old one going",
    ],
)
def test_what_is_ours(found: tuple[Hpa, ...], expected: Claim) -> None:
    assert claim(SPEC, OWNER, among=found) == expected


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ((hpa("theirs"),), MANAGED.format("theirs")),
        ((hpa("theirs", USERS), MINE), MANAGED.format("theirs")),
        ((hpa("theirs", OTHER), MINE), MANAGED.format("theirs")),
        ((hpa("theirs", OURS | {"controller": False}),), MANAGED.format("theirs")),
        ((hpa("theirs", labels=KEDA),), MANAGED.format("theirs")),
        ((hpa("theirs", api_version="apps/v1beta2"),), MANAGED.format("theirs")),
        ((hpa("b"), hpa("a"), OLD), MANAGED.format("a")),
        ((hpa("theirs", annotations={HPA_OWNERSHIP: "true"}),), MANAGED.format("theirs")),
        ((hpa("keda-hpa-orders"),), MANAGED.format(NAME)),
        ((hpa(NAME, USERS, labels=KEDA),), MANAGED.format(NAME)),
        ((hpa(NAME, HTTP, labels=KEDA),), MANAGED.format(NAME)),
        ((hpa(NAME, labels=KEDA | {"app.kubernetes.io/part-of": "bills"}),), MANAGED.format(NAME)),
        ((hpa(NAME, labels=KEDA | {"app.kubernetes.io/managed-by": "Helm"}),), MANAGED.format(NAME)),
        ((hpa(NAME, metrics=selecting("bills")),), MANAGED.format(NAME)),
        (
            (hpa(NAME, labels=KEDA, target="else"),),
            "the hpa 'keda-hpa-orders' already exists and scales the Deployment 'else'",
        ),
        ((hpa(NAME, OTHER),), "the HPA 'keda-hpa-orders' is already managed by the ScaledObject 'bills'"),
        (
            (hpa(NAME, OTHER, target="else"),),
            "the HPA 'keda-hpa-orders' is already managed by the ScaledObject 'bills'",
        ),
    ],
)
def test_what_is_foreign_stops_all_writing(found: tuple[Hpa, ...], sentence: str) -> None:
    assert claim(SPEC, OWNER, among=found) == Blocked(sentence)


def test_a_second_one_may_be_tolerated_by_its_own_annotation() -> None:
    second = hpa("theirs", annotations={HPA_OWNERSHIP: "false"})
    assert claim(SPEC, OWNER, among=(second,)) == Create()
    assert claim(SPEC, OWNER, among=(second, MINE)) == Keep(MINE)


@pytest.mark.parametrize(
    "found",
    [
        hpa(NAME, labels=KEDA),
        hpa(NAME, labels={**KEDA, "app.kubernetes.io/version": "2.20.0"}),
        hpa(NAME, labels={"app.kubernetes.io/managed-by": "Helm"}, metrics=selecting("orders")),
    ],
    ids=["KEDA's labels", "of an old version", "KEDA's labels hidden by the object's own"],
)
def test_one_that_lost_its_owner_is_taken(found: Hpa) -> None:
    assert claim(SPEC, OWNER, among=(found,)) == Adopt(found)
    assert claim(SPEC, OWNER, among=(OLD, found)) == Adopt(found, (OLD,))


@pytest.mark.parametrize(
    ("owner", "found", "expected"),
    [
        (NAMED, (hpa("theirs"),), Adopt(hpa("theirs"))),
        (NAMED, (hpa("theirs", USERS),), Adopt(hpa("theirs", USERS))),
        (NAMED, (hpa("theirs"), MINE), Adopt(hpa("theirs"), (MINE,))),
        (NAMED, (hpa("theirs", OURS),), Keep(hpa("theirs", OURS))),
        (NAMED, (), Create()),
        (NAMED, (hpa("theirs"), hpa("third")), Blocked(UNNAMED.format("third"))),
        (NAMED, (hpa("other"),), Blocked(UNNAMED.format("other"))),
        (TRANSFER, (hpa("theirs"),), Blocked(UNNAMED.format("theirs"))),
        (TRANSFER, (hpa(NAME),), Blocked(UNNAMED.format(NAME))),
        (TRANSFER, (hpa(NAME, labels=KEDA),), Adopt(hpa(NAME, labels=KEDA))),
        (TRANSFER, (hpa("theirs", OTHER),), Blocked(MANAGED.format("theirs"))),
        (
            NAMED,
            (hpa("theirs", OTHER),),
            Blocked("the HPA 'theirs' is already managed by the ScaledObject 'bills'"),
        ),
        (
            NAMED,
            (hpa("theirs", target="else"),),
            Blocked("the hpa 'theirs' already exists and scales the Deployment 'else'"),
        ),
        (
            replace(NAMED, annotations={TRANSFER_HPA_OWNERSHIP: "yes"}),
            (hpa("theirs"),),
            Blocked(MANAGED.format("theirs")),
        ),
        (replace(OWNER, custom="theirs"), (hpa("theirs"),), Blocked(MANAGED.format("theirs"))),
    ],
)
def test_transfer(owner: Owner, found: tuple[Hpa, ...], expected: Claim) -> None:
    assert claim(SPEC, owner, among=found) == expected


@pytest.mark.parametrize(
    ("owners", "said"),
    [([OURS], True), ([FORMER], True), ([USERS, OURS], True), ([OTHER], False), ([HTTP], False), ([], False)],
)
def test_ours(owners: list[dict[str, Any]], said: bool) -> None:
    assert ours(OWNER, hpa(NAME, *owners)) is said


@pytest.mark.parametrize(
    ("kind", "api_version", "group"),
    [
        ("apps/v1.Deployment", "apps/v1beta1", "apps"),
        ("v1.Deployment", "v1", ""),
        ("a.b/v1.Deployment", "a.b/v2", "a.b"),
    ],
)
def test_a_workload_is_the_same_in_every_version(kind: str, api_version: str, group: str) -> None:
    assert (
        workload_of(hpa(NAME, api_version=api_version))
        == Workload.of(kind, "worker")
        == (group, "Deployment", "worker")
    )


# --------------------------------------------------------------------------------------------------------- without one


def test_without_an_hpa_the_object_s_own_go_first() -> None:
    own, renamed = hpa(NAME, OURS), hpa("former", FORMER, target="elsewhere")
    assert cleared(SPEC, OWNER, among=(own, renamed, hpa("others", target="elsewhere"))) == (renamed, own)


def test_where_there_is_none_nothing_goes() -> None:
    assert cleared(SPEC, OWNER, among=()) == ()


@pytest.mark.parametrize(
    ("owner", "found"),
    [
        (OWNER, hpa("theirs")),
        (OWNER, hpa("theirs", USERS)),
        (OWNER, hpa("theirs", annotations={HPA_OWNERSHIP: "false"})),
        (OWNER, hpa(NAME, labels=KEDA)),
        (NAMED, hpa("theirs", OURS)),
    ],
    ids=["a user's", "controlled by something else", "tolerated", "only adoptable", "transferred"],
)
def test_any_other_on_the_target_keeps_everything_from_being_written(owner: Owner, found: Hpa) -> None:
    blocked = cleared(SPEC, owner, among=(found,))
    assert isinstance(blocked, Blocked)
    assert f"already managed by the hpa '{found.metadata.name}'" in blocked.sentence

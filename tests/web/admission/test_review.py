"""What a review says, what is none, and what is answered."""

from typing import Any

import msgspec
import pytest

from scaler.manifests.kinds import CLUSTER_TRIGGER_AUTHENTICATION, SCALED_JOB, SCALED_OBJECT, Kind
from scaler.manifests.watched import Ref
from scaler.web.admission import review as wire
from scaler.web.admission.review import Incoming, answer, read
from scaler.web.statuses import Refusal
from tests.web.admission.reviewing import SPEC, WRONG, review, scaled


def heard(sent: Any, kind: Kind = SCALED_OBJECT) -> Incoming:
    return read(sent if isinstance(sent, bytes) else msgspec.json.encode(sent), kind)


def said(content: bytes) -> dict[str, Any]:
    found = msgspec.json.decode(content)
    assert (found["apiVersion"], found["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    return dict(found["response"])


def test_a_creation() -> None:
    incoming = heard(review(scaled()))
    assert incoming.manifest is not None
    assert (incoming.manifest.ref, incoming.manifest.body) == (Ref("ScaledObject", "shop", "orders"), scaled())
    assert (incoming.action, incoming.settled, incoming.dry_run) == ("create", False, False)


def test_a_dry_run() -> None:
    assert heard(review(scaled(), dryRun=True)).dry_run


def test_a_name_that_the_api_server_made_up_is_the_objects() -> None:
    incoming = heard(review(scaled(name="orders-x7k2p"), name=""))
    assert incoming.manifest is not None
    assert incoming.manifest.ref.name == "orders-x7k2p"


def test_a_kind_without_a_namespace() -> None:
    body = {"metadata": {"name": "keys"}, "spec": {}}
    incoming = heard(review(body, kind=CLUSTER_TRIGGER_AUTHENTICATION), CLUSTER_TRIGGER_AUTHENTICATION)
    assert incoming.manifest is not None
    assert incoming.manifest.ref == Ref("ClusterTriggerAuthentication", "", "keys")


def test_an_update() -> None:
    incoming = heard(review(scaled(WRONG), scaled()))
    assert (incoming.action, incoming.settled) == ("update", False)


@pytest.mark.parametrize(
    ("now", "annotated"),
    [
        (scaled(), False),
        (scaled(finalizers=[]), False),
        (scaled(labels={"a": "b"}), False),
        ({**scaled(), "status": {"hpaName": "x"}}, False),
        (scaled(annotations={"a": "b"}), True),
    ],
)
def test_a_spec_that_was_there_is_settled(now: dict[str, Any], annotated: bool) -> None:
    incoming = heard(review(now, scaled()))
    assert (incoming.settled, incoming.annotated) == (True, annotated)


@pytest.mark.parametrize(
    "sent",
    [
        review(scaled(WRONG, deletionTimestamp="2026-01-01T00:00:00Z"), scaled()),
        review(None, scaled(), operation="DELETE"),
        review(scaled(WRONG), scaled(), subResource="status"),
        review(scaled(WRONG), operation="CONNECT"),
        review(None, operation="CREATE"),
    ],
)
def test_nothing_is_to_be_said(sent: dict[str, Any]) -> None:
    assert heard(sent).manifest is None


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"\\ud800"}}',
        {**review(scaled()), "apiVersion": "admission.k8s.io/v1beta1"},
        {**review(scaled()), "kind": "TokenReview"},
        {**review(scaled()), "request": None},
        review(scaled(), uid=""),
        review(scaled(), uid="a\nb"),
        review(scaled(), uid="a" * 129),
        review(scaled(), uid=5),
        review("object"),
        review([scaled()]),
        review(scaled(), [scaled()]),
        review({"spec": SPEC}),
        review({"metadata": [], "spec": SPEC}),
        review(scaled(), namespace=""),
        review(scaled(), namespace="../kube-system"),
        review(scaled(), namespace="Shop"),
        review(scaled(), namespace="a" * 64),
        review(scaled(), kind=SCALED_JOB),
        review(scaled(), operation=None),
    ],
)
def test_what_is_no_review_is_refused_in_a_sentence(sent: Any) -> None:
    with pytest.raises(Refusal) as refused:
        heard(sent)
    assert refused.value.code == 400
    assert "\n" not in str(refused.value)


def test_an_object_that_is_nested_too_deeply() -> None:
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    content = msgspec.json.encode(review(scaled())).replace(b'"worker"', deep)
    with pytest.raises(Refusal):
        heard(content)


# -------------------------------------------------------------------------------------------------------------- answers


def test_allowed() -> None:
    assert said(answer("u")) == {"uid": "u", "allowed": True}
    assert said(answer("u", (), ["a", "b"])) == {"uid": "u", "allowed": True, "warnings": ["a", "b"]}


def test_refused() -> None:
    status = {"code": 403, "reason": "Forbidden", "message": "a: b; c: d"}
    assert said(answer("u", ["a: b", "c: d"], ["w"])) == {
        "uid": "u",
        "allowed": False,
        "status": status,
        "warnings": ["w"],
    }


def test_letters_that_look_like_others_are_seen_and_none_moves_the_cursor() -> None:
    told = said(answer("u", ["is it l\u0430gThreshold?\x1b[2J\n"], ["\u202eon\x00\x7f"]))
    assert told["status"]["message"] == "is it l\\u0430gThreshold?\\x1b[2J\\n"
    assert told["warnings"] == ["\\u202eon\\x00\\x7f"]


def test_a_refusal_has_an_end() -> None:
    message = said(answer("u", [f"{number}: {'x' * 100}" for number in range(1000)]))["status"]["message"]
    assert len(message) < wire.LONGEST + 50
    assert message.startswith("0: xxx")
    assert message.endswith(" more")
    assert len(said(answer("u", ["x" * 1_000_000]))["status"]["message"]) == wire.LONGEST


def test_warnings_have_an_end() -> None:
    """The API server drops those behind 4096 characters."""
    told = said(answer("u", (), [f"{number} {'x' * 1000}" for number in range(100)]))["warnings"]
    assert told[-1] == "and 85 more warnings"
    assert max(map(len, told)) == wire.LONGEST_WARNING
    assert sum(map(len, told)) < 4096

"""Whatever is sent, there is an answer: a review's, or one sentence. Thousands more are sent by `tests.fuzz`."""

from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from scaler.manifests.kinds import SCALED_OBJECT
from tests.web.admission.hostile import Running, answered
from tests.web.admission.reviewing import SPEC, review, scaled


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with closing(Running()) as made:
        yield made


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' * 600_000,
        b"[" * 3_000_000,
        b"\x00" * 3_000_000,
        b'{"apiVersion":"' + b"a" * 3_000_000 + b'"}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":' + b"9" * 3_000_000 + b"}",
    ],
    ids=["objects", "lists", "zeros", "text", "digits"],
)
def test_the_next_one_is_answered_as_ever(running: Running, content: bytes) -> None:
    assert running.ask(content, SCALED_OBJECT).status == 400
    assert running.ask(msgspec.json.encode(review(scaled())), SCALED_OBJECT).allowed == []


@pytest.mark.parametrize(
    "spec",
    [
        {"triggers": [{"type": f"type{number}", "metadata": {}} for number in range(50)] * 10},
        {"triggers": [{"type": "kafka", "metadata": {f"lagThreshold{n:040}": "1" for n in range(2_000)}}]},
        {"triggers": [{"type": "cron", "metadata": {"start": "*/" * 500_000, "end": "0 " * 500_000}}]},
        {f"pollingInterval{number}": number for number in range(50_000)},
    ],
    ids=["types", "parameters", "texts", "fields"],
)
def test_what_would_take_long_does_not(running: Running, spec: dict[str, object]) -> None:
    """Or the test's own limit ends it."""
    answered(running.ask(msgspec.json.encode(review(scaled({**SPEC, **spec}))), SCALED_OBJECT))

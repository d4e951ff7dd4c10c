"""A source that answers from what was recorded."""

import pytest

from scaler.errors import SourceError
from scaler.sdk import Get, Reply
from scaler.testing import Recorded, reply


async def test_every_query_has_its_own_answer_or_error_in_order() -> None:
    busy = SourceError("too busy")
    source = Recorded("queue", {Get("/a"): reply({"n": 1}), Get("/b"): busy})
    async with source.open() as connection:
        answers = await connection.fetch([Get("/b"), Get("/a"), Get("/c")])
    assert answers[:2] == [busy, Reply(b'{"n": 1}')]
    assert isinstance(answers[2], SourceError)
    assert str(answers[2]) == "nothing was recorded for this query"


async def test_a_connection_that_is_not_to_be_had() -> None:
    with pytest.raises(SourceError, match="gone"):
        async with Recorded("queue", gone=SourceError("gone")).open():
            raise AssertionError


def test_it_is_a_value_like_every_source() -> None:
    one, other = (Recorded("queue", {"q": {"unhashable": 1}}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Recorded("queue", {"q": {"unhashable": 2}})
    assert str(one) == "queue"


@pytest.mark.parametrize(("content", "body"), [("text", b"text"), (b"bytes", b"bytes"), ({"a": [1]}, b'{"a": [1]}')])
def test_content_as_the_reply_it_would_be(content: object, body: bytes) -> None:
    assert reply(content) == Reply(body)

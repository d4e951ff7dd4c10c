"""Reviews sent to the admission webhook over HTTP, as whoever reaches its port may send them."""

from functools import cache

from hypothesis import strategies as st

from scaler.manifests.kinds import Kind
from tests.fuzz.room import Room
from tests.web.admission.hostile import Running, answered, sent


@cache
def _running() -> Running:
    """One for all; it ends with the process."""
    return Running()


def tried(given: tuple[Kind, bytes]) -> None:
    kind, content = given
    answered(_running().ask(content, kind))


ROOM = Room("admission", st.integers(0, 2**48).map(sent), tried, enough=10_000)

"""What is known of one kind of objects, when what the watch tells and what our own writes returned overtake each
other. Versions are the cluster's: one for each write, of whatever object."""

import msgspec
import pytest

from scaler.kubernetes.cache import Cache, newer
from scaler.kubernetes.objects import Custom, Meta
from tests.kubernetes.scene import NAMESPACE, custom

KEY = (NAMESPACE, "orders")


class Heard:
    """A cache with a listener: of each change the versions before and after, and whether it was our own."""

    def __init__(self) -> None:
        self.cache: Cache[Custom] = Cache()
        self.told: list[tuple[str | None, str | None, bool]] = []
        self.cache.listen(self._hear)

    def _hear(self, before: Custom | None, now: Custom | None) -> None:
        self.told.append((_version(before), _version(now), self.cache.own))

    def version(self, name: str = "orders") -> str | None:
        return _version(self.cache.get(NAMESPACE, name))


def _version(found: Custom | None) -> str | None:
    return found.metadata.resource_version if found else None


def _fails(_: Custom | None, __: Custom | None) -> None:
    raise RuntimeError("a bug")


@pytest.fixture
def heard() -> Heard:
    return Heard()


def gone(version: int, *, uid: str = "uid-orders", name: str = "orders") -> Meta:
    return Meta(name=name, namespace=NAMESPACE, uid=uid, resource_version=str(version))


def test_an_object_comes_changes_and_goes(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    assert (len(heard.cache), heard.cache.values()) == (1, [custom(version=5)])
    heard.cache.put(custom(version=7))
    heard.cache.drop(gone(8))
    assert heard.told == [(None, "5", False), ("5", "7", False), ("7", None, False)]
    assert (len(heard.cache), heard.version()) == (0, None)


def test_what_is_older_or_known_is_no_news(heard: Heard) -> None:
    for version in (10, 9, 10, 2):
        heard.cache.put(custom(version=version))
    assert heard.told == [(None, "10", False)]


def test_versions_are_numbers_and_not_text(heard: Heard) -> None:
    heard.cache.put(custom(version=9))
    heard.cache.put(custom(version=10))
    heard.cache.put(custom(version=9))
    assert heard.version() == "10"


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [("10", "9", True), ("9", "10", False), ("9", "9", False), ("b", "a", True), ("a", "a", False), ("9", "", True)],
)
def test_newer(now: str, before: str, expected: bool) -> None:
    assert newer(Meta(resource_version=now), Meta(resource_version=before)) is expected


def test_our_own_write_is_told_as_such_and_stands_until_the_watch_has_passed_it(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.put(custom(version=8, status={"ours": 1}), own=True)
    heard.cache.put(custom(version=6))
    assert heard.version() == "8"
    heard.cache.put(custom(version=8, status={"ours": 1}))
    heard.cache.put(custom(version=9))
    assert heard.told == [(None, "5", False), ("5", "8", True), ("8", "9", False)]


def test_a_late_answer_to_our_own_write_is_no_news(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.put(custom(version=9))
    heard.cache.put(custom(version=8), own=True)
    assert heard.version() == "9"


def test_of_one_version_the_watch_knows_the_whole(heard: Heard) -> None:
    """What `/scale` returns is laid over what was known, whose other parts may have been older."""
    heard.cache.put(custom(version=5, status={"replicas": 1}))
    heard.cache.put(custom(version=8, status={"replicas": 1, "scaled": True}), own=True)
    heard.cache.put(custom(version=8, status={"replicas": 2, "scaled": True}))
    found = heard.cache.get(*KEY)
    assert found is not None
    assert found.status == {"replicas": 2, "scaled": True}
    heard.cache.put(custom(version=8, status={"replicas": 1, "scaled": True}), own=True)
    assert heard.cache.get(*KEY) == found


def test_a_late_answer_never_brings_back_what_was_deleted(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.drop(gone(9))
    heard.cache.put(custom(version=8), own=True)
    assert (heard.version(), heard.told[-1]) == (None, ("5", None, False))


def test_nor_what_a_list_no_longer_had(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.only(set(), "9")
    heard.cache.put(custom(version=8), own=True)
    assert heard.version() is None
    heard.cache.put(custom(version=12), own=True)
    assert heard.version() == "12"


def test_what_we_made_ourselves_is_there_before_the_watch_tells(heard: Heard) -> None:
    heard.cache.drop(gone(6, name="another", uid="x"))
    heard.cache.put(custom(version=8), own=True)
    assert heard.told == [(None, "8", True)]


def test_a_deletion_in_another_namespace_says_nothing_of_this_one(heard: Heard) -> None:
    """Each namespace may have a watch of its own, and one be ahead of the other."""
    heard.cache.drop(Meta(name="x", namespace="else", uid="x", resource_version="20"))
    heard.cache.put(custom(version=8), own=True)
    assert heard.version() == "8"


def test_made_anew_under_the_same_name(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.drop(gone(6))
    heard.cache.put(custom(version=7, uid="second"))
    heard.cache.put(custom(version=6), own=True)
    assert heard.told == [(None, "5", False), ("5", None, False), (None, "7", False)]


def test_made_anew_while_nobody_watched(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.put(custom(version=7, uid="second"))
    heard.cache.drop(gone(6))
    assert (heard.version(), heard.told[-1]) == ("7", ("5", "7", False))


def test_a_deletion_of_our_own(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.drop(gone(5), own=True)
    assert heard.told[-1] == ("5", None, True)
    heard.cache.drop(gone(8))
    assert len(heard.told) == 2


def test_after_a_deletion_of_our_own_what_the_watch_told_meanwhile_stands(heard: Heard) -> None:
    """It waits for somebody's finalizer, and nothing more will be told of it until that is done."""
    heard.cache.put(custom(version=5))
    heard.cache.put(custom(version=8, deletion_timestamp="2026-01-01T00:00:00Z"))
    heard.cache.drop(gone(5), own=True)
    assert heard.version() == "8"


def test_a_list_drops_what_it_has_not_and_keeps_what_was_written_since(heard: Heard) -> None:
    heard.cache.put(custom("vanished", version=5))
    heard.cache.put(custom("listed", version=6))
    heard.cache.put(custom("listed", version=12, status={"ours": 1}), own=True)
    heard.cache.put(custom("made", version=13), own=True)
    heard.cache.put(custom("listed", version=6))
    heard.cache.only({(NAMESPACE, "listed")}, "10")
    assert {name: heard.version(name) for name in ("vanished", "listed", "made")} == {
        "vanished": None,
        "listed": "12",
        "made": "13",
    }


def test_a_list_of_one_namespace_says_nothing_of_others(heard: Heard) -> None:
    heard.cache.put(custom(version=5))
    heard.cache.put(custom(version=5, namespace="else"))
    heard.cache.only(set(), "9", "else")
    assert [found.metadata.namespace for found in heard.cache.values()] == [NAMESPACE]


def test_a_bug_of_one_listener_is_nobody_else_s(heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    cache: Cache[Custom] = Cache()
    cache.listen(_fails)
    cache.listen(heard._hear)
    cache.put(custom(version=5), own=True)
    cache.drop(gone(6))
    assert [told[:2] for told in heard.told] == [(None, "5"), ("5", None)]
    assert (len(cache), cache.own) == (0, False)
    assert caplog.text.count("RuntimeError: a bug") == 2
    assert f"{NAMESPACE}/orders" in caplog.text


def test_listeners_hear_what_is_already_true(heard: Heard) -> None:
    known: list[bool] = []
    heard.cache.listen(lambda _, now: known.append(heard.cache.get(*KEY) is now))
    heard.cache.put(custom(version=5))
    heard.cache.drop(msgspec.structs.replace(gone(6), uid=""))
    assert known == [True, True]

"""The plan as tables: `o` is a worker of the old template, `n` of the new one, capitals are ready; oldest first."""

import pytest

from scaler.standalone.crew import Member, plan


def after(members: str, wanted: int, *, recreate: bool = False, leaving: int = 0) -> str:
    """The members that stay, and a `+` for each that is started."""
    given = [Member(index, index, one in "nN", one.isupper()) for index, one in enumerate(members)]
    step = plan(given, wanted, recreate=recreate, leaving=leaving)
    return "".join(one for index, one in enumerate(members) if index not in step.end) + "+" * step.start


@pytest.mark.parametrize(
    ("members", "wanted", "then"),
    [
        ("", 0, ""),
        ("", 3, "+++"),
        ("N", 3, "N++"),
        ("NNN", 3, "NNN"),
        ("NNN", 1, "N"),
        ("nNN", 2, "NN"),
        ("Nnn", 1, "N"),
        ("nnn", 2, "nn"),
        ("NNN", 0, ""),
    ],
)
def test_as_many_as_are_wanted_and_the_unready_and_newest_go_first(members: str, wanted: int, then: str) -> None:
    assert after(members, wanted) == then


@pytest.mark.parametrize(
    ("members", "wanted", "then"),
    [
        ("O", 1, "O+"),
        ("On", 1, "On"),
        ("ON", 1, "N"),
        ("OOO", 3, "OOO+"),
        ("OOON", 3, "OON+"),
        ("o", 1, "o+"),
        ("oN", 1, "N"),
        ("oOO", 3, "oOO+"),
        ("oOOn", 3, "oOOn"),
        ("oOON", 3, "OON+"),
        ("OO", 0, ""),
        ("oO", 0, ""),
        ("OOON", 1, "N"),
        ("OOOn", 2, "OOn"),
        ("O", 3, "O+++"),
        ("ONNN", 2, "NN"),
    ],
)
def test_a_new_template_replaces_one_by_one(members: str, wanted: int, then: str) -> None:
    assert after(members, wanted) == then


@pytest.mark.parametrize("wanted", range(6))
@pytest.mark.parametrize("old", range(6))
def test_a_rollout_ends_and_never_has_too_few_or_too_many(old: int, wanted: int) -> None:
    members = "O" * old
    for _ in range(2 * (old + wanted) + 2):
        then = after(members, wanted)
        assert len(then) <= max(wanted + 1, old)
        assert sum(one.isupper() for one in then) >= min(wanted, sum(one.isupper() for one in members))
        members = then.replace("+", "N")
    assert members == "N" * wanted


@pytest.mark.parametrize(
    ("members", "leaving", "then"), [("OO", 0, ""), ("", 2, ""), ("", 0, "++"), ("N", 0, "N+"), ("NO", 0, "N")]
)
def test_recreate_waits_for_the_last_old_one(members: str, leaving: int, then: str) -> None:
    assert after(members, 2, recreate=True, leaving=leaving) == then

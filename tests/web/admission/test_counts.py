"""KEDA's two counters of its webhook."""

from scaler.web.admission import counts
from scaler.web.admission.counts import ERRORS, VALIDATIONS, Validations
from scaler.web.telemetry.counts import COUNTED


def test_each_rule_counts_once_for_an_object() -> None:
    made = Validations()
    made.add("shop", "create", ["other-hpa", "other-hpa", "", "incorrect-replicas"])
    made.add("shop", "create", [])
    made.add("shop", "update", ["other-hpa"])
    assert made.counts() == {
        VALIDATIONS: {("shop", "create"): 2, ("shop", "update"): 1},
        ERRORS: {
            ("shop", "create", "incorrect-replicas"): 1,
            ("shop", "create", "other-hpa"): 1,
            ("shop", "update", "other-hpa"): 1,
        },
    }


def test_it_does_not_grow_without_end() -> None:
    made = Validations()
    for number in range(counts.MOST + 5):
        made.add(f"n{number}", "create", [])
    found = made.counts()[VALIDATIONS]
    assert len(found) == counts.MOST + 1
    assert found["", "create"] == 5
    made.add("n0", "create", [])
    assert made.counts()[VALIDATIONS]["n0", "create"] == 2


def test_they_are_shown_under_these_names() -> None:
    known = {one.name: one.labels for one in COUNTED}
    assert known[VALIDATIONS] == ("namespace", "action")
    assert known[ERRORS] == ("namespace", "action", "reason")

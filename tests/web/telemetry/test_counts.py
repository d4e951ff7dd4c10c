"""What others have counted."""

import pytest

from scaler.engine.board import Board
from scaler.web.telemetry.counts import COUNTED, Counts
from tests.web.telemetry.scene import samples, scraped


@pytest.mark.parametrize("one", COUNTED, ids=lambda one: one.name)
async def test_each_is_told_under_its_name(one: object) -> None:
    found = next(each for each in COUNTED if each is one)
    values = tuple(f"v{number}" for number in range(len(found.labels)))
    families = await scraped(Board(), counting=[lambda: {found.name: {values: 3}}])
    name = f"{found.name}_total" if found.counter else found.name
    assert families[name].type == ("counter" if found.counter else "gauge")
    assert samples(families, name, *found.labels) == {values: 3}


async def test_several_may_count_the_same_and_others() -> None:
    def of_one() -> Counts:
        return {"keda_cloudeventsource_events_queued": {("shop",): 2}, "event_scaler_leading": {(): 1}}

    def of_another() -> Counts:
        return {"keda_cloudeventsource_events_queued": {("back",): 5}}

    families = await scraped(Board(), counting=[of_one, of_another])
    assert samples(families, "keda_cloudeventsource_events_queued", "namespace") == {("shop",): 2, ("back",): 5}
    assert samples(families, "event_scaler_leading") == {(): 1}


async def test_what_nobody_counts_has_its_name_only() -> None:
    families = await scraped(Board())
    assert not families["rest_client_requests_total"].samples
    assert families["rest_client_requests_total"].documentation

"""What is answered to whom: refusals, warnings, and what is neither; and that no review keeps another waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from scaler.manifests.admission import OTHER_HPA, Finding, Findings
from scaler.manifests.kinds import KINDS, SCALED_OBJECT
from scaler.web.admission import endpoint
from scaler.web.admission.counts import ERRORS, VALIDATIONS
from scaler.web.admission.endpoint import path_of
from scaler.web.admission.review import LARGEST
from tests.web.admission.reviewing import CRON, SPEC, WRONG, Served, labels, review, scaled, served

UNKNOWN = {**SPEC, "triggers": [{"type": "kafkaa", "metadata": {}}]}
FOUGHT = Finding("spec.scaleTargetRef", "the workload 'worker' is already managed by the hpa 'h'", OTHER_HPA)
ODD = {**SPEC, "pollingInterval": 10, "minReplicaCount": 1}
PAUSED = {"autoscaling.keda.sh/paused-replicas": "five"}


@pytest.fixture
async def webhook() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


@pytest.fixture
async def strict() -> AsyncIterator[Served]:
    async with served(strict=True) as made:
        yield made


def test_paths_are_kedas() -> None:
    assert [path_of(kind) for kind in KINDS] == [
        "/validate-keda-sh-v1alpha1-scaledobject",
        "/validate-keda-sh-v1alpha1-scaledjob",
        "/validate-keda-sh-v1alpha1-triggerauthentication",
        "/validate-keda-sh-v1alpha1-clustertriggerauthentication",
        "/validate-eventing-keda-sh-v1alpha1-cloudeventsource",
        "/validate-eventing-keda-sh-v1alpha1-clustercloudeventsource",
    ]


async def test_what_is_right_is_allowed(webhook: Served) -> None:
    said = await webhook.ask(review(scaled()))
    assert said.allowed == []
    assert said.body["uid"] == review(scaled())["request"]["uid"]


async def test_what_is_wrong_is_refused_with_all_that_is(webhook: Served) -> None:
    webhook.around.told = Findings((FOUGHT,))
    said = await webhook.ask(review(scaled(WRONG)))
    assert said.refused == (
        "spec.minReplicaCount: MinReplicaCount=5 must be less than MaxReplicaCount=3; "
        "spec.scaleTargetRef: the workload 'worker' is already managed by the hpa 'h'"
    )


async def test_what_cannot_work_is_warned_about(webhook: Served) -> None:
    webhook.around.told = Findings(doubts=(Finding("spec.scaleTargetRef", "has no /scale"),))
    [scale, type_] = sorted((await webhook.ask(review(scaled(UNKNOWN)))).allowed)
    assert scale == "spec.scaleTargetRef: has no /scale"
    assert type_.startswith("spec.triggers[0].type: ")


async def test_and_refused_where_that_is_wanted(strict: Served) -> None:
    assert "spec.triggers[0].type: " in (await strict.ask(review(scaled(UNKNOWN)))).refused
    assert len((await strict.ask(review(scaled(ODD)))).allowed) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
async def test_every_kind(webhook: Served, kind: Any) -> None:
    said = await webhook.ask(review({"metadata": {"name": "a"}, "spec": {"triggers": 5}}, kind=kind), kind)
    if said.body["allowed"]:
        assert said.allowed
    else:
        assert said.refused.startswith("spec.")
    assert webhook.around.asked == []


# ------------------------------------------------------------------------------------------------------- never refused


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (scaled(WRONG), scaled(WRONG)),
        (scaled(WRONG, finalizers=[]), scaled(WRONG, finalizers=["finalizer.keda.sh"])),
        (scaled(WRONG, labels={"a": "b"}), scaled(WRONG)),
        ({**scaled(WRONG), "status": {"hpaName": "h"}}, scaled(WRONG)),
        (scaled(WRONG, annotations=PAUSED), scaled(WRONG)),
        (scaled(WRONG, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=[]), scaled()),
    ],
)
async def test_what_was_let_in_stays_in(strict: Served, now: dict[str, Any], before: dict[str, Any]) -> None:
    strict.around.told = Findings((FOUGHT,))
    warnings = (await strict.ask(review(now, before))).allowed
    assert bool(warnings) == ("annotations" in now["metadata"])
    assert strict.around.asked == []
    assert strict.validations.counts() == {VALIDATIONS: {}, ERRORS: {}}


async def test_a_spec_that_changes_is_looked_at(webhook: Served) -> None:
    assert (await webhook.ask(review(scaled(WRONG), scaled()))).refused
    assert (await webhook.ask(review(scaled(), scaled(WRONG)))).allowed == []


# ---------------------------------------------------------------------------------------------------------- the cluster


async def test_a_dry_run_is_told_on(webhook: Served) -> None:
    await webhook.ask(review(scaled(), dryRun=True))
    await webhook.ask(review(scaled()))
    assert [dry_run for _, _, dry_run in webhook.around.asked] == [True, False]


async def test_of_fields_that_are_none_the_cluster_is_not_asked(webhook: Served) -> None:
    assert (await webhook.ask(review(scaled({**SPEC, "pollingInterval": "x"})))).refused
    assert webhook.around.asked == []


async def test_what_cannot_be_found_out_is_an_error(webhook: Served) -> None:
    """Whether the object is then let in says the configuration's failurePolicy."""
    webhook.around.problem = "the API server cannot be reached"
    said = await webhook.ask(review(scaled()))
    assert said.status == 500
    assert said.error.endswith("could not be found out: the API server cannot be reached")
    assert "MinReplicaCount" in (await webhook.ask(review(scaled(WRONG)))).refused


async def test_before_everything_is_known(webhook: Served) -> None:
    webhook.unready = "not listed yet: /apis/keda.sh"
    assert "not listed yet" in (await webhook.ask(review(scaled()))).error
    assert (await webhook.ask(review(scaled(WRONG)))).refused
    assert (await webhook.ask(review(scaled(), scaled()))).allowed == []


# -------------------------------------------------------------------------------------------------------------- counted


async def test_counted(webhook: Served) -> None:
    webhook.around.told = Findings((FOUGHT,))
    await webhook.ask(review(scaled(WRONG)))
    await webhook.ask(review(scaled(WRONG), scaled()))
    await webhook.ask(review({"metadata": {"name": "a"}, "spec": {}}, kind=KINDS[1]), KINDS[1])
    counts = webhook.validations.counts()
    assert labels(counts[VALIDATIONS]) == {("shop", "create"): 1, ("shop", "update"): 1}
    assert labels(counts[ERRORS]) == {
        ("shop", action, reason): 1 for action in ("create", "update") for reason in ("incorrect-replicas", OTHER_HPA)
    }


# --------------------------------------------------------------------------------------------------------------- bounds


async def test_a_review_that_is_too_large(webhook: Served) -> None:
    said = await webhook.ask(b"x" * (LARGEST + 1))
    assert (said.status, said.error) == (413, f"the review has more than {LARGEST} bytes")


async def test_one_that_does_not_say_how_large_it_is(webhook: Served) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(LARGEST // 65536 + 2):
            yield b"x" * 65536

    url = webhook.url + path_of(SCALED_OBJECT)
    with suppress(aiohttp.ClientConnectionError):  # it may be answered, and parted with, before all was sent
        async with webhook.session.post(url, data=parts()) as reply:
            assert reply.status == 413


async def test_an_object_of_ten_thousand_triggers_is_refused_in_a_sentence(webhook: Served) -> None:
    said = await webhook.ask(review(scaled({**SPEC, "triggers": [CRON] * 10_000})))
    assert said.refused == "spec.triggers: 10000 triggers are more than the 500 that one object may have"


async def test_one_that_takes_long_keeps_nobody_waiting(webhook: Served) -> None:
    """Four that wait for the cluster, and the next is answered."""
    webhook.around.hangs = True
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(webhook.ask(review(scaled()))) for _ in range(endpoint.AT_ONCE * 2)]
        await webhook.around.until(len(waiting))
        assert (await webhook.ask(review(scaled(), scaled()))).allowed == []
        for task in waiting:
            task.cancel()


async def test_too_many_at_once_are_sent_away(webhook: Served) -> None:
    webhook.around.hangs = True
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(webhook.ask(review(scaled()))) for _ in range(endpoint.WAITING)]
        await webhook.around.until(len(waiting))
        said = await webhook.ask(review(scaled()))
        assert (said.status, said.error) == (503, "too many reviews at once")
        for task in waiting:
            task.cancel()


@pytest.mark.parametrize("path", ["/", "/validate-keda-sh-v1alpha1-else", "/metrics"])
async def test_there_is_nothing_else(webhook: Served, path: str) -> None:
    async with webhook.session.post(webhook.url + path, data=b"{}") as reply:
        assert reply.status == 404
    async with webhook.session.get(webhook.url + path_of(SCALED_OBJECT)) as reply:
        assert reply.status == 405

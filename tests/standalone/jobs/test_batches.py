"""What becomes of Jobs when the daemon ends, and when it is killed: none is forgotten, none is done twice."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scaler.core.model import Jobs, State
from scaler.standalone import procfs
from tests.standalone.jobs.scene import REF, WORK, decision, records, scaled_job, serving_jobs
from tests.standalone.scene import PATIENCE, alive, deployment, scaled_object, until, write

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")

GRACEFUL = (
    'trap "[ -e finish ] || exit 1; exit 0" TERM; echo "$EVENT_SCALER_WORKER" >> started; '
    "while true; do sleep 0.02; done"
)


HELPED = (
    'setsid sleep 1000 & echo $! > helper.new; mv helper.new helper; echo "$PPID" > witness; '
    'until grep -q sleep "/proc/$!/comm"; do sleep 0.02; done; ' + WORK
)
"""Its process has started another one, which leads a session of its own by the time that it says it began."""

SHARED = "case $EVENT_SCALER_WORKER in *-0) exit 0;; esac; " + WORK
"""The first of those that share the work has done it, the others run."""


def pid(folder: Path, name: str) -> int:
    return int((folder / name).read_text())


def started(folder: Path) -> list[str]:
    path = folder / "started"
    return path.read_text().split() if path.exists() else []


async def killed(folder: Path, jobs: int) -> dict[str, int]:
    """A daemon has been serving the folder, and was killed; the processes that it left, by worker."""
    arguments = ["-m", "tests.standalone.jobs.daemon", str(folder), str(jobs)]
    daemon = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert daemon.stdout is not None
    assert await asyncio.wait_for(daemon.stdout.readline(), 2 * PATIENCE) == b"saved\n"
    daemon.kill()
    await daemon.wait()
    found = await asyncio.to_thread(lambda: list(procfs.strays(folder.resolve())))
    assert len({one.worker for one in found}) == jobs
    return {one.worker: one.group for one in found}


def remember(folder: Path, change: Mapping[str, Any] | None) -> None:
    """Other words in the state file for the first Job, or none of any Job."""
    path = folder / ".scaler" / "state.json"
    content = json.loads(path.read_bytes())
    if change is None:
        content["jobs"] = {}
    else:
        content["jobs"][str(REF)]["jobs"][0].update(change)
    path.write_text(json.dumps(content))


# --------------------------------------------------------------------------------------------------------------- ended


async def test_what_is_ended_with_the_daemon_goes_on_with_the_next_one(folder: Path) -> None:
    """It has not failed by that, and keeps its name."""
    write(folder, "job.yaml", scaled_job(backoffLimit=0))
    for times in (1, 2):
        async with serving_jobs(folder) as scene:
            if times == 1:
                await scene.make(2)
            await until(lambda times=times: len(scene.started()) == 2 * times)  # type: ignore[misc]
            assert (await scene.target()).jobs == Jobs(2, 0)
        assert [one["outcome"] for one in scene.recorded()] == ["", ""]
    assert sorted(scene.started()) == ["orders-1"] * 2 + ["orders-2"] * 2
    scene.finish()
    async with serving_jobs(folder) as scene:
        await scene.counts(running=0, complete=2, failed=0)
        await scene.make(1)
        await until(lambda: "orders-3" in scene.started())


async def test_what_ends_well_within_its_grace_is_complete(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["sh", "-c", GRACEFUL]))
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(scene.started)
        scene.finish()
    assert [one["outcome"] for one in scene.recorded()] == ["Complete"]
    async with serving_jobs(folder) as scene:
        assert (await scene.target()).jobs == Jobs(0, 0)
    assert scene.started() == ["orders-1"]


async def test_jobs_may_be_kept(folder: Path) -> None:
    async with serving_jobs(folder, keep_workers=True) as scene:
        await scene.make(2)
        await until(lambda: len(scene.started()) == 2)
        kept = await asyncio.to_thread(scene.processes)
    assert all([await asyncio.to_thread(alive, pid) for pid in kept.values()])
    async with serving_jobs(folder) as scene:
        assert (await scene.target()).jobs == Jobs(2, 0)
        assert await asyncio.to_thread(scene.processes) == kept
        scene.finish()
        await scene.counts(complete=2)
    assert len(scene.started()) == 2


async def test_what_shares_its_work_may_be_kept_when_one_has_done_it(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["sh", "-c", SHARED], parallelism=2))
    async with serving_jobs(folder, keep_workers=True) as scene:
        await scene.make(1)
        await until(lambda: scene.started() == ["orders-1-1"] and list(scene.processes()) == ["orders-1-1"])
        kept = await asyncio.to_thread(scene.processes)
    assert [one["outcome"] for one in scene.recorded()] == [""]
    async with serving_jobs(folder) as scene:
        assert await asyncio.to_thread(scene.processes) == kept
        assert (await scene.target()).jobs == Jobs(1, 0)
        scene.finish()
        await scene.counts(complete=1)
    assert scene.started() == ["orders-1-1"]


@pytest.mark.parametrize("code", [0, 3])
async def test_what_shares_its_work_and_is_ended_with_the_daemon_goes_on(folder: Path, code: int) -> None:
    """It is started again, though another one has done its work; once more it is not when it fails then."""
    write(folder, "job.yaml", scaled_job(["sh", "-c", SHARED], parallelism=2))
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(lambda: scene.started() == ["orders-1-1"] and list(scene.processes()) == ["orders-1-1"])
    assert [one["outcome"] for one in scene.recorded()] == [""]
    async with serving_jobs(folder) as scene:
        await until(lambda: scene.started() == ["orders-1-1"] * 2)
        scene.finish(code)
        await scene.counts(running=0, complete=1)
    assert scene.started() == ["orders-1-1"] * 2


# -------------------------------------------------------------------------------------------------------------- killed


async def test_jobs_of_a_killed_daemon_are_adopted_and_judged(folder: Path) -> None:
    left = await killed(folder, 3)
    async with serving_jobs(folder) as scene:
        assert (await scene.target()).jobs == Jobs(3, 0)
        assert await asyncio.to_thread(scene.processes) == left
        scene.finish()
        await scene.counts(running=0, complete=3)
    assert len(scene.started()) == 3


async def test_adopted_jobs_that_fail_are_started_again(folder: Path) -> None:
    """Nobody is their parent any more, and yet it is known."""
    await killed(folder, 1)
    async with serving_jobs(folder) as scene:
        scene.finish(3)
        await until(lambda: len(scene.started()) == 2)
        scene.finish(0)
        await scene.counts(running=0, complete=1)


@pytest.mark.parametrize(("code", "runs"), [(0, 2), (3, 4)])
async def test_what_has_ended_while_no_daemon_ran_is_judged(folder: Path, code: int, runs: int) -> None:
    left = await killed(folder, 2)
    (folder / "finish").write_text(str(code))
    await until(lambda: not any(alive(pid) for pid in left.values()))
    (folder / "finish").write_text("0")
    async with serving_jobs(folder) as scene:
        await scene.sees(0)
        await scene.counts(complete=2)
    assert len(scene.started()) == runs


async def test_a_process_with_another_session_is_adopted_and_both_end_with_the_job(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["sh", "-c", HELPED]))
    await killed(folder, 1)
    witness, helper = pid(folder, "witness"), pid(folder, "helper")
    async with serving_jobs(folder, keep_workers=True) as scene:
        assert (await scene.target()).jobs == Jobs(1, 0)
    async with serving_jobs(folder) as scene:
        assert (await scene.target()).jobs == Jobs(1, 0)
        assert await asyncio.to_thread(alive, witness)
        assert await asyncio.to_thread(alive, helper)
        scene.finish()
        await scene.counts(running=0, complete=1)
        await until(lambda: not alive(helper))
    assert scene.started() == ["orders-1"]


async def test_another_session_of_a_process_that_has_ended_is_not_taken_for_it(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["sh", "-c", HELPED]))
    await killed(folder, 1)
    (folder / "finish").write_text("0")
    await until(lambda: not alive(pid(folder, "witness")))
    assert await asyncio.to_thread(alive, pid(folder, "helper"))
    async with serving_jobs(folder) as scene:
        await scene.counts(running=0, complete=1)
        await until(lambda: not alive(pid(folder, "helper")))
    assert scene.started() == ["orders-1"]


async def test_an_attempt_that_left_something_behind_has_failed_once(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["sh", "-c", f"sleep 1000 & {WORK}"], backoffLimit=1))
    left = await killed(folder, 1)
    (folder / "finish").write_text("3")
    await until(lambda: not any(alive(one) for one in left.values()))
    (folder / "finish").write_text("0")
    async with serving_jobs(folder) as scene:
        await scene.sees(0)
        await scene.counts(complete=1)
    assert len(scene.started()) == 2


async def test_a_job_that_was_remembered_and_not_begun_begins(folder: Path) -> None:
    """The daemon was killed between the two."""
    left = await killed(folder, 2)
    for pid in left.values():
        os.killpg(pid, 9)
    await until(lambda: not any(alive(pid) for pid in left.values()))
    async with serving_jobs(folder) as scene:
        await until(lambda: len(scene.started()) == 4)
        assert (await scene.target()).jobs == Jobs(2, 0)


async def test_a_job_that_nobody_remembers_is_ended(folder: Path) -> None:
    left = await killed(folder, 2)
    await asyncio.to_thread(remember, folder, None)
    async with serving_jobs(folder) as scene:
        await until(lambda: not any(alive(pid) for pid in left.values()))
        assert (await scene.target()).exists == 0
        await until(lambda: not scene.left())


async def test_attempts_that_came_after_what_is_remembered_are_found(folder: Path) -> None:
    """The state file is older than two failures and a third start."""
    left = await killed(folder, 1)
    ends = folder / ".scaler" / "jobs" / "default.orders-1"
    for attempt in range(2):
        (ends / f"0.{attempt}.end").write_text("1\n")
    async with serving_jobs(folder) as scene:
        assert await asyncio.to_thread(scene.processes) == left
        (ends / "0.2.end").write_text("0\n")
        scene.finish(3)  # its witness writes that down as the first one's
        await scene.counts(running=0, complete=1)
    assert len(scene.started()) == 1


async def test_a_job_that_had_failed_is_not_begun_again(folder: Path) -> None:
    left = await killed(folder, 1)
    await asyncio.to_thread(remember, folder, {"outcome": "Failed", "reason": "DeadlineExceeded", "ended": 7.0})
    async with serving_jobs(folder) as scene:
        await until(lambda: not any(alive(pid) for pid in left.values()))
        assert (await scene.target()).exists == 0
        await scene.counts(failed=1)
    assert len(scene.started()) == 1


async def test_adopted_jobs_of_another_spec_are_ended(folder: Path) -> None:
    left = await killed(folder, 2)
    write(folder, "job.yaml", scaled_job(spec_maxReplicaCount=7))
    async with serving_jobs(folder) as scene:
        assert (await scene.target()).jobs == Jobs(2, 0)
        await scene.make(0)
        await until(lambda: not any(alive(pid) for pid in left.values()))
        await scene.sees(0)
    assert records(folder) == []


async def test_adopted_jobs_of_another_spec_may_end_gradually(folder: Path) -> None:
    left = await killed(folder, 1)
    write(folder, "job.yaml", scaled_job(["false"], spec_rollout={"strategy": "gradual"}))
    async with serving_jobs(folder) as scene:
        await scene.make(0)
        assert await asyncio.to_thread(scene.processes) == left
        scene.finish()
        await scene.counts(complete=1)


async def test_adopted_jobs_of_a_scaled_job_that_is_gone_are_ended(folder: Path) -> None:
    left = await killed(folder, 2)
    (folder / "job.yaml").unlink()
    async with serving_jobs(folder) as scene:
        await until(lambda: not any(alive(pid) for pid in left.values()))
        await until(lambda: not scene.left() and not scene.recorded())


async def test_adopted_jobs_outlive_a_folder_that_is_not_in_order(folder: Path) -> None:
    left = await killed(folder, 1)
    (folder / "job.yaml").write_text("a: b: c")
    async with serving_jobs(folder) as scene:
        await until(lambda: scene.scene.saved("status.json")["files"])
        assert await asyncio.to_thread(scene.processes) == left
        write(folder, "job.yaml", scaled_job())
        assert (await scene.target()).jobs == Jobs(1, 0)
        scene.finish()
        await scene.counts(complete=1)


async def test_the_deadline_goes_on_while_no_daemon_runs(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(activeDeadlineSeconds=600))
    left = await killed(folder, 1)
    await asyncio.to_thread(remember, folder, {"started": 17.0})
    async with serving_jobs(folder) as scene:
        await scene.counts(running=0, failed=1)
        await until(lambda: not any(alive(pid) for pid in left.values()))
    assert [one["reason"] for one in scene.recorded()] == ["DeadlineExceeded"]


async def test_an_object_and_a_scaled_job_of_one_name_are_two(folder: Path) -> None:
    """Their workers, and what is remembered of them."""
    write(folder, "object.yaml", scaled_object("orders", "orders"), deployment(name="orders"))
    async with serving_jobs(folder) as scene:
        await until(lambda: len(scene.scene.changes) == 3)
        await scene.scene.apply(3, name="orders", state=State(last_active=1.0))
        await scene.apply(decision(0, 2, at=2.0))
        await until(lambda: len(scene.started()) == 2)
        assert (await scene.scene.target("orders")).exists == 3
        assert (await scene.target()).jobs == Jobs(2, 0)
    saved = scene.scene.saved("state.json")["objects"]
    assert {name: one["state"]["last_active"] for name, one in saved.items()} == {
        "default/orders": 1.0,
        "ScaledJob/default/orders": None,
    }

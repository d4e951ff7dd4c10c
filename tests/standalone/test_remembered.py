import asyncio
import json
import logging
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from scaler.core.model import Advice, Failures, State
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.journal import Journal
from scaler.standalone.remembered import Memory, ObjectRecord, Remembered, load
from tests.standalone.scene import until

pytestmark = pytest.mark.usefixtures("unblocked")

STATE = State(last_active=3.5, failures=(Failures("s0-a", 2, 7.0),), highest=(Advice(4, 1.25),), active=True)
REF = Ref("ScaledObject", "default", "web")


def manifest(created: str | None = None) -> Manifest:
    metadata = {"name": "web"} if created is None else {"name": "web", "creationTimestamp": created}
    return Manifest(REF, {"metadata": metadata})


# ------------------------------------------------------------------------------------------------------------- reading


def test_nothing_is_remembered_at_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load(tmp_path / "state.json") == Remembered()
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"objects": 3}', b"\xff\xfe", b'{"version": 2}'])
def test_a_file_that_makes_no_sense_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "state.json").write_bytes(content)
    assert load(tmp_path / "state.json") == Remembered()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_states_survive() -> None:
    before = Memory({})
    before.created(manifest(), 11.0)
    before.remember(REF, STATE)
    records = json.loads(json.dumps({name: asdict_of(record) for name, record in before.records.items()}))
    after = Memory({name: ObjectRecord(**record) for name, record in records.items()})
    assert after.state(REF) == STATE
    assert after.created(manifest(), 99.0) == 11.0


def asdict_of(record: ObjectRecord) -> dict[str, object]:
    return {"created": record.created, "state": record.state}


@pytest.mark.parametrize("state", [{"version": 99}, {"version": 1, "failures": "none"}])
def test_a_state_of_another_version_is_forgotten_alone(
    state: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory({"default/web": ObjectRecord(5.0, state), "default/other": ObjectRecord(6.0, asdict(STATE))})
    assert memory.state(REF) is None
    assert memory.state(Ref("ScaledObject", "default", "other")) == STATE
    assert memory.created(manifest(), 99.0) == 5.0
    assert len(caplog.records) == 1


def test_creation_is_what_is_written_else_when_it_was_first_seen() -> None:
    memory = Memory({})
    assert memory.created(manifest(), 7.0) == 7.0
    assert memory.created(manifest(), 8.0) == 7.0
    assert memory.created(manifest("1970-01-01T00:01:00Z"), 8.0) == 60.0
    assert memory.created(manifest("1970-01-01T00:01:00"), 8.0) == 60.0
    assert memory.created(manifest("yesterday"), 8.0) == 60.0


def test_what_is_gone_is_forgotten() -> None:
    memory = Memory({})
    memory.created(manifest(), 7.0)
    memory.remember(REF, STATE)
    memory.keep([])
    assert memory.state(REF) is None
    assert memory.records == {}


def test_what_has_the_same_name_is_somebody_else() -> None:
    memory = Memory({})
    jobs = Ref("ScaledJob", "default", "web")
    for ref in (REF, jobs):
        memory.created(Manifest(ref, {"metadata": {"name": "web"}}), 7.0)
        memory.remember(ref, State(at=float(len(ref.kind))))
    assert memory.state(REF) == State(at=12.0)
    assert memory.state(jobs) == State(at=9.0)
    memory.keep([jobs, Ref("Deployment", "default", "web")])
    assert memory.state(REF) is None
    assert list(memory.records) == ["ScaledJob/default/web"]


# ------------------------------------------------------------------------------------------------------------- writing


async def test_a_journal_follows_and_is_written_at_the_end(tmp_path: Path) -> None:
    path, content = tmp_path / "state.json", [b"1"]
    journal = Journal(path, lambda: content[0])
    async with journal.kept():
        journal.touch()
        await until(path.exists)
        assert path.read_bytes() == b"1"
        content[0] = b"2"
    assert path.read_bytes() == b"2"
    assert os.listdir(tmp_path) == [path.name]


async def test_who_saves_knows_whether_it_is_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state.json", lambda: b"1")
    assert await journal.save()
    assert await journal.save()
    (tmp_path / "file").touch()
    assert not await Journal(tmp_path / "file" / "state.json", lambda: b"1").save()


async def test_a_writing_that_nobody_waits_for_is_over_before_the_next_begins(tmp_path: Path) -> None:
    path, content = tmp_path / "state.json", [b"1"]
    journal = Journal(path, lambda: content[0])
    impatient = asyncio.ensure_future(journal.save())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert path.read_bytes() == b"1"
    content[0] = b"2"
    assert await journal.save()
    assert path.read_bytes() == b"2"


async def test_a_journal_is_not_written_without_a_change(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    journal = Journal(path, lambda: b"1")
    await journal.save()
    path.unlink()
    await journal.save()
    assert not path.exists()


async def test_a_disk_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "file").touch()
    contents = iter(b"1234")
    journal = Journal(tmp_path / "file" / "state.json", lambda: bytes([next(contents)]))
    await journal.save()
    await journal.save()
    assert len(caplog.records) == 1
    assert "cannot be written" in caplog.text
    (tmp_path / "file").unlink()
    await journal.save()
    assert "can be written again" in caplog.text


async def test_the_last_writing_is_not_lost_by_a_cancellation(tmp_path: Path) -> None:
    path, content = tmp_path / "state.json", [b"1"]
    journal = Journal(path, lambda: content[0])

    async def keep() -> None:
        async with journal.kept():
            content[0] = b"2"
            await asyncio.Event().wait()

    task = asyncio.ensure_future(keep())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert path.read_bytes() == b"2"

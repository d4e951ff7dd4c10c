import os
from pathlib import Path

from scaler.standalone.jobs.ends import Ends, folder_of, tidy


async def test_ends_are_read_when_they_are_there(tmp_path: Path) -> None:
    ends = Ends(tmp_path / "jobs", "default", "orders-1")
    assert await ends.status(0, 0) is None
    await ends.prepare()
    for attempt, text in enumerate(("0\n", "-15\n", "", "what")):
        ends.end(2, attempt).write_text(text)
    assert [await ends.status(2, attempt) for attempt in range(4)] == [0, -15, None, None]
    assert await ends.status(1, 0) is None


async def test_nothing_of_a_job_remains(tmp_path: Path) -> None:
    ends, other = (Ends(tmp_path, "default", name) for name in ("orders-1", "orders-1.x-1"))
    for one in (ends, other):
        await one.prepare()
        one.log(0).write_text("done")
    await ends.remove()
    assert os.listdir(tmp_path) == ["default.orders-1.x-1"]
    await ends.remove()


def test_what_nobody_remembers_is_removed(tmp_path: Path) -> None:
    """A Job of that name would take the ends of an earlier one for its own."""
    tidy(tmp_path / "jobs", ())
    for name in ("a-1", "a-2", "b-1"):
        (tmp_path / folder_of("default", name)).mkdir()
    tidy(tmp_path, [folder_of("default", "a-2")])
    assert os.listdir(tmp_path) == ["default.a-2"]

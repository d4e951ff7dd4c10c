"""A daemon that can be killed: `python -m tests.standalone.jobs.daemon FOLDER JOBS` makes so many Jobs, says
`saved` when they have begun, and goes on until it is ended."""

import asyncio
import sys
from pathlib import Path

from tests.standalone.jobs.scene import serving_jobs
from tests.standalone.scene import until


async def main(folder: Path, jobs: int) -> None:
    async with serving_jobs(folder) as scene:
        await scene.make(jobs)
        await until(lambda: len(scene.started()) == jobs)
        print("saved", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

"""A daemon that can be killed: `python -m tests.standalone.daemon FOLDER REPLICAS` wants that many workers, says
`saved` when they are ready and in the state file, and goes on until it is ended."""

import asyncio
import sys
from pathlib import Path

from tests.standalone.scene import STATE, serving, until


async def main(folder: Path, replicas: int) -> None:
    async with serving(folder) as scene:
        await until(lambda: scene.changes)
        await scene.apply(replicas, state=STATE)
        await scene.ready(replicas)
        await until(lambda: len(scene.recorded) == replicas)
        print("saved", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

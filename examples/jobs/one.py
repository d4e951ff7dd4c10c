"""What a Job runs: takes one message, works on it, acknowledges it, and ends. When it ends otherwise than with 0 it is
started again; what it had taken comes back to it or to another. It knows nothing of the daemon.

    python -m examples.jobs.one
"""

import asyncio
import os

from tests.rig.nats_client import connect

WORK = float(os.environ.get("DEMO_WORK", "0.25"))
"""Seconds that a message takes."""


async def work() -> None:
    async with connect(os.environ["NATS_URL"]) as client:
        message = await client.pull("orders", "workers", wait=1)
        if message is None:
            print("somebody else was quicker", flush=True)
            return
        await asyncio.sleep(WORK)
        await client.acknowledge(message)
        await client.flush()
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(work())

"""What every test may use: the real servers of the rig, as fixtures."""

import asyncio

pytest_plugins = ["tests.rig.plugin"]


def pytest_sessionstart() -> None:
    """Say that there is no event loop: looptime asks for it in tests without one, and asking makes one that stays."""
    asyncio.set_event_loop(None)

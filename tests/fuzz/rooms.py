"""All rooms there are: the modules of this package that have one."""

import pkgutil
from importlib import import_module

import tests.fuzz
from tests.fuzz.room import Room

HERE = frozenset(("room", "rooms", "test_rooms", "__main__"))


def rooms() -> dict[str, Room]:
    """By name."""
    modules = (one.name for one in pkgutil.iter_modules(tests.fuzz.__path__) if one.name not in HERE)
    found = (import_module(f"tests.fuzz.{name}").ROOM for name in sorted(modules))
    return {room.name: room for room in found}

"""Kubernetes quantities, as text."""

from tests.core.quantities import holds, texts
from tests.fuzz.room import Room

ROOM = Room("quantity", texts, holds, memory=2**20)

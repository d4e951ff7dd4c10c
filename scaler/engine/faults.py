"""What is wrong with one object, told once to everybody who should know: the log, the board, the object's owner. It
takes errors apart into ours (a sentence) and bugs (a traceback); it mends nothing."""

import asyncio
import logging

from scaler.engine.board import Board
from scaler.engine.cluster import Cluster
from scaler.engine.narrator import Narrator
from scaler.errors import InternalError, ScalerError
from scaler.manifests.watched import Ref, Watched

log = logging.getLogger(__name__)

REPORT = 10.0
"""Seconds that telling an object's owner may take."""


class Faults:
    def __init__(self, cluster: Cluster, board: Board, narrator: Narrator) -> None:
        self._cluster, self._board, self._narrator = cluster, board, narrator

    async def tell(self, ref: Ref, error: Exception) -> None:
        """The object could not be bound or served; the others go on."""
        known = error if isinstance(error, ScalerError) else _bug(error)
        self._board.fault(ref, str(known))
        if self._narrator.failed(ref, known):
            await self._report(ref, known)

    async def _report(self, ref: Ref, error: ScalerError) -> None:
        """An owner who cannot be told (the cluster is away) is no reason to stop serving the others."""
        try:
            async with asyncio.timeout(REPORT):
                await self._cluster.report(ref, error)
        except Exception as failure:  # a report is the last resort already
            known = failure if isinstance(failure, ScalerError) else None
            log.warning("the object's owner could not be told", exc_info=None if known else failure)

    def bound(self, watched: Watched) -> None:
        self._narrator.bound(watched)

    def forget(self, ref: Ref) -> None:
        self._narrator.forget(ref)


def _bug(error: Exception) -> ScalerError:
    log.error("an object could not be served because of a bug", exc_info=error)
    return InternalError(f"a bug in the daemon keeps this object from being served ({type(error).__name__})")

"""What you see: for each object its backlog, its workers and why, drawn from the daemon's own /metrics and log. Drawn
live on a terminal; elsewhere one line a second whenever something moved."""

import asyncio
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WIDTH = 48
LINES = 8


@dataclass
class Row:
    backlog: float = 0.0
    wanted: int = 0
    ready: int = 0
    history: deque[int] = field(default_factory=lambda: deque(maxlen=WIDTH))


class Screen:
    """`show` draws until it is cancelled."""

    def __init__(self, metrics: str, log: Path) -> None:
        self._metrics = metrics
        self._log = log
        self._rows: dict[str, Row] = {}
        self._console = Console()

    async def show(self) -> None:
        async with aiohttp.ClientSession() as session:
            if not self._console.is_terminal:
                await self._print(session)
            with Live(console=self._console, refresh_per_second=4, screen=False) as live:
                while True:
                    await self._look(session)
                    live.update(self._drawn())
                    await asyncio.sleep(0.5)

    async def _print(self, session: aiohttp.ClientSession) -> None:
        said = ""
        while True:
            await self._look(session)
            line = "   ".join(
                f"{name}: backlog {row.backlog:g}, workers {row.ready} of {row.wanted}"
                for name, row in sorted(self._rows.items())
            )
            if line and line != said:
                print(line, flush=True)
                said = line
            await asyncio.sleep(1)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(self._metrics, timeout=aiohttp.ClientTimeout(total=2)) as reply:
                text = await reply.text()
        except (aiohttp.ClientError, TimeoutError):
            return
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.labels.get("scaledObject", "")
                if name:
                    self._take(self._rows.setdefault(name, Row()), sample.name, sample.value)
        for row in self._rows.values():
            row.history.append(row.ready)

    @staticmethod
    def _take(row: Row, metric: str, value: float) -> None:
        match metric:
            case "keda_scaler_metrics_value":
                row.backlog = value
            case "event_scaler_replicas_wanted":
                row.wanted = int(value)
            case "event_scaler_replicas_ready":
                row.ready = int(value)

    def _drawn(self) -> Group:
        table = Table(expand=True, box=None, header_style="bold")
        for heading in ("ScaledObject", "backlog", "workers", "ready", f"ready, the last {WIDTH // 2} s"):
            table.add_column(heading, justify="right" if heading in ("backlog", "workers", "ready") else "left")
        for name, row in sorted(self._rows.items()):
            table.add_row(name, f"{row.backlog:g}", str(row.wanted), str(row.ready), _spark(row.history))
        tail = (
            self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:] if self._log.exists() else []
        )
        said = Text("\n".join(tail), style="dim", overflow="ellipsis", no_wrap=True)
        return Group(Panel(table, title="event-scaler demo · Ctrl-C ends it"), Panel(said, title="the daemon's log"))


def _spark(history: deque[int]) -> Text:
    bars = " ▁▂▃▄▅▆▇█"
    return Text("".join(bars[min(count, 8)] for count in history), style="green")


def say(text: str) -> None:
    """A line about what is being started."""
    print(text, file=sys.stderr, flush=True)

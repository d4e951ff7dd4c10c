"""One question to a service that gives out tokens or keys. What it says goes no further than a status and a code."""

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk.http import Reply, once, refused
from scaler.sdk.signing import Request

TIMEOUT = 3.0
"""Seconds that such a service has to answer."""

_ANY = range(200, 600)


@dataclass(frozen=True, slots=True)
class Told:
    """What it answered. `who` is its name in sentences."""

    who: str
    reply: Reply

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def body(self) -> bytes:
        return self.reply.body

    def refusal(self, what: str, code: str = "") -> SourceError:
        """The error for a status that is not 200. `what` is what was wanted, `code` the service's own word for it."""
        if self.status in (408, 429) or self.status >= 500:
            wait = next((value for name, value in self.reply.headers if name.lower() == "retry-after"), "")
            error = refused(self.who, self.status, wait)
            return error if isinstance(error, SourceBusy) else SourceError(str(error))
        return LoginError(f"{self.who} refuses {what} ({code or f'HTTP {self.status}'})")

    def json(self) -> Mapping[str, Any]:
        """An object. Raises `AnswerError`."""
        try:
            content = json.loads(self.reply.body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise AnswerError(f"the answer of {self.who} is not a JSON object")
        return content

    def text(self, content: Mapping[str, Any], name: str) -> str:
        """A field that must be there. Raises `AnswerError`."""
        value = content.get(name)
        if not isinstance(value, str) or not value:
            raise AnswerError(f"the answer of {self.who} holds no {name}")
        return value


async def tell(request: Request, who: str, *, timeout: float = TIMEOUT, own: bool = True) -> Told:
    """Ask, whatever the status. `own` is for addresses that no person chose: metadata services are among them. Raises
    `SourceError`."""
    try:
        return Told(who, await once(request, timeout=timeout, also=_ANY, own=own))
    except SourceError as error:
        raise type(error)(f"{who}: {error}") from None


async def file_of(path: str, what: str) -> str:
    """The text of a file of the daemon that somebody else keeps fresh. Raises `SourceError`."""
    try:
        return (await asyncio.to_thread(Path(path).read_text, encoding="utf-8")).strip()
    except (OSError, ValueError):
        raise SourceError(f"{what} {path} cannot be read") from None


def left(end: str, now: datetime, who: str) -> float:
    """Seconds until a moment in ISO 8601. Raises `AnswerError`."""
    try:
        moment = datetime.fromisoformat(end)
    except ValueError:
        raise AnswerError(f"the answer of {who} does not say when it expires") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


def lifetime(content: Mapping[str, Any], who: str) -> float:
    """Seconds, of an OAuth 2 answer. Raises `AnswerError`."""
    try:
        seconds = float(content.get("expires_in", 300))
    except (TypeError, ValueError):
        seconds = math.nan
    if math.isnan(seconds):
        raise AnswerError(f"the answer of {who} does not say when it expires")
    return seconds

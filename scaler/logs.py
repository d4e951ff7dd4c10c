"""How the daemon speaks to a terminal or a log collector: `key=value` or JSON, with the object that is being served.
The core never logs; what is logged is a change, once."""

import json
import logging
import sys
from collections.abc import Hashable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

served: ContextVar[str] = ContextVar("served", default="")
"""The object being served (`namespace/name`), set in `loop.serve` only."""

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """`2026-01-01T00:00:00.000Z INFO message key=value object=ns/name`"""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        shown = message if message.isprintable() else json.dumps(message, ensure_ascii=False)
        line = f"{_stamp(record)} {record.levelname} {shown}"
        line += "".join(f" {key}={_quoted(value)}" for key, value in _fields(record).items())
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {"time": _stamp(record), "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps({**fields, **_fields(record)}, default=str, ensure_ascii=False)


def _stamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = {key: value for key, value in record.__dict__.items() if key not in _OWN}
    if current := served.get():
        fields.setdefault("object", current)
    return fields


def _quoted(value: object) -> str:
    text = str(value)
    odd = not text or not text.isprintable() or any(c in text for c in ' "=')
    return json.dumps(text, ensure_ascii=False) if odd else text


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Set up the root logger once, for the daemon; third-party libraries speak from WARNING on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Json() if form == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("scaler").setLevel(level.upper())
    for noisy in ("aiokafka", "azure", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)  # it calls a cancelled ring an error


class Changes:
    """Says a thing when it is new: `news(key, fact)` is true when the fact under the key differs from the last one."""

    def __init__(self) -> None:
        self._last: dict[Hashable, Hashable] = {}

    def news(self, key: Hashable, fact: Hashable) -> bool:
        if self._last.get(key) == fact:
            return False
        if fact is None:
            self._last.pop(key, None)
        else:
            self._last[key] = fact
        return True

    def forget(self, key: Hashable) -> None:
        self._last.pop(key, None)

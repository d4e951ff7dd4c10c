"""What the API server's refusals mean: each status and reason as one of our errors, in the server's own words, which
name objects and fields, never a credential."""

import aiohttp
import msgspec

from scaler.errors import Busy, ClusterError, Conflict, Expired, Forbidden, Invalid, NotFound, Terminating


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] = []


class _Refusal(msgspec.Struct):
    """The part of a `Status` that says why."""

    message: str = ""
    details: _Details | None = None

    @property
    def terminating(self) -> bool:
        causes = self.details.causes if self.details else []
        return any(one.reason == "NamespaceTerminating" for one in causes)


def refused(what: str, reply: aiohttp.ClientResponse, content: bytes) -> ClusterError:
    """`what` was asked; `content` is a `Status`, or whatever a proxy in between has to say."""
    try:
        refusal = msgspec.json.decode(content, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refusal = _Refusal(reply.reason or "")
    why = refusal.message
    sentence = f"{what}: {why[:500] or reply.status}"
    match reply.status:
        case 404:
            return NotFound(sentence)
        case 403 if refusal.terminating:
            return Terminating(sentence)
        case 401 | 403:
            return Forbidden(sentence)
        case 409:
            return Conflict(sentence)
        case 410:
            return Expired(sentence)
        case 400 | 415 | 422:
            return Invalid(sentence)
        case 504 if "Too large resource version" in why:  # its history is another one than ours
            return Expired(sentence)
        case 429 | 503 | 504:
            return Busy(sentence, retry_after=_rest(reply))
    return ClusterError(sentence)


def _rest(reply: aiohttp.ClientResponse) -> float:
    """Seconds that the server asks us to wait; 0 where it does not ask for a repetition."""
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0

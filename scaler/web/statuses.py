"""Refusals as Kubernetes spells them: a `Status` in JSON, whatever the caller accepts. None of them has a Retry-After:
with it the HPA's client would ask up to ten times in a row, and one bad metric would hold one of its few workers."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from scaler.errors import ScalerError

JSON = {"Content-Type": "application/json"}

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    408: "Timeout",
    413: "RequestEntityTooLarge",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class Refusal(ScalerError):
    """A request that is answered with an error; `details` say what it was about (group, kind, name)."""

    def __init__(self, code: int, message: str, *, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.details = code, REASONS[code], dict(details or {})

    def response(self) -> web.Response:
        """A caller who is not known is parted with: if it is the certificate that is trusted no more, or not yet, only
        a new handshake can mend it."""
        response = web.Response(body=self._body(), status=self.code, headers=JSON)
        if self.code == 401:
            response.force_close()
        if self.code == 405:
            response.headers["Allow"] = "GET"
        return response

    def _body(self) -> bytes:
        return msgspec.json.encode(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": str(self).encode("utf-8", "replace").decode(),
                "reason": self.reason,
                "details": self.details,
                "code": self.code,
            }
        )

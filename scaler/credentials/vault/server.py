"""One Vault: requests to its HTTP API, and what its refusals mean. Which token is shown is the caller's business."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from scaler.credentials.blocks import HashiCorpVault
from scaler.credentials.store import Tools
from scaler.errors import AnswerError, CredentialError
from scaler.sdk.http import shown
from scaler.sdk.signing import Params, Request
from scaler.sdk.tls import Tls

Json = Mapping[str, Any]

_REFUSALS = frozenset((400, 403, 404))


class Refused(CredentialError):
    """Vault answers, and says no. `status` is HTTP's."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Server:
    """The Vault that a block names, in its namespace. Raises `Refused`, and whatever `ask` raises."""

    def __init__(self, block: HashiCorpVault, tools: Tools) -> None:
        self.address = block.address.rstrip("/")
        self._ask, self._environment = tools.ask, tools.environment
        self._namespace = block.namespace or tools.environment.get("VAULT_NAMESPACE", "")

    def __str__(self) -> str:
        return shown(self.address)

    async def get(self, path: str, token: str) -> Json:
        return await self._send("GET", path, token, b"")

    async def post(self, path: str, body: Json, token: str = "") -> Json:
        return await self._send("POST", path, token, json.dumps(body).encode())

    async def _send(self, method: str, path: str, token: str, body: bytes) -> Json:
        """The path is quoted: what stands in it cannot become a query, or lead out of the API."""
        url = f"{self.address}/v1/{quote(path.strip('/'), safe='/')}"
        if any(part in (".", "..") for part in path.split("/")):
            raise Refused(f"{path!r} is no path of a secret", 404)
        verify = self._environment.get("VAULT_SKIP_VERIFY", "").lower() not in ("1", "t", "true")
        request = Request(method, url, (), self._headers(token, body), body)
        reply = await self._ask(request, tls=Tls(verify=verify), also=_REFUSALS)
        if reply.status in _REFUSALS:
            raise Refused(f"{self} refuses {path} with HTTP {reply.status}", reply.status)
        answer = reply.json() if reply.body else {}
        if not isinstance(answer, dict):
            raise AnswerError(f"{self} answers with something else than Vault does")
        return answer

    def _headers(self, token: str, body: bytes) -> Params:
        given = {
            "X-Vault-Request": "true",
            "X-Vault-Token": token,
            "X-Vault-Namespace": self._namespace,
            "Content-Type": "application/json" if body else "",
        }
        return tuple((name, value) for name, value in given.items() if value)


def life(answer: Json, field: str) -> float:
    """Seconds in a field of an answer; 0, Vault's sign for "without an end", also where there is no such field."""
    value = answer.get(field)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0

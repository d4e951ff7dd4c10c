"""What is read with a login: equal (type, path, pkiData) once. What Vault leases, and certificates, which it makes anew
each time, are kept until half of their life is over: a lease is renewed then, the rest had anew."""

import math
from dataclasses import dataclass, field
from typing import Any, cast

from scaler.credentials.blocks import VaultPkiData, VaultSecret
from scaler.credentials.store import Tools
from scaler.credentials.vault.login import Login
from scaler.credentials.vault.server import Json, Refused, Server, life
from scaler.errors import AnswerError, CredentialError

Group = tuple[str, str, VaultPkiData | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer's data, and how long it is good (seconds since the epoch). Without a lease it cannot be renewed."""

    data: Json = field(repr=False)
    renew_at: float = math.inf
    until: float = math.inf
    lease: str = field(default="", repr=False)


async def secret(group: Group, tools: Tools, server: Server, login: Login) -> Kept:
    """Raises `Refused`, `AnswerError`, and what `ask` raises."""
    kept: dict[Group, Kept] = tools.memory.setdefault("kept", {})
    held, now = kept.get(group), tools.now()
    if held is not None and now < held.renew_at:
        return held
    found = await _renewed(held, tools, server, login) if held is not None and held.lease and now < held.until else None
    if found is None:
        found = await _read(group, tools, server, login)
    kept.pop(group, None)
    if found.renew_at < math.inf:
        kept[group] = found
    return found


async def _read(group: Group, tools: Tools, server: Server, login: Login) -> Kept:
    type_, path, pki = group
    if type_ == "pki":
        wanted = (pki or VaultPkiData()).model_dump()  # by field: Vault writes them as we do, and not as a manifest
        answer = await server.post(path, {name: one for name, one in wanted.items() if one}, login.token)
    else:
        answer = await server.get(path, login.token)
    data = answer.get("data")
    if not isinstance(data, dict):
        raise AnswerError(f"{server} answers {path} without data")
    return _kept(answer, data, tools.now())


def _kept(answer: Json, data: Json, now: float) -> Kept:
    lease = answer.get("lease_id")
    if isinstance(lease, str) and lease and (seconds := life(answer, "lease_duration")):
        return Kept(data, now + seconds / 2, now + seconds, lease if answer.get("renewable") is True else "")
    if "private_key" in data and (end := life(data, "expiration")):
        return Kept(data, now + max(end - now, 0.0) / 2, end)
    return Kept(data)


async def _renewed(held: Kept, tools: Tools, server: Server, login: Login) -> Kept | None:
    """None where Vault renews it no more, or for less than is left: its greatest age is near."""
    try:
        answer = await server.post("sys/leases/renew", {"lease_id": held.lease}, login.token)
    except Refused:
        return None
    until = tools.now() + life(answer, "lease_duration")
    return Kept(held.data, (tools.now() + until) / 2, until, held.lease) if until > held.until else None


def value(one: VaultSecret, data: Json, at: str) -> str:
    """The text under the secret's key. Raises `CredentialError` that names what is missing, and never what is there."""
    where = f"{at}: the secret {one.path} in Vault"
    if one.type == "secretV2" or (one.type == "" and "data" in data):
        if not isinstance(data.get("data"), dict):
            raise CredentialError(f"{where} is none of the version 2 of the key-value engine")
        data = cast(Json, data["data"])
    found: Any = data.get(one.key)
    if found is None:
        raise CredentialError(f"{where} has no key {one.key}")
    if one.type == "pki" and one.key == "ca_chain" and isinstance(found, list):
        found = "\n".join(found) if all(isinstance(link, str) for link in found) else None
    if not isinstance(found, str):
        raise CredentialError(f"{where} has no text under {one.key}")
    return found

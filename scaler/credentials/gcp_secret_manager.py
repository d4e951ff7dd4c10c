"""Google Cloud's Secret Manager: parameters that are secrets of one project, which the credentials or the daemon's
environment name. Who asks stands in `identity.google`."""

import base64
import re

from scaler.credentials.blocks import GcpSecret, GcpSecretManager
from scaler.credentials.identity import google
from scaler.credentials.store import Fetched, Room, Tools, each
from scaler.errors import AnswerError, CredentialError, LoginError
from scaler.sdk.http import Reply
from scaler.sdk.identity.google import GoogleToken
from scaler.sdk.signing import Request

ENDPOINT = "https://secretmanager.googleapis.com"
OVERRIDE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"
STORE = "Google's Secret Manager"

_ID, _VERSION, _PROJECT = (
    re.compile(r"[A-Za-z0-9_-]{1,255}"),
    re.compile(r"[A-Za-z0-9_-]{1,64}"),
    re.compile(r"[a-z0-9.:-]{1,64}"),
)


async def fetch(block: GcpSecretManager, at: str, tools: Tools) -> Fetched:
    """Every parameter of the block. Raises `CredentialError` that names every reference which leads nowhere."""
    signer = await _signer(block, at, tools)
    await signer.token()  # has its own time, and says what is wrong with itself
    project = await signer.grant.project() or tools.environment.get("CLOUDSDK_CORE_PROJECT", "")
    if not _PROJECT.fullmatch(project):
        raise CredentialError(f"{at}: no project is known: neither the credentials nor CLOUDSDK_CORE_PROJECT name one")

    async def read(one: GcpSecret, where: str) -> str:
        return await _secret(one, project, where, signer, tools)

    return await each(block.secrets, at, read)


async def _signer(block: GcpSecretManager, at: str, tools: Tools) -> GoogleToken:
    if block.pod_identity and block.pod_identity.provider == "gcp":
        return google.own(tools)
    if block.pod_identity and block.pod_identity.provider != "none":
        raise CredentialError(f"{at}.podIdentity.provider: must be gcp here")
    if block.credentials is None:
        raise CredentialError(f"{at}: needs credentials or podIdentity")
    return await google.written_key(block.credentials, f"{at}.credentials", tools)


async def _secret(one: GcpSecret, project: str, where: str, signer: GoogleToken, tools: Tools) -> str:
    for name, pattern, written in (("id", _ID, one.id), ("version", _VERSION, one.version)):
        if not pattern.fullmatch(written):
            raise CredentialError(f"{where}.{name}: must have letters, digits, hyphens and underscores alone")
    given = tools.environment.get(OVERRIDE)
    base = f"{(given or ENDPOINT).rstrip('/')}/v1/projects/{project}/secrets/{one.id}"
    request = Request("GET", f"{base}/versions/{one.version}:access")
    reply = await tools.ask(request, auth=signer, also=(400, 401, 403, 404), own=bool(given))
    match reply.status:
        case 401:
            signer.refused()
            raise LoginError(f"{STORE} does not accept the identity's token")
        case 403:
            raise CredentialError(f"{where}.id: the identity may not read secret {one.id} of project {project}")
        case 404:
            raise CredentialError(
                f"{where}.id: there is no secret {one.id} with version {one.version} in project {project}"
            )
        case 400:  # disabled or destroyed, where nothing else is wrong
            raise CredentialError(f"{where}.version: {STORE} does not give version {one.version} of secret {one.id}")
    return _value(reply, where, one.id)


def _value(reply: Reply, where: str, name: str) -> str:
    """Of any letters: what is not UTF-8 cannot be a parameter."""
    content = reply.json()
    try:
        return base64.b64decode(content["payload"]["data"], validate=True).decode()
    except UnicodeDecodeError:
        raise CredentialError(f"{where}.id: secret {name} is not text") from None
    except (KeyError, TypeError, ValueError):
        raise AnswerError(f"{where}.id: the answer for secret {name} holds no payload") from None


ROOM = Room(fetch)

"""AWS Secrets Manager: parameters that are secrets, or keys of secrets that are JSON objects. A secret that several
parameters are taken from is asked for once. Who asks stands in `identity.aws`."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from scaler.credentials.blocks import AwsSecret, AwsSecretManager
from scaler.credentials.identity.aws import PROVIDERS, keys_of, workloads, written_keys
from scaler.credentials.store import Fetched, Per, Room, Tools, each
from scaler.errors import AnswerError, CredentialError, LoginError, SourceError
from scaler.sdk.identity.aws import SigV4
from scaler.sdk.identity.aws_sts import KeySource, code_in, endpoint, region_of
from scaler.sdk.signing import Request
from scaler.sdk.sigv4 import Place

SERVICE = "secretsmanager"
STORE = "AWS Secrets Manager"
NOT_OURS = frozenset(
    (
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
    )
)
"""Words for keys that are not accepted, whatever they ask for."""

BUSY = frozenset(("ThrottlingException", "Throttling", "RequestLimitExceeded", "InternalServiceError"))

_WORD = re.compile(r"[A-Za-z]{1,60}")
_REGION = re.compile(r"[a-z]{2}[a-z0-9-]{1,30}")


class _Version(NamedTuple):
    """What of a secret is asked for."""

    name: str
    id: str
    stage: str


class _Asked(NamedTuple):
    """Whom a block asks, and as whom. `own`: at an address that the daemon was given."""

    signer: SigV4
    url: str
    region: str
    own: bool


async def fetch(block: AwsSecretManager, at: str, tools: Tools) -> Fetched:
    """Every parameter of the block. Raises `CredentialError` that names every reference which leads nowhere."""
    asked = await _asked(block, at, tools)
    await asked.signer.source.keys()  # has its own time, and says what is wrong with itself
    known: dict[_Version, str] = {}

    async def read(one: AwsSecret, where: str) -> str:
        version = _Version(one.name, one.version_id, one.version_stage)
        if version not in known:
            known[version] = await _secret(version, where, asked, tools)
        return _picked(one, known[version], where)

    return await each(block.secrets, at, read)


async def _asked(block: AwsSecretManager, at: str, tools: Tools) -> _Asked:
    region = block.region or region_of(tools.environment)
    if not _REGION.fullmatch(region):
        raise CredentialError(f"{at}.region: must be a region such as eu-west-1, or the daemon's (AWS_REGION)")
    given = tools.environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or tools.environment.get("AWS_ENDPOINT_URL")
    signer = SigV4(await _keys(block, at, tools), Place(region, SERVICE))
    return _Asked(signer, f"{(given or endpoint(SERVICE, region)).rstrip('/')}/", region, bool(given))


async def _keys(block: AwsSecretManager, at: str, tools: Tools) -> KeySource:
    if block.pod_identity and block.pod_identity.provider in PROVIDERS:
        return await keys_of(block.pod_identity, at, tools)
    if block.pod_identity and block.pod_identity.provider != "none":
        raise CredentialError(f"{at}.podIdentity.provider: must be aws or aws-eks here")
    if block.credentials is None:
        raise CredentialError(f"{at}: needs credentials or podIdentity")
    return await written_keys(block.credentials, f"{at}.credentials", tools)


async def _secret(version: _Version, where: str, asked: _Asked, tools: Tools) -> str:
    wanted = {"SecretId": version.name, "VersionId": version.id, "VersionStage": version.stage}
    request = Request(
        "POST",
        asked.url,
        headers=(
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", f"{SERVICE}.GetSecretValue"),
        ),
        body=json.dumps({name: value for name, value in wanted.items() if value}).encode(),
    )
    reply = await tools.ask(request, auth=asked.signer, also=(400, 403, 404), own=asked.own)
    if reply.status != 200:
        raise _refusal(_word(reply.body), version, where, asked)
    secret = _object(reply.body).get("SecretString")
    if not isinstance(secret, str):
        raise CredentialError(f"{where}.name: secret {version.name} holds no text")
    return secret


def _refusal(word: str, version: _Version, where: str, asked: _Asked) -> Exception:
    if word in BUSY:
        return SourceError(f"{STORE} is too busy ({word})")
    if word in NOT_OURS:
        asked.signer.refused()
        return LoginError(f"{STORE} in {asked.region} does not accept the keys ({word})")
    if word != "ResourceNotFoundException":
        return CredentialError(f"{where}.name: {STORE} does not give secret {version.name} ({word or 'no reason'})")
    which = " ".join(part for part in (version.stage, version.id) if part)
    there = f"secret {version.name}" + (f" with version {which}" if which else "")
    return CredentialError(f"{where}.name: there is no {there} in {asked.region}")


def _picked(one: AwsSecret, secret: str, where: str) -> str:
    """The secret, or one key of it; what is not text there is as JSON writes it."""
    if not one.secret_key:
        return secret
    try:
        content = json.loads(secret, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CredentialError(f"{where}.secretKey: secret {one.name} is not a JSON object")
    value = content.get(one.secret_key)
    if isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, str):
        raise CredentialError(f"{where}.secretKey: secret {one.name} has no text or number under {one.secret_key}")
    return value


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise AnswerError(f"the answer of {STORE} is not a JSON object")
    return content


def _word(body: bytes) -> str:
    """What is wrong, in AWS's word: in JSON, or, where the request was not let through at all, perhaps in XML."""
    try:
        word = str(_object(body).get("__type", "")).rpartition("#")[2]
    except AnswerError:
        return code_in(body)
    return word if _WORD.fullmatch(word) else ""


def _per(block: AwsSecretManager) -> Per:
    return Per.WORKLOAD if workloads(block.pod_identity) else Per.NAMESPACE


ROOM = Room(fetch, per=_per)

"""Moto, a stand-in for AWS: Secrets Manager, IAM and STS, on loopback. It is told to check: signatures, keys and
policies are believed as AWS believes them, but for trust policies of roles, which it does not read.

`with moto() as aws: ...` is the life of the server; the handle's methods make secrets, users and roles.
"""

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import aiohttp

from scaler.sdk.signing import Request
from scaler.sdk.sigv4 import Keys, Place, signed
from tests.rig import cache
from tests.rig.process import Server, free_ports, running

RECIPE = Path(__file__).parent / "recipes" / "moto" / "requirements.txt"
REGION = "eu-west-1"
# Moto's only account.
ACCOUNT = "123456789012"
MANY = 1_000_000
ANYBODY = Keys("AKIAIOSFODNN7EXAMPLE", "not checked yet")
# Its own program names the interpreter by a path that was another while it was made.
START = "from moto.server import main; main()"
MAY_READ = ("secretsmanager:GetSecretValue",)


class Moto:
    """A running moto. Whoever asks must be one of its users or act as one of its roles."""

    def __init__(self, port: int, server: Server, keys: Keys = ANYBODY) -> None:
        """`keys` are whoever makes things by the methods here."""
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.server = server
        self._keys = keys

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that is to take this for AWS; who it is, is not in it."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}

    async def put(self, name: str, value: str) -> str:
        """A secret of that name has this value from now on; the id of the version."""
        try:
            answer = await self._secrets("CreateSecret", Name=name, SecretString=value)
        except AwsRefusal as refusal:
            if refusal.word != "ResourceExistsException":
                raise
            answer = await self._secrets("PutSecretValue", SecretId=name, SecretString=value)
        return str(answer["VersionId"])

    async def put_bytes(self, name: str, value: str) -> None:
        """A secret that is no text; the value is base64."""
        await self._secrets("CreateSecret", Name=name, SecretBinary=value)

    async def user(self, name: str, *actions: str) -> Keys:
        """A new user who may do that with everything; keys of it."""
        await self._iam("CreateUser", UserName=name)
        await self._rights("User", name, actions)
        return await self.more_keys(name)

    async def more_keys(self, user: str) -> Keys:
        found = await self._iam("CreateAccessKey", UserName=user)
        return Keys(_text(found, "AccessKeyId"), _text(found, "SecretAccessKey"))

    async def take_keys(self, user: str, keys: Keys) -> None:
        """Those keys are nobody's any more."""
        await self._iam("DeleteAccessKey", UserName=user, AccessKeyId=keys.access_key)

    async def role(self, name: str, *actions: str) -> str:
        """A new role that may do that with everything; its ARN."""
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
        found = await self._iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        await self._rights("Role", name, actions)
        return _text(found, "Arn")

    async def begin(self) -> None:
        """An administrator, and from then on nobody is believed unseen."""
        self._keys = await self.user("admin", "*")
        await self._unchecked(0)

    @asynccontextmanager
    async def unchecked(self) -> AsyncIterator[None]:
        """Everybody is believed: moto, when it checks, cannot read a request that has no signature and needs none."""
        await self._unchecked(MANY)
        try:
            yield
        finally:
            await self._unchecked(0)

    async def _unchecked(self, requests: int) -> None:
        where = f"{self.url}/moto-api/reset-auth"
        async with aiohttp.ClientSession() as session, session.post(where, data=f"{requests}".encode()) as reply:
            reply.raise_for_status()

    async def _rights(self, kind: str, name: str, actions: tuple[str, ...]) -> None:
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        await self._iam(f"Put{kind}Policy", **{f"{kind}Name": name}, PolicyName="rights", PolicyDocument=document)

    async def _secrets(self, action: str, **fields: str) -> Mapping[str, Any]:
        target = ("X-Amz-Target", f"secretsmanager.{action}"), ("Content-Type", "application/x-amz-json-1.1")
        request = Request("POST", f"{self.url}/", headers=target, body=json.dumps(fields).encode())
        answer: Mapping[str, Any] = json.loads(await self._call(request, "secretsmanager", REGION))
        return answer

    async def _iam(self, action: str, **fields: str) -> bytes:
        form = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        body = urlencode({"Action": action, "Version": "2010-05-08", **fields}).encode()
        return await self._call(Request("POST", f"{self.url}/", headers=(form,), body=body), "iam", "us-east-1")

    async def _call(self, request: Request, service: str, region: str) -> bytes:
        request = signed(request, self._keys, Place(region, service), datetime.now(UTC))
        async with (
            aiohttp.ClientSession() as session,
            session.post(request.url, data=request.body, headers=request.headers) as reply,
        ):
            body = await reply.read()
        if reply.status != 200:
            raise AwsRefusal(body.decode())
        return body


class AwsRefusal(Exception):
    """What moto said."""

    @property
    def word(self) -> str:
        found = re.search(r'"__type": *"([A-Za-z]+)"', str(self))
        return found[1] if found else ""


@contextmanager
def moto() -> Iterator[Moto]:
    """One that checks whom it knows."""
    program = fetch() / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="event-scaler-moto-") as folder:
        [port] = free_ports(1)
        command = [str(program), "-c", START, "-H", "127.0.0.1", "-p", str(port)]
        environment = {"MOTO_ACCOUNT_ID": ACCOUNT, "INITIAL_NO_AUTH_ACTION_COUNT": str(MANY)}
        log = Path(folder) / "moto.log"
        with running(server := Server(command, log=log, ready=partial(_answers, port), environment=environment)):
            made = Moto(port, server)
            asyncio.run(made.begin())
            yield made


def fetch() -> Path:
    """The virtual environment that moto is installed in, made if it is not there."""
    [version] = re.findall(r"^moto==(\S+)$", RECIPE.read_text(), re.M)
    return cache.entry("moto", version, _install, cost="about half a minute, 140 MB by pip")


def _install(folder: Path) -> None:
    cache.call([sys.executable, "-m", "venv", str(folder)], cwd=folder)
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    cache.call([str(folder / "bin" / "python"), "-m", "pip", "install", *quiet, "-r", str(RECIPE)], cwd=folder)


def _answers(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/moto-api/data.json")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def _text(body: bytes, name: str) -> str:
    found = next(ElementTree.fromstring(body).iterfind(f".//{{*}}{name}"))
    return found.text or ""

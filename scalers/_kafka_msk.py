"""Amazon MSK's login: a bearer token that is a presigned request for `kafka-cluster:Connect` (AWS Signature Version 4
in the query), made here from an access key."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from scalers._kafka_login import Bearer

SERVICE = "kafka-cluster"
ALGORITHM = "AWS4-HMAC-SHA256"
LIFETIME = 900
STEP = 300


@dataclass(frozen=True)
class Msk(Bearer):
    """An access key for one region, with the session's token where it is a temporary one."""

    region: str
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    async def proof(self) -> str:
        """The same for the length of a step, so that connections are made anew once a step, long before it expires."""
        now = int(time.time())
        return self.token(datetime.fromtimestamp(now - now % STEP, UTC))

    def token(self, now: datetime) -> str:
        """The presigned URL in base64url without padding, as Amazon's own signers make it."""
        host = f"kafka.{self.region}.amazonaws.com"
        stamp, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{self.region}/{SERVICE}/aws4_request"
        query = self._query(stamp, scope)
        request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{_digest('')}"
        signature = self._sign(scope, f"{ALGORITHM}\n{stamp}\n{scope}\n{_digest(request)}")
        url = f"https://{host}/?{query}&X-Amz-Signature={signature}&User-Agent=event-scaler"
        return base64.urlsafe_b64encode(url.encode()).rstrip(b"=").decode()

    def _query(self, stamp: str, scope: str) -> str:
        fields = {
            "Action": f"{SERVICE}:Connect",
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(LIFETIME),
            "X-Amz-SignedHeaders": "host",
        } | ({"X-Amz-Security-Token": self.session_token} if self.session_token else {})
        return "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(fields.items()))

    def _sign(self, scope: str, text: str) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = _mac(key, part)
        return _mac(key, text).hex()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

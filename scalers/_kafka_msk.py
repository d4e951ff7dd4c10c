"""Amazon MSK's login: a bearer token that is a presigned request for `kafka-cluster:Connect` (AWS Signature Version 4
in the query), made here from an access key or from temporary keys of an identity."""

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from scaler.sdk import Keys, KeySource, Place, canonical_query, signature, stamp
from scalers._kafka_login import Bearer

SERVICE = "kafka-cluster"
ALGORITHM = "AWS4-HMAC-SHA256"
LIFETIME = 900
STEP = 300

_BROKER = re.compile(r"[a-z0-9.-]+\.kafka(-serverless)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class Msk(Bearer):
    """For one region, with whatever keys there are at the moment. `own` keys are an identity's that the daemon has:
    what is made from them names no broker, who gets it can log in elsewhere, so Amazon's brokers alone are shown it."""

    region: str
    source: KeySource
    own: bool = False

    def refused(self) -> None:
        self.source.refused()

    def admits(self, host: str) -> bool:
        return not self.own or is_amazons(host)

    async def proof(self) -> str:
        """The same for the length of a step, so that connections are made anew once a step, long before it expires."""
        now = int(time.time())
        return self.token(datetime.fromtimestamp(now - now % STEP, UTC), await self.source.keys())

    def token(self, now: datetime, keys: Keys) -> str:
        """The presigned URL in base64url without padding, as Amazon's own signers make it."""
        host, scope = f"kafka.{self.region}.amazonaws.com", Place(self.region, SERVICE).scope(now)
        query = _query(now, scope, keys)
        request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
        proof = signature(keys.secret_key, scope, now, request)
        url = f"https://{host}/?{query}&X-Amz-Signature={proof}&User-Agent=event-scaler"
        return base64.urlsafe_b64encode(url.encode()).rstrip(b"=").decode()


def is_amazons(host: str) -> bool:
    """Whether a broker's name is one that Amazon MSK gives, and nobody else can have."""
    return _BROKER.fullmatch(host.lower()) is not None


def _query(now: datetime, scope: str, keys: Keys) -> str:
    fields = {
        "Action": f"{SERVICE}:Connect",
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": stamp(now),
        "X-Amz-Expires": str(LIFETIME),
        "X-Amz-SignedHeaders": "host",
    } | ({"X-Amz-Security-Token": keys.token} if keys.token else {})
    return canonical_query(tuple(fields.items()))

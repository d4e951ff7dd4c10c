"""Reviews that nobody would send who means well, a webhook that they are sent to, and what holds of its answers: for
the suite and for `python -m tests.fuzz`."""

import asyncio
import json
from random import Random
from typing import Any

from scaler.manifests.kinds import KINDS, Kind
from tests.fuzz.manifest import anything, changed
from tests.web.admission.reviewing import KIND, Said, review, scaled, served

BREAKS = (b"", b"\x00", b"\xff", b'"\\ud800"', b"1e999", b"9" * 5_000, b'{"a":' * 3_000, b"[" * 3_000)


def sent(seed: int) -> tuple[Kind, bytes]:
    """(the kind whose path it is sent to, what is sent): a review of a good object in which something is changed, or of
    anything at all; now and then the review itself is not as it should be, or broken."""
    random = Random(seed)
    body = _object(random)
    kind = KIND.get(str(body.get("kind")) if isinstance(body, dict) else "", random.choice(KINDS))
    made = review(body, random.choice((None, None, scaled(), _object(random))), kind=kind)
    if random.random() < 0.1:
        made["request"][random.choice(sorted(made["request"]))] = anything(random)
    content = json.dumps(made).encode()
    if random.random() < 0.1:
        at = random.randrange(len(content))
        content = content[:at] + random.choice(BREAKS) + content[random.choice((at, len(content))) :]
    return (kind if random.random() < 0.9 else random.choice(KINDS)), content


def _object(random: Random) -> Any:
    if random.random() < 0.8:
        return changed(random.getrandbits(48))
    spec = {random.choice(("destination", "eventSubscription", "oauth2", "triggers")): anything(random)}
    return random.choice((anything(random), {"metadata": anything(random), "spec": spec}, scaled(spec)))


class Running:
    """A webhook whose event loop goes on only while it is asked: hypothesis waits for nobody."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._block = served()
        self._webhook = self._runner.run(self._block.__aenter__())

    def ask(self, content: bytes, kind: Kind) -> Said:
        return self._runner.run(self._webhook.ask(content, kind))

    def close(self) -> None:
        self._runner.run(self._block.__aexit__(None, None, None))
        self._runner.close()


def answered(said: Said) -> None:
    """It is what the API server understands, and may be shown to people. On a crowded machine the webhook may say that
    it had no time: that is an answer as well."""
    if said.status == 200:
        told = said.allowed if said.body["allowed"] else [said.refused, *said.body.get("warnings", ())]
    else:
        assert said.status in (400, 413) or "no answer within" in said.error, said.error
        told = [said.error]
    assert all(one and one.isprintable() and len(one) < 10_000 for one in told)

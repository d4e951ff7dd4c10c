"""Whether there is a webhook at all, and where it listens."""

import pytest

from scaler.daemon.admission import Admission
from scaler.errors import SettingsError
from scaler.kubernetes.world import Scope, World
from scaler.settings import Settings
from scaler.web.tls import Certificates
from tests.kubernetes.fake_api import FakeApi


def admission(**settings: object) -> Admission:
    api = FakeApi()
    return Admission(api, World(api, Scope()), Settings.model_validate(settings), lambda: 0.0)


def none() -> Certificates:
    raise SettingsError({"certFile": "is asked for"})


async def test_turned_off_it_wants_neither_certificate_nor_address() -> None:
    async with admission(enableAdmissionWebhook=False, webhookListen="nowhere").listening(none):
        pass


async def test_else_it_wants_both() -> None:
    with pytest.raises(SettingsError, match="webhookListen: must be host:port"):
        admission(webhookListen="nowhere").listening(none)
    with pytest.raises(SettingsError, match="certFile: is asked for"):
        admission(webhookListen="127.0.0.1:0").listening(none)

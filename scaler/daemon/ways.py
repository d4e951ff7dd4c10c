"""What the settings say of how clients go out, as the one value that every source's client heeds."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

from scaler import settings
from scaler.errors import SettingsError
from scaler.sdk.ways import WAYS, Proxies, TlsRules, Ways, ciphers_of
from scaler.settings import Settings
from scaler.web.tls import RULES

log = logging.getLogger(__name__)

BEGIN = "-----BEGIN CERTIFICATE-----"


async def set_ways(given: Settings) -> None:
    """For everything that the current task starts from now on. Raises `SettingsError`."""
    RULES.set(service_rules(given))
    WAYS.set(await asyncio.to_thread(ways_of, given))


def ways_of(given: Settings) -> Ways:
    """Reads files: to be called in a thread. Raises `SettingsError` for a cipher that there is not."""
    found = settings.proxies()
    return Ways(
        timeout=given.http_default_timeout,
        keep_alive=not given.http_disable_keep_alive,
        rules=TlsRules(given.http_min_tls_version, _ciphers("httpTlsCipherList", given.http_tls_cipher_list)),
        authorities=tuple(_authorities(given.ca_dirs)),
        proxies=Proxies(found["http"], found["https"], tuple(one for one in found["no"].split(",") if one.strip())),
    )


def service_rules(given: Settings) -> TlsRules:
    """Those of our own listeners; what is not said of them is as for clients, as with KEDA. Raises `SettingsError`."""
    ciphers = _ciphers("serviceTlsCipherList", given.service_tls_cipher_list or given.http_tls_cipher_list)
    return TlsRules(given.service_min_tls_version or given.http_min_tls_version, ciphers)


def _ciphers(setting: str, names: tuple[str, ...]) -> tuple[str, ...]:
    known, unknown = ciphers_of(names)
    if unknown:
        raise SettingsError({setting: f"there is no cipher {unknown[0]} here"})
    return known


def _authorities(folders: tuple[str, ...]) -> Iterator[str]:
    """The PEM files of each folder that is there; Kubernetes mounts them by links, beside folders of its own."""
    for folder in folders:
        path = Path(folder)
        for file in sorted(path.iterdir()) if path.is_dir() else ():
            if file.is_file():
                yield from _pem(file)


def _pem(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    if BEGIN in text:
        yield text
    else:
        log.warning("%s holds no certificate in PEM, it is not trusted", file)

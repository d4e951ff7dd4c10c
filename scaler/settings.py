"""The daemon's own settings: one declared class, read once, passed down as values. Places: flags, then `SCALER_…`
variables, then a file. The only module that reads the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from scaler.declare import Declared, Duration, load, param, parameters
from scaler.errors import SettingsError

PREFIX = "SCALER_"

IDENTITY = {
    "federatedTokenFile": "AZURE_FEDERATED_TOKEN_FILE",
    "clientId": "AZURE_CLIENT_ID",
    "tenantId": "AZURE_TENANT_ID",
    "authorityHost": "AZURE_AUTHORITY_HOST",
}
"""What the Azure workload identity webhook puts into a pod's environment, by the parameter that scalers know it by."""


class Settings(Declared):
    """Every setting of the daemon."""

    log_level: str = param(
        "What is logged at least.", default="info", choices=("debug", "info", "warning", "error", "critical")
    )
    log_format: str = param("How a log line looks.", default="text", choices=("text", "json"))
    listen: str = param("Address of the plain listener for /healthz, /readyz and /metrics.", default="127.0.0.1:8080")
    metric_max_age: Duration = param("How old a reading may be that answers a metric request.", default=5.0)
    reload: Duration = param("How often the folder is looked at (standalone).", default=1.0)

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) of the plain listener; raises `SettingsError`."""
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise SettingsError({"listen": "must be host:port, such as 127.0.0.1:8080"})
        return host.strip("[]"), int(port)


def read(flags: Mapping[str, str | None], file: Path | None = None) -> Settings:
    """The settings of this process. Raises `SettingsError` with all problems at once."""
    values = {**_from_file(file), **_from_environment(), **{k: v for k, v in flags.items() if v is not None}}
    loaded = load(Settings, values, {}, {})
    problems = {**loaded.problems, **{name: note for name, note in loaded.notes.items() if name not in loaded.problems}}
    if problems or loaded.value is None:
        raise SettingsError(problems)
    return loaded.value


def _from_environment() -> dict[str, str]:
    spellings = {PREFIX + field.upper(): one.name for field, one in parameters(Settings).items()}
    return {name: os.environ[variable] for variable, name in spellings.items() if variable in os.environ}


def _from_file(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except OSError:
        raise SettingsError({"config": f"{file} cannot be read"}) from None
    except yaml.YAMLError:
        raise SettingsError({"config": f"{file} is not YAML"}) from None
    if not isinstance(content, dict):
        raise SettingsError({"config": f"{file} must hold a mapping of settings"})
    return {str(key): str(value) for key, value in content.items()}


def environment() -> Mapping[str, str]:
    """The environment of this process, as local workers inherit it."""
    return dict(os.environ)


def identity() -> dict[str, str]:
    """The daemon's own workload identity, where it has one."""
    return {name: os.environ[variable] for name, variable in IDENTITY.items() if os.environ.get(variable)}

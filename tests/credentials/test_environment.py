"""The kubelet's rules: what wins, what refers to what, what may be missing. Both ways to read come to the same."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from scaler.credentials import environment as resolving
from scaler.credentials.environment import Container, Name, Outcome, environment, expand, needed
from scaler.errors import ClusterError, Forbidden, NotFound

HELD: dict[Name, Outcome] = {
    ("Secret", "keys"): {"user": "me", "password": "pw"},
    ("ConfigMap", "hosts"): {"host": "a.test", "user": "config"},
    ("Secret", "theirs"): Forbidden("Secret theirs may not be read"),
}


def outcome(kind: str, name: str) -> Outcome:
    return HELD.get((kind, name)) or NotFound(f"there is no {kind} {name}")


async def read(kind: str, name: str) -> Mapping[str, str]:
    found = outcome(kind, name)
    if isinstance(found, ClusterError):
        raise found
    return found


def resolved(fields: Mapping[str, str] | None = None, **written: Any) -> dict[str, str]:
    container = msgspec.convert(written, Container)
    if fields is None:
        return asyncio.run(resolving.resolved(container, read))
    return environment(container, fields, {name: outcome(*name) for name in needed(container)})


def secret_key(key: str, name: str = "keys", **more: Any) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key, **more}}}


def test_env_from_comes_first_and_later_ones_win() -> None:
    found = resolved(
        envFrom=[{"secretRef": {"name": "keys"}}, {"prefix": "C_", "configMapRef": {"name": "hosts"}}],
        env=[{"name": "password", "value": "own"}, {"name": "empty"}],
    )
    assert found == {"user": "me", "password": "own", "C_host": "a.test", "C_user": "config", "empty": ""}


def test_keys_of_secrets_and_config_maps() -> None:
    host = {"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "hosts", "key": "host"}}}
    assert resolved(env=[{"name": "P", **secret_key("password")}, host]) == {"P": "pw", "HOST": "a.test"}


def test_references_see_what_is_defined_before() -> None:
    found = resolved(
        envFrom=[{"secretRef": {"name": "keys"}}],
        env=[
            {"name": "URL", "value": "http://$(user):$(password)@$(HOST)"},
            {"name": "HOST", "value": "a.test"},
            {"name": "URL2", "value": "$(URL) on $(HOST)"},
        ],
    )
    assert found["URL"] == "http://me:pw@$(HOST)"
    assert found["URL2"] == "http://me:pw@$(HOST) on a.test"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(A)", "1"),
        ("$(A)$(B)$(A)", "1$(B)1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $", "$A ${A} $"),
        ("$(A", "$(A"),
        ("$()", "$()"),
    ],
)
def test_expansion(text: str, value: str) -> None:
    assert expand(text, {"A": "1"}) == value


def test_fields_of_the_pod() -> None:
    env = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in {"NAME": "metadata.name", "IP": "status.podIP"}.items()
    ]
    limit = {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}
    assert resolved(env=[*env, limit]) == {}
    assert resolved({"metadata.name": "web-0"}, env=env) == {"NAME": "web-0"}


def test_what_is_missing_is_an_error_unless_it_is_optional() -> None:
    with pytest.raises(NotFound, match="there is no Secret nowhere"):
        resolved(envFrom=[{"secretRef": {"name": "nowhere"}}])
    with pytest.raises(NotFound, match="Secret keys has no key nothing"):
        resolved(env=[{"name": "A", **secret_key("nothing")}])
    assert (
        resolved(
            envFrom=[{"secretRef": {"name": "nowhere", "optional": True}}],
            env=[
                {"name": "A", **secret_key("nothing", optional=True)},
                {"name": "B", **secret_key("a", name="nowhere", optional=True)},
            ],
        )
        == {}
    )


def test_what_may_not_be_read_is_an_error_unless_it_is_optional() -> None:
    with pytest.raises(Forbidden, match="Secret theirs may not be read"):
        resolved(envFrom=[{"secretRef": {"name": "theirs"}}])
    assert resolved(env=[{"name": "A", **secret_key("a", name="theirs", optional=True)}]) == {}


def test_what_must_be_read_is_told_first() -> None:
    hosts = {"configMapKeyRef": {"name": "hosts", "key": "host", "optional": True}}
    written = {
        "image": "what is not named is not looked at",
        "envFrom": [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "common"}}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", **secret_key("b")}, {"name": "C", "valueFrom": hosts}],
    }
    found = needed(msgspec.convert(written, Container))
    assert found == {("Secret", "keys"), ("ConfigMap", "common"), ("ConfigMap", "hosts")}
    assert needed(Container()) == frozenset()

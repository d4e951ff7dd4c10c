"""The rig as a pytest plug-in: one fixture per server, the marker `rig`, and what was not tested here said aloud.

Servers start when the first test wants them and stop with the session. What has to be downloaded is downloaded before
that test's own time begins, so no test's limit pays for it.
"""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import pytest

import tests.rig.azurite
import tests.rig.brokers
import tests.rig.control_plane
import tests.rig.expr
import tests.rig.helm
import tests.rig.kafka
import tests.rig.kube_build
import tests.rig.moto
import tests.rig.nats
import tests.rig.oauth
import tests.rig.promtool
import tests.rig.secured_kafka
from tests.rig.azurite import Azurite
from tests.rig.cache import Unavailable
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kafka import Kafka
from tests.rig.moto import Moto
from tests.rig.nats import Nats
from tests.rig.oauth import TokenEndpoint
from tests.rig.secured_kafka import SecuredKafka

Handle = TypeVar("Handle")

LIMIT = 120
FETCH: dict[str, Callable[[], Path]] = {
    "kafka": tests.rig.brokers.fetch,
    "kafka_cluster": tests.rig.brokers.fetch,
    "secured_kafka": tests.rig.brokers.fetch,
    "azurite": tests.rig.azurite.fetch,
    "nats": tests.rig.nats.fetch,
    "moto": tests.rig.moto.fetch,
    "control_plane": tests.rig.control_plane.fetch,
    "control_planes": tests.rig.control_plane.fetch,
    "kubectl": tests.rig.kube_build.kubectl,
    "helm": tests.rig.helm.fetch,
    "promtool": tests.rig.promtool.fetch,
    "expr": tests.rig.expr.fetch,
}
# Of each server that was wanted: why it is not to be had, or None.
TRIED = pytest.StashKey[dict[str, str | None]]()


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Kafka]:
    """One broker without logins."""
    yield from _life("kafka", tests.rig.kafka.kafka, pytestconfig)


@pytest.fixture(scope="session")
def kafka_cluster(pytestconfig: pytest.Config) -> Iterator[Kafka]:
    """Three brokers; the first is the controller and must live."""
    yield from _life("kafka_cluster", tests.rig.kafka.kafka_cluster, pytestconfig)


@pytest.fixture(scope="session")
def secured_kafka(pytestconfig: pytest.Config) -> Iterator[SecuredKafka]:
    """One broker with SASL, TLS and access rules."""
    yield from _life("secured_kafka", tests.rig.secured_kafka.secured_kafka, pytestconfig)


@pytest.fixture(scope="session")
def azurite(pytestconfig: pytest.Config) -> Iterator[Azurite]:
    """Azure Storage's queues and blobs."""
    yield from _life("azurite", tests.rig.azurite.azurite, pytestconfig)


@pytest.fixture(scope="session")
def nats(pytestconfig: pytest.Config) -> Iterator[Nats]:
    """NATS with JetStream and its monitoring port."""
    yield from _life("nats", tests.rig.nats.nats, pytestconfig)


@pytest.fixture(scope="session")
def moto(pytestconfig: pytest.Config) -> Iterator[Moto]:
    """AWS: Secrets Manager, IAM and STS, which believe what AWS believes."""
    yield from _life("moto", tests.rig.moto.moto, pytestconfig)


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> Iterator[ControlPlane]:
    """Kubernetes without nodes; its HPA looks every second, its pods become ready at once."""
    yield from _life("control_plane", tests.rig.control_plane.control_plane, pytestconfig)


@pytest.fixture(scope="session")
def control_planes(pytestconfig: pytest.Config) -> Iterator[Callable[[Options], AbstractContextManager[ControlPlane]]]:
    """More of them, for tests whose cluster must be another: `with control_planes(Options(...)) as cluster`."""
    yield from _life("control_planes", lambda: nullcontext(tests.rig.control_plane.control_plane), pytestconfig)


@pytest.fixture(scope="session")
def kubectl(pytestconfig: pytest.Config) -> Iterator[Path]:
    """The program; what it does without a cluster it does without a control plane."""
    yield from _life("kubectl", lambda: nullcontext(tests.rig.kube_build.kubectl()), pytestconfig)


@pytest.fixture(scope="session")
def helm(pytestconfig: pytest.Config) -> Iterator[Path]:
    """The program, to render a chart with."""
    yield from _life("helm", lambda: nullcontext(tests.rig.helm.fetch()), pytestconfig)


@pytest.fixture(scope="session")
def expr(pytestconfig: pytest.Config) -> Iterator[Path]:
    """The program that computes formulas as the language's own implementation does."""
    yield from _life("expr", lambda: nullcontext(tests.rig.expr.fetch()), pytestconfig)


@pytest.fixture(scope="session")
def promtool(pytestconfig: pytest.Config) -> Iterator[Path]:
    """The program, to read metrics and rules with."""
    yield from _life("promtool", lambda: nullcontext(tests.rig.promtool.fetch()), pytestconfig)


@pytest.fixture
async def namespace(control_plane: ControlPlane) -> AsyncIterator[str]:
    """A new one, deleted afterwards; that it takes seconds to vanish is nobody's time."""
    name = f"test-{secrets.token_hex(4)}"
    async with control_plane.client() as client:
        await client.create("/api/v1/namespaces", {"metadata": {"name": name}})
        yield name
        await client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
async def oauth() -> AsyncIterator[TokenEndpoint]:
    """A token endpoint whose tokens `secured_kafka` believes; it runs in the test's own loop."""
    async with tests.rig.oauth.oauth() as endpoint:
        yield endpoint


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TRIED] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _wanted(item) or "oauth" in getattr(item, "fixturenames", ()):
            item.add_marker("rig")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Outside of everything that counts a test's time."""
    for name in _wanted(item):
        _missing(item.config, name)
    return (yield)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name, reason in sorted(config.stash[TRIED].items()):
        if reason is not None:
            terminalreporter.write_line(f"not tested here: {name} ({reason})", yellow=True, bold=True)


def _wanted(item: pytest.Item) -> list[str]:
    return [name for name in getattr(item, "fixturenames", ()) if name in FETCH]


def _life(name: str, server: Callable[[], AbstractContextManager[Handle]], config: pytest.Config) -> Iterator[Handle]:
    reason = _missing(config, name)
    if reason is not None and os.environ.get("CI"):
        pytest.fail(f"{name} is not to be had here: {reason}", pytrace=False)
    if reason is not None:
        pytest.skip(f"{name} is not to be had here: {reason}")
    with server() as handle:
        yield handle


def _missing(config: pytest.Config, name: str) -> str | None:
    """Why this server is not to be had; the first call fetches it, and what that says goes to the terminal."""
    tried = config.stash[TRIED]
    if name not in tried:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            tried[name] = _fetch(name)
    return tried[name]


def _fetch(name: str) -> str | None:
    try:
        FETCH[name]()
    except Unavailable as problem:
        return str(problem)
    return None

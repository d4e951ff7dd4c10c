"""`scaler run`: what its arguments come to. The daemon that they would start is not started."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import scaler.daemon.kubernetes
import scaler.daemon.standalone
from scaler import logs
from scaler.settings import KEDA, PREFIX, Settings
from tests.cli.conftest import Call
from tests.keda_arguments import OPERATOR, OPERATOR_BY_HELM, SERVER, WEBHOOKS

Started = list[Settings]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """In the place of a daemon: the settings that it would have had, in a pod."""
    found: Started = []
    for name in os.environ:
        if name.startswith(PREFIX) or name in KEDA.values():
            monkeypatch.delenv(name)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setattr(scaler.daemon.kubernetes, "run", found.append)
    monkeypatch.setattr(scaler.daemon.standalone, "run", lambda _, given: found.append(given))
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    return found


def test_kedas_deployment_keeps_its_arguments(call: Call, started: Started) -> None:
    assert call("run", *OPERATOR).exit_code == 0
    [given] = started
    assert (given.address, given.health_address) == (("0.0.0.0", 8080), ("0.0.0.0", 8081)), "KEDA's probes ask there"


@pytest.mark.parametrize("arguments", [OPERATOR_BY_HELM, SERVER, WEBHOOKS, (*OPERATOR, *SERVER)])
def test_so_do_the_others(call: Call, started: Started, arguments: tuple[str, ...]) -> None:
    assert call("run", *arguments).exit_code == 0
    assert len(started) == 1


def test_words_may_stand_apart(call: Call, started: Started) -> None:
    assert call("run", "-v", "2", "--leader-election-id", "ours", "--listen", "127.0.0.1:1", "-v=0").exit_code == 0
    assert (started[0].lease_name, started[0].listen) == ("ours", "127.0.0.1:1")


def test_our_own_flags_and_variables_go_before_kedas_defaults(
    call: Call, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALER_LISTEN", "127.0.0.1:9")
    call("run", "--leader-elect")
    assert (started[-1].listen, started[-1].health_listen) == ("127.0.0.1:9", "0.0.0.0:8081")
    call("run", "--leader-elect", "--listen", "127.0.0.1:7")
    assert started[-1].listen == "127.0.0.1:7"
    call("run", "--metrics-bind-address=:5", "--listen", "127.0.0.1:7")
    assert started[-1].listen == "127.0.0.1:7"


def test_without_flags_of_kedas_nothing_is_open_to_the_network(call: Call, started: Started) -> None:
    call("run")
    assert (started[-1].listen, started[-1].health_listen) == ("127.0.0.1:8080", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--secure-port=many"], "--secure-port: must be a port\n"),
        (["--observ"], "--observ: is not known here, did you mean --observe?\n"),
        (["--leader-elect", "true"], ""),
    ],
)
def test_a_wrong_flag_is_2(call: Call, started: Started, arguments: list[str], said: str) -> None:
    result = call("run", *arguments)
    assert (result.exit_code, result.stderr) == ((2, said) if said else (0, ""))
    assert bool(started) is not bool(said)


def test_a_folder_has_no_flags_of_kedas(call: Call, started: Started, tmp_path: Path) -> None:
    result = call("run", "--standalone", tmp_path, "--leader-elect")
    assert (result.exit_code, result.stderr) == (2, "--leader-elect: is not known here\n")
    assert not started


def test_what_is_passed_over_is_said_once(tmp_path: Path) -> None:
    """As a process: in a cluster that cannot be reached it says so and ends."""
    environment = {**os.environ, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "scaler", "run", *OPERATOR],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert done.stderr.count("these flags mean nothing here: --leader-elect --disable-compression") == 1


@pytest.mark.parametrize(
    ("variable", "value", "field", "read"),
    [
        ("KEDA_HTTP_DEFAULT_TIMEOUT", "5000", "http_default_timeout", 5.0),
        ("KEDA_HTTP_DISABLE_KEEP_ALIVE", "true", "http_disable_keep_alive", True),
        ("KEDA_HTTP_MIN_TLS_VERSION", "TLS13", "http_min_tls_version", "TLS13"),
        ("KEDA_HTTP_TLS_CIPHER_LIST", "A,B", "http_tls_cipher_list", ("A", "B")),
        ("KEDA_SERVICE_MIN_TLS_VERSION", "TLS13", "service_min_tls_version", "TLS13"),
        ("KEDA_SERVICE_TLS_CIPHER_LIST", "A", "service_tls_cipher_list", ("A",)),
        ("WATCH_NAMESPACE", "a,b", "namespaces", ("a", "b")),
        ("KEDA_CLUSTER_OBJECT_NAMESPACE", "keys", "cluster_object_namespace", "keys"),
        ("KEDA_OPERATOR_LEADER_ELECTION_RETRY_PERIOD", "1s", "retry_period", 1.0),
        ("KEDA_OPERATOR_LEADER_ELECTION_LEASE_DURATION", "30s", "lease_duration", 30.0),
        ("KEDA_OPERATOR_LEADER_ELECTION_RENEW_DEADLINE", "12s", "renew_deadline", 12.0),
        ("WATCH_LABEL_SELECTOR", "team=a", "selector", "team=a"),
        ("WATCH_LABEL_SELECTOR_FOR_TRIGGERAUTH", "team=b", "authentication_selector", "team=b"),
        ("POD_NAMESPACE", "keda", "namespace", "keda"),
        ("POD_NAME", "keda-operator-0", "pod_name", "keda-operator-0"),
        ("POD_IP", "10.0.0.7", "pod_ip", "10.0.0.7"),
        ("KEDA_RESTRICT_SECRET_ACCESS", "true", "restrict_secrets", True),
        ("KEDA_BOUND_SERVICE_ACCOUNT_TOKEN_EXPIRY", "2h", "bound_token_expiry", 7200.0),
    ],
)
def test_kedas_variables(
    call: Call,
    started: Started,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    field: str,
    read: Any,
) -> None:
    monkeypatch.setenv(variable, value)
    assert call("run").exit_code == 0
    assert getattr(started[0], field) == read


def test_every_variable_of_kedas_is_among_them() -> None:
    [table] = test_kedas_variables.pytestmark
    assert {row[0] for row in table.args[1]} == set(KEDA.values())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES", "5"),
        ("KEDA_SCALEDJOB_CTRL_MAX_RECONCILES", "1"),
        ("KEDA_CHECK_UNEXPECTED_SCALERS_PARAMS", "enabled"),
        ("RAW_METRICS_GRPC_PROTOCOL", "enabled"),
        ("RAW_METRICS_MODE", "all"),
    ],
)
def test_variables_without_effect_hinder_nobody(
    call: Call, started: Started, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    call("run")
    monkeypatch.setenv(variable, value)
    assert call("run").exit_code == 0
    assert started[0] == started[1]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("KEDA_HTTP_MIN_TLS_VERSION", "SSL3", "httpMinTlsVersion: must be one of TLS10, TLS11, TLS12, TLS13"),
        ("KEDA_HTTP_DEFAULT_TIMEOUT", "soon", "httpDefaultTimeout"),
        ("SCALER_TRACE_RATIO", "2", "traceRatio: must be at most 1"),
    ],
)
def test_a_variable_that_cannot_be_is_2(
    call: Call, started: Started, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = call("run")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not started

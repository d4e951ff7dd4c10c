"""KEDA's flags: those that mean something go to a setting, all others are passed over, mistakes are said."""

import logging
from pathlib import Path

import pytest

from scaler import flags
from scaler.declare import parameters
from scaler.errors import SettingsError
from scaler.flags import DEFAULTS, FLAGS, PORT, SERVER_PORT, WEBHOOK_PORT, Understood
from scaler.settings import Settings, read
from tests.keda_arguments import OPERATOR, OPERATOR_BY_HELM, OTHERS, SERVER, WEBHOOKS

OURS = (
    "--standalone",
    "--kubeconfig",
    "--context",
    "--namespaces",
    "--observe",
    "--take-over-metrics-api",
    "--listen",
    "--log-level",
    "--log-format",
    "--metric-max-age",
    "--reload",
    "--config",
    "--strict-admission",
    "--help",
)


def understood(*arguments: str) -> Understood:
    return flags.read(arguments, OURS)


def problems(*arguments: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as raised:
        understood(*arguments)
    return raised.value.problems


# -------------------------------------------------------------------------------------------------- KEDA's Deployments


def test_the_operators_arguments() -> None:
    found = understood(*OPERATOR)
    assert found.settings == {"logLevel": "info", "logFormat": "text"}
    assert found.passed_over == ("--leader-elect", "--disable-compression", "--zap-time-encoding")


def test_the_operators_arguments_by_helm() -> None:
    found = understood(*OPERATOR_BY_HELM)
    assert found.settings == {
        "listen": "0.0.0.0:8080",
        "healthListen": "0.0.0.0:8081",
        "logLevel": "debug",
        "logFormat": "json",
        "certSecret": "kedaorg-certs",
        "metricsService": "keda-operator-metrics-apiserver",
        "webhookService": "keda-admission-webhooks",
        "webhookConfiguration": "keda-admission",
        "enableWebhookPatching": "true",
        "k8sClusterName": "production",
        "clusterDomain": "cluster.example",
        "enablePrometheusMetrics": "true",
        "enableOpentelemetryMetrics": "true",
        "enableHighCardinalityMetricsLabels": "true",
        "caDirs": "/custom/ca,/more/ca",
        "filepathAuthRootPath": "/mnt/secrets",
    }
    given = read(found.settings)
    assert given.ca_dirs == ("/custom/ca", "/more/ca")
    assert (given.address, given.health_address) == (("0.0.0.0", 8080), ("0.0.0.0", 8081))


def test_the_metrics_servers_arguments() -> None:
    found = understood(*SERVER)
    assert found.settings == {
        "listen": "0.0.0.0:8080",
        "metricsListen": "0.0.0.0:6443",
        "certFile": "/certs/tls.crt",
        "keyFile": "/certs/tls.key",
        "caFile": "/certs/ca.crt",
    }
    assert "--client-ca-file" in found.passed_over


def test_the_webhooks_arguments() -> None:
    found = understood(*WEBHOOKS)
    assert found.settings["webhookListen"] == "0.0.0.0:9443"
    assert found.settings["listen"] == "0.0.0.0:8080"


def test_all_three_on_one_daemon() -> None:
    """Whoever keeps one Deployment of three gives it all they had."""
    found = understood(*OPERATOR, *SERVER)
    assert "certFile" not in found.settings, "the operator's rotation is ours: certificates are our own"
    assert read(found.settings).metrics_address == ("0.0.0.0", 6443)


@pytest.mark.parametrize("name", OTHERS)
def test_what_else_they_have_is_passed_over(name: str) -> None:
    for arguments in ([name], [f"{name}=x"], [name, "x"], [f"{name}="]):
        assert understood(*arguments) == Understood({}, (f"--{name.lstrip('-')}",))


def test_every_flag_goes_to_a_setting() -> None:
    values = {"zap-log-level": "info", "zap-encoder": "json", "secure-port": "6443", "port": "1"}
    known = {one.name for one in parameters(Settings).values()}
    for name, flag in {**FLAGS, "port": PORT}.items():
        text = values.get(name, "true" if flag.alone else ":8080" if name.endswith("address") else "/x")
        found = flag.read(text)
        assert found.keys() <= {*known, "rotation"}, name
    for flag in (SERVER_PORT, WEBHOOK_PORT):
        assert flag.read("1").keys() <= known
    assert DEFAULTS.keys() <= known


# ------------------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--leader-election-id=ours"], {"leaseName": "ours"}),
        (["--leader-election-id", "ours"], {"leaseName": "ours"}),
        (["-leader-election-id=ours"], {"leaseName": "ours"}),
        (["--leader-election-id", "a", "--leader-election-id=b"], {"leaseName": "b"}),
        (["--enable-opentelemetry-metrics"], {"enableOpentelemetryMetrics": "true"}),
        (["--enable-opentelemetry-metrics=T"], {"enableOpentelemetryMetrics": "true"}),
        (["--enable-opentelemetry-metrics=0"], {"enableOpentelemetryMetrics": "false"}),
        (["--enable-opentelemetry-metrics", "--v=2"], {"enableOpentelemetryMetrics": "true"}),
        (["--v", "2", "--cert-secret-name=a"], {"certSecret": "a"}),
        (["--metrics-bind-address=0"], {"listen": "0"}),
        (["--metrics-bind-address=[::]:9090"], {"listen": "[::]:9090"}),
        (["--metrics-bind-address=10.0.0.1:9090"], {"listen": "10.0.0.1:9090"}),
        (["--health-probe-bind-address=0"], {"healthListen": "0"}),
        (["--zap-log-level=5"], {"logLevel": "debug"}),
        (["--zap-log-level=panic"], {"logLevel": "critical"}),
        (["--port=80", "--client-ca-file=x"], {"listen": "0.0.0.0:80"}),
        (["--port=80"], {"webhookListen": "0.0.0.0:80"}),
        (["--cert-dir=/c"], {"certFile": "/c/tls.crt", "keyFile": "/c/tls.key", "caFile": "/c/ca.crt"}),
        (["--cert-dir=/c", "--enable-cert-rotation"], {}),
        (
            ["--enable-cert-rotation=false"],
            {"certFile": "/certs/tls.crt", "keyFile": "/certs/tls.key", "caFile": "/certs/ca.crt"},
        ),
        (
            ["--cert-dir=/c", "--enable-cert-rotation=false", "--tls-cert-file=/d"],
            {"certFile": "/d", "keyFile": "/c/tls.key", "caFile": "/c/ca.crt"},
        ),
        (
            ["--tls-cert-file=/d", "--tls-private-key-file=/k", "--cert-dir=/c"],
            {"certFile": "/d", "keyFile": "/k", "caFile": "/c/ca.crt"},
        ),
    ],
)
def test_how_flags_are_written(arguments: list[str], settings: dict[str, str]) -> None:
    assert understood(*arguments).settings == settings


@pytest.mark.parametrize("arguments", [OPERATOR, OPERATOR_BY_HELM])
def test_a_listener_is_turned_off_also_where_a_default_names_it(arguments: tuple[str, ...]) -> None:
    off = understood(*arguments, "--metrics-bind-address=0", "--health-probe-bind-address=0")
    given = read(off.settings, None, DEFAULTS)
    assert (given.address, given.health_address) == (None, None)
    probes = understood(*arguments, "--metrics-bind-address=0", "--health-probe-bind-address=:8081")
    given = read(probes.settings, None, DEFAULTS)
    assert (given.address, given.health_address) == (None, ("0.0.0.0", 8081))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--enable-prometheus-metrics=yes"], {"--enable-prometheus-metrics": "must be true or false"}),
        (["--metrics-bind-address=8080"], {"--metrics-bind-address": "must be an address such as :8080"}),
        (["--health-probe-bind-address=:http"], {"--health-probe-bind-address": "must be an address such as :8080"}),
        (["--secure-port=70000"], {"--secure-port": "must be a port"}),
        (["--zap-log-level=loud"], {"--zap-log-level": "must be debug, info, warn, error, panic or a number above 0"}),
        (["--zap-encoder=xml"], {"--zap-encoder": "must be json or console"}),
        (["--observ"], {"--observ": "is not known here, did you mean --observe?"}),
        (["--namespace=shop"], {"--namespace": "is not known here, did you mean --namespaces?"}),
        (
            ["--enable-prometheus-metrics", "false"],
            {"false": "is no flag; the value of a flag that is true or false stands behind a ="},
        ),
        (["folder"], {"folder": "is no flag"}),
        (["--cert-dir="], {"--cert-dir": "must be a folder"}),
        (
            ["--secure-port=x", "--zap-encoder=y"],
            {"--secure-port": "must be a port", "--zap-encoder": "must be json or console"},
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence_each(arguments: list[str], problem: dict[str, str]) -> None:
    assert problems(*arguments) == problem


def test_one_warning_for_all_that_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        flags.say(understood("--v=0", "--logtostderr=true", "--v=1"))
        flags.say(understood(*()))
    assert caplog.messages == ["these flags mean nothing here: --v --logtostderr"]


def test_the_guide_has_every_flag_that_means_something() -> None:
    page = (Path(__file__).parents[1] / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    section = page.partition("### KEDA's flags")[2].partition("\n## ")[0]
    assert [name for name in (*FLAGS, "port") if f"`--{name}`" not in section] == []

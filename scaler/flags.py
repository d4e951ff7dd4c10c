"""The flags of KEDA's three programs, so that the arguments of an existing Deployment may stay as they are: one table
says which of them mean something here, and to which setting they go. All others (klog's, zap's, those of every
Kubernetes API server) are passed over by one rule: a flag that is not known, with the word after it unless that is a
flag too. What our own flags are is not said here (`cli.run`); one that is nearly one of them is taken for a typing
error, not for somebody else's."""

import difflib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scaler.errors import SettingsError

log = logging.getLogger(__name__)

OFF = "0"
"""In the place of an address: no listener. Our settings have the same word for it."""

Read = Callable[[str], Mapping[str, str]]
"""From the text of a value to settings; raises `ValueError` with the end of a sentence."""

NEAR = 0.85
"""How alike two names are of which one is a typing error of the other."""

TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
"""What Go reads as a truth."""


@dataclass(frozen=True, slots=True)
class Flag:
    """`alone`: it has a value of its own, and never takes the next word for it."""

    read: Read
    alone: bool = False
    default: str = ""


def _text(setting: str) -> Flag:
    return Flag(lambda text: {setting: text})


def _truth(setting: str) -> Flag:
    return Flag(lambda text: {setting: _bool(text)}, alone=True, default="true")


def _address(setting: str) -> Flag:
    """Go's: `:8080` is every address of the machine; `0` turns the listener off, also where a default names one."""
    return Flag(lambda text: {setting: OFF if text in (OFF, "") else _listen(text)})


def _port(setting: str) -> Flag:
    return Flag(lambda text: {setting: f"0.0.0.0:{_number(text)}"})


def _bool(text: str) -> str:
    if text not in (*TRUE, *FALSE):
        raise ValueError("must be true or false")
    return "true" if text in TRUE else "false"


def _listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535 or ":" not in text:
        raise ValueError("must be an address such as :8080")
    return f"{host or '0.0.0.0'}:{port}"


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 65535:
        raise ValueError("must be a port")
    return int(text)


def _level(text: str) -> Mapping[str, str]:
    """zap's: a word, or how much more than `info` (1 is `debug`)."""
    words = {"debug": "debug", "info": "info", "warn": "warning", "error": "error", "panic": "critical"}
    if text.isdecimal() and int(text):
        return {"logLevel": "debug"}
    if text not in words:
        raise ValueError(f"must be {', '.join(words)} or a number above 0")
    return {"logLevel": words[text]}


def _encoder(text: str) -> Mapping[str, str]:
    if text not in ("json", "console"):
        raise ValueError("must be json or console")
    return {"logFormat": "json" if text == "json" else "text"}


def _certificates(folder: str) -> Mapping[str, str]:
    """The names that KEDA's Secret has when it is mounted."""
    if not folder:
        raise ValueError("must be a folder")
    return {"certFile": f"{folder}/tls.crt", "keyFile": f"{folder}/tls.key", "caFile": f"{folder}/ca.crt"}


FLAGS: dict[str, Flag] = {
    # of the operator, and (the first two) of the webhooks
    "metrics-bind-address": _address("listen"),
    "health-probe-bind-address": _address("healthListen"),
    "enable-prometheus-metrics": _truth("enablePrometheusMetrics"),
    "enable-opentelemetry-metrics": _truth("enableOpentelemetryMetrics"),
    "enable-high-cardinality-metrics-labels": _truth("enableHighCardinalityMetricsLabels"),
    "enable-opentelemetry-traces": _truth("enableOpentelemetryTraces"),  # ours, in the form of the one for metrics
    "leader-election-id": _text("leaseName"),
    "cert-dir": Flag(_certificates),
    "cert-secret-name": _text("certSecret"),
    "enable-cert-rotation": _truth("rotation"),
    "metrics-server-service-name": _text("metricsService"),
    "webhooks-service-name": _text("webhookService"),
    "validating-webhook-name": _text("webhookConfiguration"),
    "enable-webhook-patching": _truth("enableWebhookPatching"),
    "k8s-cluster-name": _text("k8sClusterName"),
    "k8s-cluster-domain": _text("clusterDomain"),
    "ca-dir": _text("caDirs"),
    "filepath-auth-root-path": _text("filepathAuthRootPath"),
    "zap-log-level": Flag(_level),
    "zap-encoder": Flag(_encoder),
    # of the metrics server
    "secure-port": _port("metricsListen"),
    "tls-cert-file": _text("certFile"),
    "tls-private-key-file": _text("keyFile"),
}

SERVER_PORT, WEBHOOK_PORT = _port("listen"), _port("webhookListen")
PORT = WEBHOOK_PORT
"""`--port` is two flags: of the metrics server it is where its own /metrics is, of the webhooks where they listen."""

OF_THE_SERVER = ("secure-port", "tls-cert-file", "tls-private-key-file", "metrics-service-address", "client-ca-file")
"""By any of these the arguments are known to be the metrics server's."""

CERTIFICATES = "/certs"
"""KEDA's default of `--cert-dir`."""

REPEATED = ("ca-dir",)

_FLAG = re.compile(r"--?(?P<name>[A-Za-z][\w.-]*)(?:=(?P<value>.*))?", re.DOTALL)
NO_FLAG, BEHIND = "is no flag", "; the value of a flag that is true or false stands behind a ="

DEFAULTS = {"listen": "0.0.0.0:8080", "healthListen": "0.0.0.0:8081"}
"""What KEDA's Deployments count on without saying it: their probes and Services name these ports."""


@dataclass(frozen=True, slots=True)
class Understood:
    """`settings` go where our own flags go; `passed_over` are the flags that mean nothing here."""

    settings: Mapping[str, str] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()


def read(arguments: Sequence[str], own: Sequence[str]) -> Understood:
    """What arguments mean that are none of our `own` flags (`--listen`, …). Raises `SettingsError` with all problems at
    once: values that cannot be, and flags that look like a typing error."""
    given, passed, problems = _taken(arguments, own)
    server = any(name in OF_THE_SERVER for name in (*given, *passed))
    found: dict[str, str] = {}
    for name, text in sorted(given.items(), key=lambda one: one[0] != "cert-dir"):  # a file that is named goes before
        flag = FLAGS.get(name) or (SERVER_PORT if server else WEBHOOK_PORT)
        try:
            found.update(flag.read(text))
        except ValueError as error:
            problems[f"--{name}"] = str(error)
    if problems:
        raise SettingsError(problems)
    return Understood(_with_certificates(found), tuple(f"--{name}" for name in dict.fromkeys(passed)))


def say(understood: Understood) -> None:
    """One warning for everything that was passed over."""
    if understood.passed_over:
        log.warning("these flags mean nothing here: %s", " ".join(understood.passed_over))


def _taken(arguments: Sequence[str], own: Sequence[str]) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """(flags of the table with their values, names of those passed over, problems)."""
    given: dict[str, str] = {}
    passed: list[str] = []
    problems: dict[str, str] = {}
    words = list(arguments)
    while words:
        word = words.pop(0)
        match = _FLAG.fullmatch(word)
        if match is None:
            problems[word] = NO_FLAG + (BEHIND if word in (*TRUE, *FALSE) else "")
            continue
        name, value = match["name"], match["value"]
        flag = PORT if name == "port" else FLAGS.get(name)
        if value is None and words and not words[0].startswith("-") and not (flag and flag.alone):
            value = words.pop(0)
        if flag is None:
            passed.append(name)
            problems.update(_typing_error(name, own))
        else:
            text = flag.default if value is None else value
            given[name] = f"{given[name]},{text}" if name in REPEATED and name in given else text
    return given, passed, problems


def _typing_error(name: str, own: Sequence[str]) -> Mapping[str, str]:
    near = difflib.get_close_matches(name, [one.lstrip("-") for one in own], n=1, cutoff=NEAR)
    return {f"--{name}": f"is not known here, did you mean --{near[0]}?"} if near else {}


def _with_certificates(found: dict[str, str]) -> dict[str, str]:
    """KEDA's rotation is ours: then certificates are our own, and files with KEDA's are left alone. Turned off in so
    many words, they are files, where KEDA looks for them."""
    rotation = found.pop("rotation", "")
    if rotation == "true":
        return {name: text for name, text in found.items() if name not in ("certFile", "keyFile", "caFile")}
    return {**(_certificates(CERTIFICATES) if rotation else {}), **found}

"""The dashboard and the alert rules: every expression is PromQL, and about what a daemon that served objects tells."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.daemon import daemon, deployment, scaled_object
from tests.e2e.servers import numbers
from tests.rig.promtool import promtool as run
from tests.web.telemetry.expected import ALL, Expected
from tests.web.telemetry.scene import families_of

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "event-scaler.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
OBSERVABILITY = ROOT / "docs" / "observability.md"

NAME = re.compile(r"\b(?:keda|event_scaler|rest_client|process)_[a-z0-9_]+\b")
USE = re.compile(r"(?P<name>(?:keda|event_scaler|rest_client|process)_[a-z0-9_]+)(?:\{(?P<labels>[^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\((?P<labels>[^)]*)\)")
CAMEL = "label names should be written in 'snake_case' not 'camelCase'"
"""What promtool says of KEDA's labels, which ours share so that they can be joined."""

TARGET = {"instance", "job"}
"""Labels that Prometheus adds."""

VARIABLES = {"$__rate_interval": "5m", "$namespace": ".*", "$object": ".*", "$job": ".*"}


def _filled(expression: str) -> str:
    for name, text in VARIABLES.items():
        expression = expression.replace(name, text)
    assert "$" not in expression
    return expression


def panels() -> list[dict[str, Any]]:
    return [one for one in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"] if one["type"] != "row"]


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    """(where, expression with its variables filled in)."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], _filled(target["expr"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            [inner] = re.findall(r"label_values\((.*), \w+\)", variable["query"]["query"])
            yield f"${variable['name']}", _filled(inner)


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def alert_expressions() -> Iterator[tuple[str, str]]:
    yield from ((one["alert"], one["expr"]) for one in rules())


EXPRESSIONS = [*dashboard_expressions(), *alert_expressions()]


def _family(name: str, known: Expected) -> str:
    """The family of a sample's name."""
    return next((one for one in (name, re.sub(r"_(bucket|sum|count)$", "", name)) if one in known), "")


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_every_name_and_label_is_told(where: str, expression: str) -> None:
    known: Expected = {
        **ALL,
        "process_cpu_seconds_total": ("counter", set()),
        "process_resident_memory_bytes": ("gauge", set()),
    }
    labels: set[str] = set(TARGET)
    for use in USE.finditer(expression):
        family = _family(use["name"], known)
        assert family, use["name"]
        type_, own = known[family]
        assert (use["name"] != family) is (type_ == "histogram"), "a histogram is its buckets, its sum and its count"
        chosen = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", use["labels"] or ""))
        assert chosen <= own | TARGET, use["name"]
        labels |= own | ({"le"} if type_ == "histogram" else set())
    assert USE.search(expression), where
    for grouping in GROUPING.finditer(expression):
        assert set(re.findall(r"\w+", grouping["labels"])) <= labels, where


def test_every_expression_is_promql(promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    recorded = [{"record": f"a:b{number}", "expr": text} for number, (_, text) in enumerate(EXPRESSIONS)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": recorded}]}), encoding="utf-8")
    done = run(promtool, "check", "rules", str(file))
    assert done.returncode == 0, done.stderr
    assert f"{len(EXPRESSIONS)} rules found" in done.stdout


def test_the_alert_rules_are_rules(promtool: Path) -> None:
    done = run(promtool, "check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stderr
    assert f"{len(rules())} rules found" in done.stdout


def test_a_wrong_rule_is_found(promtool: Path, tmp_path: Path) -> None:
    """That the check can fail."""
    file = tmp_path / "rules.yaml"
    file.write_text(
        ALERTS.read_text(encoding="utf-8").replace("sum(event_scaler_leading) < 1", "sum(event_scaler_leading")
    )
    assert run(promtool, "check", "rules", str(file)).returncode != 0


ALARMED = """
rule_files: [alerts.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: event_scaler_leading{instance="a"}
        values: 1x4 0x30
      - series: event_scaler_leading{instance="b"}
        values: 0x34
      - series: >-
          event_scaler_condition{namespace="shop",type="scaledobject",resource="orders",condition="Ready",status="False"}
        values: 1x34
      - series: >-
          keda_scaler_detail_errors_total{namespace="shop",metric="s0-kafka",scaledObject="orders",scaler="kafkaScaler",
          triggerIndex="0",type="scaledobject"}
        values: 0+1x34
      - series: >-
          keda_scaler_detail_errors_total{namespace="shop",metric="s0-kafka",scaledObject="calm",scaler="kafkaScaler",
          triggerIndex="0",type="scaledobject"}
        values: 0x34
    alert_rule_test:
      - eval_time: 4m
        alertname: EventScalerNobodyLeads
        exp_alerts: []
      - eval_time: 8m
        alertname: EventScalerNobodyLeads
        exp_alerts: [{exp_labels: {severity: critical}, exp_annotations: ANNOTATIONS-0}]
      - eval_time: 15m
        alertname: EventScalerObjectNotReady
        exp_alerts:
          - exp_labels:
              severity: warning
              namespace: shop
              type: scaledobject
              resource: orders
            exp_annotations: ANNOTATIONS-1
      - eval_time: 34m
        alertname: EventScalerMetricFails
        exp_alerts:
          - exp_labels:
              severity: warning
              namespace: shop
              scaledObject: orders
              type: scaledobject
              scaler: kafkaScaler
              metric: s0-kafka
            exp_annotations: ANNOTATIONS-2
"""


def test_alerts_are_raised_by_what_they_are_about(promtool: Path, tmp_path: Path) -> None:
    """And not by what they are not about."""
    shutil.copy(ALERTS, tmp_path / "alerts.yaml")
    by_name = {one["alert"]: one["annotations"] for one in rules()}
    said = [
        by_name["EventScalerNobodyLeads"],
        _told(by_name["EventScalerObjectNotReady"], type="scaledobject", namespace="shop", resource="orders"),
        _told(by_name["EventScalerMetricFails"], metric="s0-kafka", namespace="shop", scaledObject="orders"),
    ]
    text = ALARMED
    for number, annotations in enumerate(said):
        text = text.replace(f"ANNOTATIONS-{number}", json.dumps(annotations))
    (tmp_path / "test.yaml").write_text(text, encoding="utf-8")
    done = run(promtool, "test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


OBJECT = 'namespace="shop",type="scaledobject",resource="orders"'
DETAIL = 'namespace="shop",metric="s0-kafka",scaledObject="orders",scaler="kafkaScaler",type="scaledobject"'
ERRORS, VALUE = (f"{name}{{{DETAIL}}}" for name in ("keda_scaler_detail_errors_total", "keda_scaler_metrics_value"))
READY = f'event_scaler_condition{{{OBJECT},condition="Ready"'
FALSE, UNKNOWN = f'{READY},status="False"}}', f'{READY},status="Unknown"}}'
SKIPPED = f"event_scaler_skipped_rounds_total{{{OBJECT}}}"
LOST = 'event_scaler_cloud_events_dropped_total{namespace="shop",cloudeventsource="all",eventsink="http"}'

COURSES = {
    "not ready, now this way and now that": (
        "EventScalerObjectNotReady",
        {FALSE: "1 stale " * 30, UNKNOWN: "stale 1 " * 30},
        10,
    ),
    "not ready for a moment": ("EventScalerObjectNotReady", {FALSE: "1x5 stale", UNKNOWN: "_x5 1x2 stale"}, None),
    "read seldom, and it always fails": (
        "EventScalerMetricFails",
        {ERRORS: "0x4 " + "".join(f"{count}x9 " for count in range(1, 8)), VALUE: "7x4 stale"},
        20,
    ),
    "read seldom, failed once": ("EventScalerMetricFails", {ERRORS: "0x4 1x60", VALUE: "7x4 stale _x8 7x50"}, None),
    "every other attempt fails, or a fallback stands in": (
        "EventScalerMetricFails",
        {ERRORS: "0+1x60", VALUE: "7x60"},
        19,
    ),
    "failed for eight minutes": (
        "EventScalerMetricFails",
        {ERRORS: "0x4 1+2x7 15x50", VALUE: "7x4 stale _x7 7x50"},
        None,
    ),
    "fails now and then": (
        "EventScalerMetricFails",
        {ERRORS: "0x4 1x4 2x4 3x4 4x4 5x4 6x4 7x4 8x4", VALUE: "7x60"},
        None,
    ),
    "every other round is left out": ("EventScalerRoundsSkipped", {SKIPPED: "0+1x60"}, 31),
    "rounds of a long pollingInterval are left out": (
        "EventScalerRoundsSkipped",
        {SKIPPED: " ".join(f"{count}x7" for count in range(8))},
        38,
    ),
    "rounds were left out for ten minutes": ("EventScalerRoundsSkipped", {SKIPPED: "0x4 1+2x9 19x50"}, None),
    "a sink refuses": ("EventScalerCloudEventsLost", {LOST: "0+3x60"}, 31),
    "a sink refused for ten minutes": ("EventScalerCloudEventsLost", {LOST: "0x4 1+2x9 19x50"}, None),
}
"""What happens minute by minute: the alert, its series, and from which minute on it is raised, if it is."""

HOUR = 60


@pytest.mark.parametrize("course", COURSES)
def test_what_lasts_is_told_and_what_was_mended_is_not(promtool: Path, tmp_path: Path, course: str) -> None:
    shutil.copy(ALERTS, tmp_path / "alerts.yaml")
    name, series, raised = COURSES[course]
    firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
    told = [
        {
            "expr": firing,
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": int(raised is not None and minute >= raised)}],
        }
        for minute in range(HOUR)
    ]
    given = [{"series": one, "values": values.strip()} for one, values in series.items()]
    test = {"interval": "1m", "input_series": given, "promql_expr_test": told}
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": [test]}))
    done = run(promtool, "test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def _told(annotations: dict[str, str], **labels: str) -> dict[str, str]:
    def filled(text: str) -> str:
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels[match[1]], text)

    return {name: filled(text) for name, text in annotations.items()}


def test_each_alert_says_what_it_is_and_what_to_do() -> None:
    page = OBSERVABILITY.read_text(encoding="utf-8")
    for one in rules():
        assert one["annotations"].keys() == {"summary", "description"}
        assert one["labels"]["severity"] in ("critical", "warning", "info")
        assert f"`{one['alert']}`" in page, "docs/observability.md has what to do"


def test_the_dashboard_is_one() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    numbers_ = [one["id"] for one in board["panels"]]
    assert len(numbers_) == len(set(numbers_))
    taken: set[tuple[int, int]] = set()
    for one in board["panels"]:
        place = one["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, one["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for one in panels():
        assert one["description"], one["title"]
        assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_guide_has_every_metric() -> None:
    page = OBSERVABILITY.read_text(encoding="utf-8")
    assert [name for name in ALL if f"`{name}`" not in page] == []


async def test_a_daemon_tells_all_of_it(tmp_path: Path, promtool: Path) -> None:
    """A real one, which has served an object; and promtool finds nothing wrong with the page but KEDA's own names."""
    async with numbers() as server, daemon(tmp_path) as made:
        server.answers["orders"] = 12
        metadata = {"url": f"{server.url}/orders", "valueLocation": "value", "targetValue": "5"}
        worker = deployment("worker", sys.executable, "-c", "import time; time.sleep(3600)")
        made.write(
            "orders.yaml",
            scaled_object("orders", {"type": "metrics-api", "metadata": metadata}, target="worker"),
            worker,
        )
        await made.start()
        await made.until(lambda: made.moves("default/orders"), "it has scaled")
        page = await made.page("/metrics")
    told = families_of(page)
    for where, expression in EXPRESSIONS:
        for name in NAME.findall(re.sub(r"\{[^}]*\}", "", expression)):
            family = name if name in told else re.sub(r"_(bucket|sum|count)$", "", name)
            assert family in told, (where, name)
    filled = {name for name, family in told.items() if family.samples}
    assert filled >= {
        "keda_scaler_metrics_value",
        "keda_scaler_http_requests_total",
        "keda_scaler_http_request_duration_seconds",
        "event_scaler_condition",
        "event_scaler_leading",
        "event_scaler_replicas_decided",
    }
    said = run(promtool, "check", "metrics", piped=page).stderr
    assert {tuple(line.split(" ", 1)) for line in said.splitlines()} == {
        ("keda_trigger_registered_total", 'non-counter metrics should not have "_total" suffix'),
        ("keda_resource_registered_total", 'non-counter metrics should not have "_total" suffix'),
        *((name, CAMEL) for name in filled & ALL.keys() if re.search("[A-Z]", "".join(ALL[name][1]))),
    }

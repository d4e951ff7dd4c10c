"""`scaler poll FILE…`: what each trigger says, and what a formula makes of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.conftest import Call


class Numbers(BaseHTTPRequestHandler):
    """`/7.5` answers 7.5, `/away` an error."""

    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        self.send_response(503 if number == "away" else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"value": number}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Not to the terminal."""


@contextmanager
def numbers() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Numbers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def url() -> Iterator[str]:
    with numbers() as found:
        yield found


def written(folder: Path, url: str, *paths: str, formula: str = "") -> Path:
    """Triggers a, b … that each read one number."""
    own = {} if formula else {"targetValue": "5"}
    triggers = [
        {"type": "metrics-api", "name": name, "metadata": {"url": f"{url}/{path}", "valueLocation": "value", **own}}
        for name, path in zip("abc", paths, strict=False)
    ]
    modifiers = {"scalingModifiers": {"formula": formula, "target": "5", "activationTarget": "10"}} if formula else {}
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "orders"},
        "spec": {"scaleTargetRef": {"name": "worker"}, "triggers": triggers, "advanced": modifiers},
    }
    file = folder / "orders.json"
    file.write_text(json.dumps(manifest))
    return file


def rows(text: str) -> list[tuple[str, float | None, float | None, bool | None, str]]:
    return [(one["metric"], one["target"], one["value"], one["active"], one["problem"]) for one in json.loads(text)]


def test_one_row_for_each_metric(call: Call, tmp_path: Path, url: str) -> None:
    result = call("poll", written(tmp_path, url, "7.5", "0"), "--output", "json")
    assert result.exit_code == 0
    assert rows(result.stdout) == [
        ("s0-metric-api-value", 5.0, 7.5, True, ""),
        ("s1-metric-api-value", 5.0, 0.0, False, ""),
    ]


def test_a_formula_is_a_row_of_its_own(call: Call, tmp_path: Path, url: str) -> None:
    file = written(tmp_path, url, "7.5", "2", formula="a * b")
    result = call("poll", file, "--output", "json")
    assert result.exit_code == 0
    assert rows(result.stdout)[0] == ("s0-metric-api-value", None, 7.5, True, "")
    assert rows(result.stdout)[-1] == ("composite-metric", 5.0, 15.0, True, "")
    table = call("poll", file).stdout
    assert "formula" in table
    assert "composite-metric" in table


def test_what_cannot_be_read_is_told_and_so_is_what_comes_of_it(call: Call, tmp_path: Path, url: str) -> None:
    result = call("poll", written(tmp_path, url, "7.5", "away", formula="a * b"), "--output", "json")
    assert result.exit_code == 1
    _, failed, made = rows(result.stdout)
    assert failed[4]
    assert made == ("composite-metric", 5.0, None, None, f"b: {failed[4]}")


def test_sources_are_asked_by_the_daemons_ways(
    call: Call, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    result = call("poll", written(tmp_path, "http://queue.invalid", "7.5"), "--output", "json")
    assert rows(result.stdout) == [("s0-metric-api-value", 5.0, 7.5, True, "")]


def test_metadata_addresses_are_kept_from_it_too(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALER_ALLOW_METADATA_ADDRESSES", "false")
    result = call("poll", written(tmp_path, "http://169.254.169.254", "7.5"), "--output", "json")
    assert "is, or leads to, a metadata address" in rows(result.stdout)[0][4]


def test_a_formula_that_is_wrong_is_2(call: Call, tmp_path: Path, url: str) -> None:
    result = call("poll", written(tmp_path, url, "7.5", formula="a +"))
    assert result.exit_code == 2
    assert "spec.advanced.scalingModifiers.formula: error validating formula" in result.stderr


def test_a_scaled_job_is_asked_as_well(call: Call, tmp_path: Path, url: str) -> None:
    file = written(tmp_path, url, "7.5")
    manifest = json.loads(file.read_text())
    manifest["kind"] = "ScaledJob"
    manifest["spec"] = {
        "jobTargetRef": {"template": {"spec": {"containers": [{"name": "worker", "command": ["true"]}]}}},
        "triggers": manifest["spec"]["triggers"],
    }
    file.write_text(json.dumps(manifest))
    result = call("poll", file, "--output", "json")
    assert rows(result.stdout) == [("s0-metric-api-value", 5.0, 7.5, True, "")], result.stderr

"""`scaler scalers`."""

import json
from pathlib import Path

from tests.cli.conftest import Call


def test_what_is_built_in_and_what_plug_ins_bring(call: Call, my_queue: Path) -> None:
    result = call("scalers")
    assert result.exit_code == 0
    lines = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert lines["kafka"] == ["built", "in"]
    assert lines["my-queue"] == ["my-package"]
    assert "\x1b" not in result.stdout


def test_a_broken_plug_in_is_named_with_its_problem(call: Call, my_queue: Path) -> None:
    (my_queue / "my_queue.py").write_text("1 / 0")
    assert "my-package  the plug-in of my-package cannot be imported (ZeroDivisionError" in call("scalers").stdout


def test_as_data(call: Call, my_queue: Path) -> None:
    listed = json.loads(call("scalers", "-o", "json").stdout)
    assert {"type": "my-queue", "origin": "my-package", "problem": ""} in listed
    assert {"type": "kafka", "origin": "built in", "problem": ""} in listed

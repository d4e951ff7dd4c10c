"""`scaler explain TYPE`."""

import json
from pathlib import Path

import pytest
import yaml

from scaler import catalog
from scaler.catalog import BUILT_IN
from scaler.cli.explain import page_of
from scaler.declare.document import markdown
from tests.cli.conftest import Call
from tests.plug_in import SCALER, install

TYPES = [one.type for one in catalog.types() if one.origin == BUILT_IN]


def test_a_plug_in_is_explained_like_any_other(call: Call, my_queue: Path) -> None:
    result = call("explain", "my-queue")
    assert result.exit_code == 0
    assert result.stdout.startswith("# my-queue\n\nMy queues: how many messages wait in one of them.\n")
    assert "`s0-my-queue` in the example below. One replica should handle `queueLength` of it." in result.stdout
    assert "The trigger is active while the value is greater than `activationQueueLength`." in result.stdout
    assert "| `mode` | text | metadata | `all` | What to count. One of `all`, `ready`. |" in result.stdout
    assert "\x1b" not in result.stdout
    assert "hush" not in result.stdout


def test_as_data(call: Call, my_queue: Path) -> None:
    data = json.loads(call("explain", "my-queue", "--output", "json").stdout)
    assert (data["type"], data["metric"]) == ("my-queue", "s0-my-queue")
    assert [one["name"] for one in data["parameters"]] == [
        "url",
        "queueLength",
        "activationQueueLength",
        "mode",
        "password",
    ]
    assert [one["kind"] for one in yaml.safe_load_all(data["example"])] == [
        "ScaledObject",
        "TriggerAuthentication",
        "Secret",
    ]
    assert "hush" not in json.dumps(data)


def test_a_type_that_is_not_known(call: Call, my_queue: Path) -> None:
    result = call("explain", "my-queu")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "my-queu: is not known here, did you mean my-queue?\n"


def test_an_example_that_does_not_load(call: Call, my_queue: Path) -> None:
    (my_queue / "my_queue.py").write_text(SCALER.replace('{"url": "http://queue.test"}', "{}"))
    result = call("explain", "my-queue")
    assert (result.exit_code, result.stderr) == (2, "my-queue: the example in its declaration does not load\n")


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ("activation()", "The trigger is active as `activationQueueLength` says."),
        ('param("Unused.", default=0)', "The answer itself says whether it is active."),
    ],
)
def test_a_type_that_is_active_by_a_rule_of_its_own(my_queue: Path, role: str, sentence: str) -> None:
    text = SCALER.replace("= activation()", f"= {role}")
    (my_queue / "my_queue.py").write_text(
        f"{text}\n    def active(self, answer: Reply) -> bool:\n        return True\n"
    )
    assert page_of("my-queue").activity == sentence


def test_usage_says_nothing_about_activity(my_queue: Path) -> None:
    text = SCALER.replace("    example = Example(", '    resource = "cpu"\n    example = Example(')
    (my_queue / "my_queue.py").write_text(text)
    page = page_of("my-queue")
    assert (page.metric, page.minimum) == ("cpu", 1)
    assert "never to zero" in page.activity


def test_without_credentials_no_secret_is_made_up(tmp_path: Path, my_queue: Path) -> None:
    lines = [line for line in SCALER.splitlines() if "self.password" not in line and "auth=" not in line]
    text = "\n".join(line for line in lines if "secret(" not in line).replace(
        "def source(self) -> Http:", "def source(self) -> Http:\n        return Http(self.url)"
    )
    install(my_queue, "other-package", {"open-queue": "open_queue"}, {"open_queue": text})
    assert "authenticationRef" not in markdown(page_of("open-queue"))


@pytest.mark.parametrize("type_", TYPES)
def test_every_built_in_type_can_be_explained(call: Call, type_: str) -> None:
    result = call("explain", type_)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# {type_}\n")

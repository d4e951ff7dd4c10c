"""`scaler validate FILE…`: everything that is wrong, with file and line, and exit codes to build upon."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call

GOOD = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: orders
spec:
  scaleTargetRef:
    name: worker
  triggers:
    - type: my-queue
      metadata:
        url: http://queue.test
      authenticationRef:
        name: orders
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  name: orders
spec:
  secretTargetRef:
    - parameter: password
      name: orders
      key: password
"""

WRONG = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: orders
spec:
  scaleTargetRef:
    name: worker
  pollingInterval: 0
  coolDownPeriod: 5
  triggers:
    - type: my-queue
      metadata:
        queueLength: "0"
        mode: some
        queuLength: "1"
    - type: my-queu
      metadata: {}
"""

ODD = GOOD.replace("        url:", "        queuLength: '5'\n        url:")
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: worker}\n"

pytestmark = pytest.mark.usefixtures("my_queue")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.yaml"


def test_nothing_is_wrong(call: Call, file: Path) -> None:
    file.write_text(GOOD)
    result = call("validate", file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "nothing is wrong\n", "")


def test_all_problems_come_at_once_each_with_its_line(call: Call, file: Path) -> None:
    file.write_text(WRONG)
    result = call("validate", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"{file}:8: spec.pollingInterval: must be at least 1",
        f"{file}:9: warning: spec.coolDownPeriod: is not known here, did you mean cooldownPeriod?",
        f"{file}:12: spec.triggers[0].metadata.url: is required (in metadata)",
        f"{file}:13: spec.triggers[0].metadata.queueLength: must be greater than 0",
        f"{file}:14: spec.triggers[0].metadata.mode: must be one of all, ready",
        f"{file}:15: warning: spec.triggers[0].metadata.queuLength: is not known here, did you mean queueLength?",
        f"{file}:16: spec.triggers[1].type: is not known here, did you mean my-queue?",
    ]


def test_an_unknown_parameter_is_a_warning_and_with_strict_a_problem(call: Call, file: Path) -> None:
    file.write_text(ODD)
    said = f"{file}:11: warning: spec.triggers[0].metadata.queuLength: is not known here, did you mean queueLength?\n"
    result = call("validate", file)
    assert (result.exit_code, result.stderr, result.stdout) == (0, said, "nothing is wrong\n")
    result = call("validate", file, "--strict")
    assert (result.exit_code, result.stderr) == (2, said.replace("warning: ", ""))


def test_a_scaled_job_is_looked_at_as_well(call: Call, file: Path) -> None:
    file.write_text(
        GOOD.replace("kind: ScaledObject", "kind: ScaledJob").replace(
            "  scaleTargetRef:\n    name: worker\n", "  jobTargetRef: {template: {}}\n"
        )
    )
    result = call("validate", file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "nothing is wrong\n", "")
    file.write_text(file.read_text().replace("jobTargetRef: {template: {}}", "scalingStrategy: {strategy: quick}"))
    said = call("validate", file).stderr
    assert f"{file}:5: spec.jobTargetRef: is required" in said
    assert "spec.scalingStrategy.strategy: must be one of default, custom, accurate, eager" in said


def test_what_is_not_kedas_is_noted_and_left_alone(call: Call, file: Path) -> None:
    file.write_text(f"{DEPLOYMENT}---\n{GOOD}---\n# nothing\n---\n- a list\n")
    result = call("validate", file, "--strict")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"{file}:1: note: Deployment is none of KEDA's kinds, and not looked at",
        f"{file}:31: note: this document is none of KEDA's kinds, and not looked at",
    ]


def test_a_kind_of_kedas_that_this_version_does_not_serve(call: Call, file: Path) -> None:
    file.write_text("apiVersion: keda.sh/v1alpha1\nkind: CloudEventSource\nmetadata: {name: a}\n")
    result = call("validate", file)
    assert (result.exit_code, result.stderr) == (
        0,
        f"{file}:2: warning: kind: CloudEventSource is not supported by this version\n",
    )


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("  name: orders\nspec:\n  scale", "  labels: {}\nspec:\n  scale"), "metadata.name"),
        (("metadata:\n  name: orders\nspec:\n  scale", "spec:\n  scale"), "metadata"),
    ],
)
def test_an_object_needs_a_name(call: Call, file: Path, change: tuple[str, str], path: str) -> None:
    file.write_text(GOOD.replace(*change))
    result = call("validate", file)
    assert result.exit_code == 2
    assert f"{path}: is required" in result.stderr


@pytest.mark.parametrize("spec", ["", "spec: null", "spec: []", "spec: text", "spec: {}", "spec: {triggers: {a: 1}}"])
@pytest.mark.parametrize("kind", ["ScaledObject", "TriggerAuthentication"])
def test_a_spec_of_any_shape_is_no_reason_to_fall_over(call: Call, file: Path, kind: str, spec: str) -> None:
    file.write_text(f"apiVersion: keda.sh/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\n{spec}\n")
    assert call("validate", file).exit_code in (0, 2)


def test_what_is_no_yaml_is_told_with_its_line(call: Call, file: Path) -> None:
    file.write_text("a: b\nc: [\n")
    result = call("validate", file)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}:3: is not YAML: ")


@pytest.mark.parametrize("text", ["a: \x07", "a: 2026-99-99", "a: &a\n  <<: [1]", "? {a: 1}\n: b"])
def test_what_cannot_be_a_document_is_no_yaml_either(call: Call, file: Path, text: str) -> None:
    file.write_text(text)
    result = call("validate", file)
    assert (result.exit_code, "is not YAML" in result.stderr) == (2, True)


def test_a_file_that_cannot_be_read(call: Call, file: Path) -> None:
    result = call("validate", file)
    assert (result.exit_code, result.stderr) == (2, f"{file}: cannot be read\n")
    file.write_bytes(b"\xff\xfe\x00")
    assert call("validate", file).exit_code == 2


def test_a_folder_is_looked_through(call: Call, tmp_path: Path) -> None:
    inner = tmp_path / "manifests" / "inner"
    inner.mkdir(parents=True)
    (inner / "b.yml").write_text(WRONG)
    (inner.parent / "a.yaml").write_text(GOOD)
    (inner / "c.json").write_text(json.dumps({"apiVersion": "v1", "kind": "Secret"}))
    (inner / "d.txt").write_text("no: [manifest")
    result = call("validate", inner.parent)
    assert result.exit_code == 2
    files = [line.partition(":")[0] for line in result.stderr.splitlines()]
    assert set(files) == {str(inner / "b.yml"), str(inner / "c.json")}


def test_what_is_piped_in(call: Call) -> None:
    assert call("validate", "-", piped=GOOD).exit_code == 0
    result = call("validate", "-", piped=WRONG)
    assert result.exit_code == 2
    assert "stdin:8: spec.pollingInterval: must be at least 1" in result.stderr


def test_members_of_a_list_are_looked_at_one_by_one(call: Call, file: Path) -> None:
    indented = "\n".join(f"    {line}" for line in WRONG.splitlines())
    file.write_text(f"apiVersion: v1\nkind: List\nitems:\n  -\n{indented}\n")
    result = call("validate", file)
    assert f"{file}:12: items[0].spec.pollingInterval: must be at least 1" in result.stderr.splitlines()


def test_as_data(call: Call, file: Path) -> None:
    file.write_text(ODD)
    result = call("validate", file, "--output", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == [
        {
            "file": str(file),
            "line": 11,
            "severity": "warning",
            "path": "spec.triggers[0].metadata.queuLength",
            "sentence": "is not known here, did you mean queueLength?",
        }
    ]
    file.write_text(WRONG)
    result = call("validate", file, "-o", "json")
    assert result.exit_code == 2
    assert [one["severity"] for one in json.loads(result.stdout)].count("problem") == 5


def test_nothing_is_coloured_where_nobody_looks(call: Call, file: Path) -> None:
    file.write_text(WRONG)
    assert "\x1b" not in call("validate", file).stderr


OTHERS = """\
apiVersion: eventing.keda.sh/v1alpha1
kind: CloudEventSource
metadata:
  name: events
spec:
  destination:
    http:
      uri: http://events.test
  eventSubscription:
    includedEventTypes: [keda.scaledobject.ready.v1]
    excludedEventTypes: [keda.scaledobject.failed.v1]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata:
  name: jobs
spec:
  jobTargetRef:
    template: {}
  triggers: []
"""


def test_every_kind_is_looked_at(call: Call, file: Path) -> None:
    file.write_text(OTHERS)
    result = call("validate", file)
    assert result.exit_code == 2
    places = [line.split(":")[1] for line in result.stderr.splitlines()]
    assert places == ["11", "20"]


def test_what_only_the_webhook_used_to_say(call: Call, file: Path) -> None:
    """A name that is too long for the HPA's, and settings that have no effect."""
    long = GOOD.replace("name: orders\nspec:\n  scale", f"name: {'n' * 55}\nspec:\n  minReplicaCount: 1\n  scale")
    file.write_text(long.replace("  triggers:", "  cooldownPeriod: 10\n  triggers:"))
    said = call("validate", file).stderr.splitlines()
    assert len(said) == 2
    assert f"HPA name 'keda-hpa-{'n' * 55}' is 64 characters long and must be no more than 63" in said[0]
    assert "warning: spec.cooldownPeriod: has no effect" in said[1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 20_000, "is nested too deeply"),
        (
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\nspec:\n  a: &a [1, 1, 1, 1, 1]\n"
            + "".join(
                f"  b{n}: &b{n} [*{f'b{n - 1}' if n else 'a'}, *{f'b{n - 1}' if n else 'a'}]\n" for n in range(40)
            ),
            "has more than 100000 fields",
        ),
        ("apiVersion: keda.sh/v1alpha1\nkind: [a]\nmetadata: 5\n", "is not supported by this version"),
        ("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: 5\nspec: x\n", "metadata: must be a mapping"),
    ],
    ids=["deep", "aliases", "kind", "metadata"],
)
def test_files_that_want_to_be_too_much(call: Call, file: Path, text: str, says: str) -> None:
    file.write_text(text)
    assert says in call("validate", file).stderr

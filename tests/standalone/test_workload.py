from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ClusterError
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.workload import Workload, workload_of
from tests.standalone.scene import deployment

REF = Ref("Deployment", "default", "web")


def workload(document: Mapping[str, Any]) -> Workload:
    return workload_of(Manifest(REF, document))


def nothing(ref: Ref) -> Mapping[str, str]:
    raise AssertionError(f"nobody needs {ref}")


def test_defaults_are_kubernetes() -> None:
    body = deployment(["sleep"])
    del body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    found = workload(body)
    assert (found.grace, found.replicas, found.recreate) == (30.0, None, False)
    assert found.container.readiness_probe is None


def test_what_is_started(tmp_path: Path) -> None:
    found = workload(
        deployment(
            ["run", "--as=$(WHO)"],
            args=["$(PATH)", "$$x", "$(EVENT_SCALER_WORKER)"],
            workingDir="sub/../work",
            env=[{"name": "WHO", "value": "me"}, {"name": "PATH", "value": "/own"}],
        )
    )
    launch = found.launch("web-3", tmp_path, {"PATH": "/bin", "LANG": "C", "EVENT_SCALER_WORKER": "another"}, nothing)
    assert launch.command == ("run", "--as=me", "/own", "$x", "web-3")
    assert launch.directory == str(tmp_path / "work")
    assert launch.environment == {
        "PATH": "/own",
        "LANG": "C",
        "WHO": "me",
        "HOSTNAME": "web-3",
        "EVENT_SCALER_WORKER": "web-3",
        "EVENT_SCALER_FOLDER": str(tmp_path),
    }
    assert "/own" not in repr(launch)


def test_the_folder_is_the_default_directory(tmp_path: Path) -> None:
    assert workload(deployment()).launch("web-0", tmp_path, {}, nothing).directory == str(tmp_path)


def test_the_digest_is_of_the_template() -> None:
    first = workload(deployment(["a"]))
    assert workload(deployment(["a"], spec_replicas=7)).digest == first.digest
    assert workload(deployment(["b"])).digest != first.digest
    restarted = deployment(["a"])
    restarted["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    assert workload(restarted).digest != first.digest


def test_requests_are_quantities() -> None:
    found = workload(deployment(resources={"requests": {"cpu": "250m", "memory": "64Mi"}}))
    assert found.request("cpu") == 0.25
    assert found.request("memory") == 64 * 2**20
    assert workload(deployment(resources={"requests": {"cpu": 2}})).request("cpu") == 2.0
    assert workload(deployment()).request("cpu") is None


def test_ports_have_names() -> None:
    found = workload(deployment(ports=[{"name": "http", "containerPort": 8080}]))
    assert (found.port("http"), found.port(9090), found.port("9091")) == (8080, 9090, 9091)


def test_null_is_not_there() -> None:
    found = workload(deployment(args=None, env=None, resources={"requests": None}, spec_replicas=None))
    assert found.container.args == ()


PROBE = "spec.template.spec.containers[0].readinessProbe"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (deployment([]), "spec.template.spec.containers[0].command: is required, because the image is not used"),
        (
            deployment(env=[{"name": "A", "value": 5}]),
            "spec.template.spec.containers[0].env[0].value: expected str",
        ),
        (deployment(spec_replicas="3"), "spec.replicas: expected int"),
        (deployment(spec_replicas=-1), "must not be negative"),
        (deployment(resources={"requests": {"cpu": "fast"}}), "resources.requests.cpu: is not a quantity"),
        (deployment(readinessProbe={}), f"{PROBE}: must have exactly one of exec, httpGet and tcpSocket"),
        (deployment(readinessProbe={"exec": {"command": []}}), f"{PROBE}.exec.command: must not be empty"),
        (deployment(readinessProbe={"tcpSocket": {"port": "http"}}), "the container has no port named 'http'"),
        (deployment(readinessProbe={"tcpSocket": {"port": 0}}), f"{PROBE}: 0 is not a port"),
        (deployment(readinessProbe={"tcpSocket": {"port": 1}, "periodSeconds": 0}), "must be at least 1"),
        ({"spec": {"template": {"spec": {"containers": []}}}}, "spec.template.spec.containers: must not be empty"),
        ({"spec": {}}, "spec: object missing required field template"),
        ({}, "object missing required field spec"),
    ],
)
def test_what_cannot_be_run_is_named_by_its_field(document: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ClusterError) as error:
        workload(document)
    assert str(error.value).startswith("Deployment web cannot be run: ")
    assert sentence in str(error.value)

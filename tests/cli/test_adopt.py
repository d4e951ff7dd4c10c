"""`scaler adopt` and `scaler release`, as far as they go without a cluster."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_adopting_is_the_daemons(call: Call) -> None:
    result = call("adopt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--check" in result.stderr


@pytest.mark.parametrize("to", ["keda", "keda/", "/service", "a/b/c", ""])
def test_a_service_has_a_namespace(call: Call, to: str) -> None:
    result = call("release", "--to", to)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--to: must be NAMESPACE/SERVICE")


@pytest.mark.parametrize("arguments", [("adopt", "--check"), ("release",)])
def test_no_kubeconfig(call: Call, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = call(*arguments, "--kubeconfig", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("there is no usable access to a cluster")


@pytest.mark.parametrize("variable", ["SCALER_KUBECONFIG", "KUBECONFIG"])
def test_the_kubeconfig_of_the_environment(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    file = tmp_path / "config"
    file.write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    for name in ("SCALER_KUBECONFIG", "KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(file))
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    result = call("adopt", "--check", "--context", "none")
    assert result.exit_code == 1

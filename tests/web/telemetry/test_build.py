"""What runs, in KEDA's labels."""

from scaler.web.telemetry.build import build


def test_what_runs() -> None:
    [sample] = build().samples
    assert sample.value == 1
    assert sample.labels["goos"] == "linux"
    assert sample.labels["goversion"].startswith("python3.")
    assert sample.labels["version"]

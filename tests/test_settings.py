"""Settings out of a file: what YAML makes of a value is read as the variable of that name would be."""

from pathlib import Path

import pytest

from scaler.errors import SettingsError
from scaler.settings import Settings, read


def of(folder: Path, text: str) -> Settings:
    file = folder / "settings.yaml"
    file.write_text(text)
    return read({}, file)


def test_values_are_read_as_the_variables_would_be(tmp_path: Path) -> None:
    given = of(
        tmp_path,
        "selector:\nnamespaces: [shop, billing]\ncaDirs: []\nobserve: true\nretryPeriod: 3s\n"
        "traceRatio: 0.5\nmetricMaxAge: 0\nleaseName: ~\nkubeconfig: here\n",
    )
    assert (given.selector, given.lease_name) == ("", "operator.keda.sh"), "nothing is not a text"
    assert (given.namespaces, given.observe, given.retry_period) == (("shop", "billing"), True, 3.0)
    assert (given.trace_ratio, given.metric_max_age, given.kubeconfig) == (0.5, 0.0, "here")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("leaseDuration: 20", {"leaseDuration": "needs a unit, such as 20s"}),
        ("httpDefaultTimeout: 1.5", {"httpDefaultTimeout": "needs a unit, such as 1.5s"}),
        ("namespaces: [[a], b]", {"namespaces": "must be a list of texts"}),
        ("namespaces: [a, ~]", {"namespaces": "must be a list of texts"}),
        ("namespaces: [{a: b}]", {"namespaces": "must not be a mapping"}),
        (
            "selector: {app: shop}\nreload: 3",
            {"selector": "must not be a mapping", "reload": "needs a unit, such as 3s"},
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence_each(tmp_path: Path, text: str, problems: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as raised:
        of(tmp_path, text)
    assert raised.value.problems == problems

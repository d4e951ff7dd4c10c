"""The page about a trigger type: tables of its parameters, and manifests that hold no secret."""

from typing import Any

import pytest
import yaml

from scaler.declare import AUTH, ENV, METADATA, Declared, activation, param, secret, target
from scaler.declare.document import Page, example, facts, index, manifests, markdown

HUSH = "hush-3f1c"


class Queue(Declared):
    """A queue."""

    name: str = param("Its name.", names=("queueName", "queue"))
    host: str = param("Where it | is.", places=(METADATA, ENV))
    mode: str = param("How.", default="all", choices=("all", "ready"))
    length: float = target("Messages for one replica.", default=5, names=("queueLength",))
    activation_length: int = activation(at_least=0)
    pages: int = param("How many.", default=1, above=0, at_most=9, exclusive=("mode",))
    username: str = param("Who.", default="", places=(AUTH,))
    password: str = secret("The password.", default=HUSH)
    old: str = param("An old one.", default="", deprecated="Use mode.")
    older: str = param("An older one.", default="", announce="Goes away.")


def page(**changes: Any) -> Page:
    values: dict[str, Any] = {
        "title": "queue",
        "cls": Queue,
        "intro": "Queues: how many messages wait. More of it.\n\nAnd more.",
        "metric": "s0-queue-orders",
        "activity": "The trigger is active while the value is greater than `activationLength`.",
        "metadata": {"queueName": "orders", "host": "h", "queueLength": "5"},
        "auth": {"username": "me", "password": HUSH},
    }
    return Page(**{**values, **changes})


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_every_parameter_has_a_row() -> None:
    assert rows(markdown(page())) == [
        "| `queueName` or `queue` | text | metadata | **required** | Its name. |",
        r"| `host` | text | metadata, environment | **required** | Where it \| is. |",
        "| `mode` | text | metadata | `all` | How. One of `all`, `ready`. |",
        "| `queueLength` | number | metadata | `5` | Messages for one replica. Greater than 0. |",
        "| `activationLength` | integer | metadata | `0` "
        "| The target leaves zero when the value is greater than this. At least 0. |",
        "| `pages` | integer | metadata | `1` | How many. Greater than 0. At most 9. Not together with `mode`. |",
        "| `old` | text | metadata |  | An old one. **Refused**: Use mode. |",
        "| `older` | text | metadata |  | An older one. **Deprecated**: Goes away. |",
        "| `username` | text | authentication |  | Who. |",
        "| `password` | text | authentication |  | The password. |",
    ]


def test_the_page_says_what_the_metric_is() -> None:
    text = markdown(page())
    assert text.startswith("# queue\n\nQueues: how many messages wait.")
    assert (
        "`s0-queue-orders` in the example below. One replica should handle `queueLength` of it. The trigger is" in text
    )


def test_the_example_is_a_file_of_manifests() -> None:
    scaled, authentication, credentials = yaml.safe_load_all(example(page()))
    assert scaled["spec"] == {
        "scaleTargetRef": {"name": "worker"},
        "triggers": [
            {
                "type": "queue",
                "metadata": {"queueName": "orders", "host": "h", "queueLength": "5"},
                "authenticationRef": {"name": "queue-example"},
            }
        ],
    }
    assert authentication["kind"] == "TriggerAuthentication"
    assert authentication["spec"] == {
        "secretTargetRef": [
            {"parameter": "username", "name": "queue-example", "key": "username"},
            {"parameter": "password", "name": "queue-example", "key": "password"},
        ]
    }
    assert credentials["kind"] == "Secret"
    assert credentials["stringData"] == {"username": "me", "password": "<password>"}
    assert f"```yaml\n{example(page())}```\n" in markdown(page())


def test_without_credentials_there_is_one_manifest() -> None:
    (scaled,) = manifests(page(auth={}, metric_type="Utilization", minimum=1))
    assert scaled["spec"]["minReplicaCount"] == 1
    assert scaled["spec"]["triggers"][0]["metricType"] == "Utilization"
    assert "authenticationRef" not in scaled["spec"]["triggers"][0]


def test_an_identity_is_named_not_kept_in_a_secret() -> None:
    auth = {"podIdentity": "azure-workload", "identityId": "1234"}
    _, authentication = manifests(page(auth=auth))
    assert authentication["spec"] == {"podIdentity": {"provider": "azure-workload", "identityId": "1234"}}


@pytest.mark.parametrize("made", [markdown, facts, example, repr])
def test_a_secret_is_in_nothing_that_is_made(made: Any) -> None:
    assert HUSH not in str(made(page()))


def test_the_page_as_data() -> None:
    data = facts(page())
    assert (data["type"], data["metric"]) == ("queue", "s0-queue-orders")
    by_name = {one["name"]: one for one in data["parameters"]}
    assert by_name["queueName"] == {
        "name": "queueName",
        "aliases": ["queue"],
        "kind": "text",
        "from": ["metadata"],
        "required": True,
        "default": None,
        "choices": [],
        "secret": False,
        "meaning": "Its name.",
    }
    assert by_name["mode"]["choices"] == ["all", "ready"]
    assert (by_name["password"]["secret"], by_name["password"]["default"]) == (True, None)


def test_the_index_leads_to_every_page() -> None:
    assert "| [queue](queue.md) | Queues: how many messages wait. |" in index([page()])

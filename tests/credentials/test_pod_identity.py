"""What a trigger is told of an identity."""

import json
from typing import Any

import pytest

from scaler.credentials.identity.aws import role_of
from scaler.credentials.pod_identity import PodIdentity
from scaler.errors import CredentialError, Forbidden, NotFound

ROLE = "arn:aws:iam::123456789012:role/orders"
KNOWN = {
    "federatedTokenFile": "/f",
    "clientId": "c",
    "AWS_ROLE_ARN": "r",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/t",
    "GOOGLE_APPLICATION_CREDENTIALS": "/g",
}


def identity(provider: str, **more: str) -> PodIdentity:
    return PodIdentity.model_validate({"provider": provider, **more})


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("azure-workload", {"federatedTokenFile": "/f", "clientId": "c"}),
        ("aws", {"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),
        ("aws-eks", {"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),
        ("gcp", {"GOOGLE_APPLICATION_CREDENTIALS": "/g"}),
        ("none", {}),
    ],
)
def test_the_daemons_part_is_of_that_cloud_alone(provider: str, told: dict[str, str]) -> None:
    found = identity(provider).daemon(KNOWN)
    assert (json.loads(found["daemonIdentity"]) if "daemonIdentity" in found else found) == told


def test_the_objects_part() -> None:
    given = identity("aws", roleArn=ROLE, externalID="e")
    assert given.parameters() == {"podIdentity": "aws", "identityRoleArn": ROLE, "identityExternalId": "e"}
    assert identity("aws").parameters() == {"podIdentity": "aws"}
    assert identity("aws").parameters(ROLE) == {"podIdentity": "aws", "identityRoleArn": ROLE}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"roleArn": ROLE, "identityOwner": "workload"}, "roleArn"),
        ({"externalID": "e"}, "externalID"),
        ({"roleArn": ROLE, "externalID": "e", "identityOwner": "keda"}, ""),
    ],
)
def test_a_role_is_one(more: dict[str, str], named: str) -> None:
    assert [name for name, _ in identity("aws", **more).check()] == ([named] if named else [])


class Account:
    """A workload's ServiceAccount: its annotations, or why they are not to be had."""

    def __init__(self, outcome: Any) -> None:
        self.outcome, self.asked = outcome, 0

    async def __call__(self) -> Any:
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


ANNOTATED = {"eks.amazonaws.com/role-arn": ROLE}


@pytest.mark.parametrize(
    ("given", "role", "asks"),
    [
        (identity("aws"), "", 0),
        (identity("aws", roleArn="named"), "named", 0),
        (identity("aws", identityOwner="keda"), "", 0),
        (identity("aws", identityOwner="workload"), ROLE, 1),
        (identity("aws-eks"), ROLE, 1),
        (identity("gcp", identityOwner="workload"), "", 0),
    ],
)
async def test_whose_role(given: PodIdentity, role: str, asks: int) -> None:
    account = Account(ANNOTATED)
    assert await role_of(given, account, "at") == role
    assert account.asked == asks


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (NotFound("there is no x"), "at: the workload's role cannot be told: there is no x"),
        (Forbidden("may not"), "at: the workload's role cannot be told: may not"),
        ({}, "at: the workload's ServiceAccount has no role in its annotation eks.amazonaws.com/role-arn"),
        (
            {"eks.amazonaws.com/role-arn": "arn\n"},
            "at: the workload's ServiceAccount has no role in its annotation eks.amazonaws.com/role-arn",
        ),
    ],
)
async def test_a_role_that_is_not_to_be_had(outcome: Any, sentence: str) -> None:
    with pytest.raises(CredentialError) as raised:
        await role_of(identity("aws-eks"), Account(outcome), "at")
    assert str(raised.value) == sentence

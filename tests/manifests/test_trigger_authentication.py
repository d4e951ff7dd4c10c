"""What a TriggerAuthentication may hold: everything of KEDA's is declared; what this version does not use is said."""

from typing import Any

import pytest

from scaler import catalog
from scaler.declare import load_document
from scaler.manifests.bind import examine
from scaler.manifests.trigger_authentication import LATER, TriggerAuthenticationSpec
from scaler.manifests.watched import Manifest, Ref

KEPT = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
WORKLOAD = {"provider": "azure-workload"}
BLOCKS: dict[str, Any] = {
    "filePath": "parameters.json",
    "hashiCorpVault": {
        "address": "http://vault",
        "authentication": "kubernetes",
        "namespace": "n",
        "role": "r",
        "mount": "m",
        "credential": {"token": "t", "serviceAccount": "/f", "serviceAccountName": "a"},
        "secrets": [
            {"parameter": "p", "path": "a/b", "key": "k"},
            {
                "parameter": "p",
                "path": "pki",
                "key": "k",
                "type": "pki",
                "pkiData": {
                    "commonName": "c",
                    "altNames": "a",
                    "ipSans": "i",
                    "uriSans": "u",
                    "otherSans": "o",
                    "ttl": "1h",
                    "format": "pem",
                },
            },
        ],
    },
    "azureKeyVault": {
        "vaultUri": "http://vault",
        "secrets": [{"parameter": "p", "name": "n", "version": "v"}],
        "credentials": {"clientId": "c", "tenantId": "t", "clientSecret": KEPT},
        "podIdentity": WORKLOAD,
        "cloud": {"type": "Private", "keyVaultResourceURL": "u", "activeDirectoryEndpoint": "e"},
    },
    "gcpSecretManager": {
        "secrets": [{"parameter": "p", "id": "i", "version": "latest"}],
        "credentials": {"clientSecret": KEPT},
        "podIdentity": {"provider": "gcp"},
    },
    "awsSecretManager": {
        "secrets": [{"parameter": "p", "name": "n", "versionId": "v", "versionStage": "s", "secretKey": "k"}],
        "credentials": {"accessKey": KEPT, "accessSecretKey": KEPT, "accessToken": KEPT},
        "podIdentity": {"provider": "aws", "roleArn": "r", "externalID": "e", "identityOwner": "keda"},
        "region": "eu-central-1",
    },
    "boundServiceAccountToken": [{"parameter": "p", "serviceAccountName": "a"}],
    "oauth2": {
        "type": "clientCredentials",
        "clientId": "c",
        "clientSecret": KEPT,
        "tokenUrl": "http://login",
        "scopes": ["a"],
        "tokenUrlParams": {"a": "b"},
    },
}


def examined(spec: Any) -> tuple[dict[str, str], dict[str, str]]:
    found = examine(Manifest(Ref("TriggerAuthentication", "shop", "login"), {"spec": spec}), catalog.find)
    return dict(found.problems), dict(found.warnings)


@pytest.mark.parametrize("name", LATER)
def test_all_of_kedas_blocks_are_declared(name: str) -> None:
    loaded = load_document(TriggerAuthenticationSpec, {name: BLOCKS[name]}, "spec")
    assert (loaded.problems, loaded.notes) == ({}, {})


@pytest.mark.parametrize("name", LATER)
def test_a_block_that_is_not_used_is_one_problem_whatever_is_in_it(name: str) -> None:
    sentence = {f"spec.{name}": "is not supported by this version"}
    assert examined({name: BLOCKS[name]}) == (sentence, {})
    assert examined({name: {"nonsense": 1}}) == (sentence, {})
    assert examined({name: BLOCKS[name], "podIdentity": {}})[0] == sentence | {
        "spec.podIdentity.provider": "is required"
    }


def test_what_is_no_mapping_at_all() -> None:
    assert examined("filePath") == ({"spec": "must be a mapping"}, {})


def test_a_vaults_token_is_never_shown() -> None:
    value = load_document(TriggerAuthenticationSpec, {"hashiCorpVault": BLOCKS["hashiCorpVault"]}, "spec").value
    assert value is not None
    assert "token='t'" not in repr(value)
    assert value.hashi_corp_vault is not None
    assert value.hashi_corp_vault.credential is not None
    assert value.hashi_corp_vault.credential.token == "t"


def test_the_grant_need_not_be_said() -> None:
    loaded = load_document(TriggerAuthenticationSpec, {"oauth2": {"clientId": "c", "tokenUrl": "u"}}, "spec")
    assert loaded.value is not None
    assert loaded.value.oauth2 is not None
    assert loaded.value.oauth2.type == "clientCredentials"

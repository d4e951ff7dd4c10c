"""What a TriggerAuthentication may hold: everything of KEDA's is declared, and asked for."""

from typing import Any

import pytest

from scaler import catalog
from scaler.credentials.rooms import ROOMS
from scaler.declare import load_document
from scaler.manifests.bind import examine
from scaler.manifests.trigger_authentication import TriggerAuthenticationSpec
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


def examined(spec: Any, kind: str = "TriggerAuthentication") -> tuple[dict[str, str], dict[str, str]]:
    found = examine(Manifest(Ref(kind, "shop", "login"), {"spec": spec}), catalog.find)
    return dict(found.problems), dict(found.warnings)


@pytest.mark.parametrize("name", BLOCKS)
def test_all_of_kedas_blocks_are_declared(name: str) -> None:
    loaded = load_document(TriggerAuthenticationSpec, {name: BLOCKS[name]}, "spec")
    assert (loaded.problems, loaded.notes) == ({}, {})


def test_a_file_is_for_cluster_wide_authentications_alone() -> None:
    refused = {"spec.filePath": "filePath is only supported for ClusterTriggerAuthentication"}
    assert examined({"filePath": "a.json"}) == (refused, {})
    assert examined({"filePath": "a.json"}, "ClusterTriggerAuthentication") == ({}, {})


def test_a_file_stands_instead_of_everything_else() -> None:
    env = {"env": [{"parameter": "p", "name": "n"}]}
    spec = TriggerAuthenticationSpec.model_validate({**BLOCKS, **env})
    assert spec.references("worker") == ()
    assert [field for field, _, _ in spec.blocks()] == ["filePath"]


@pytest.mark.parametrize("container", ["", "main"])
def test_what_it_refers_to(container: str) -> None:
    """Without a container's name the workload's first one is meant."""
    of = {"containerName": container} if container else {}
    refers = {
        "secretTargetRef": [{"parameter": "a", "name": "s", "key": "k"}],
        "env": [{"parameter": "b", "name": "N", **of}],
        "configMapTargetRef": [{"parameter": "c", "name": "m", "key": "l"}],
    }
    found = TriggerAuthenticationSpec.model_validate(refers).references("worker")
    assert [(one.parameter, one.kind, one.name, one.key) for one in found] == [
        ("b", "Environment", f"worker/{container}", "N"),
        ("c", "ConfigMap", "m", "l"),
        ("a", "Secret", "s", "k"),
    ]


IDENTITY = {
    "provider": "none",
    "identityId": "i",
    "identityTenantId": "t",
    "identityAuthorityHost": "h",
    "roleArn": "r",
    "externalID": "e",
    "identityOwner": "keda",
}


@pytest.mark.parametrize("name", ["", "azureKeyVault", "gcpSecretManager", "awsSecretManager"])
def test_an_identity_has_the_same_fields_wherever_it_stands(name: str) -> None:
    written = {name: {**BLOCKS[name], "podIdentity": IDENTITY}} if name else {"podIdentity": IDENTITY}
    loaded = load_document(TriggerAuthenticationSpec, written, "spec")
    assert (loaded.problems, loaded.notes) == ({}, {})


def test_the_order_in_which_later_ones_win() -> None:
    """KEDA behaviour 2.2; written in the reverse."""
    written = {name: BLOCKS[name] for name in reversed(BLOCKS) if name != "filePath"}
    assert [(field, at) for field, at, _ in TriggerAuthenticationSpec.model_validate(written).blocks()] == [
        ("hashiCorpVault", "spec.hashiCorpVault"),
        ("azureKeyVault", "spec.azureKeyVault"),
        ("gcpSecretManager", "spec.gcpSecretManager"),
        ("awsSecretManager", "spec.awsSecretManager"),
        ("boundServiceAccountToken", "spec.boundServiceAccountToken[0]"),
        ("oauth2", "spec.oauth2"),
    ]


def test_every_block_has_a_room() -> None:
    assert set(BLOCKS) == set(ROOMS)


def test_every_block_is_a_key() -> None:
    """Equal ones are fetched once."""
    spec, equal = (TriggerAuthenticationSpec.model_validate({**BLOCKS, "filePath": ""}) for _ in range(2))
    assert len({block for made in (spec, equal) for _, _, block in made.blocks()}) == 6


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
    loaded = load_document(TriggerAuthenticationSpec, {"oauth2": {"clientId": "c", "tokenUrl": "https://u"}}, "spec")
    assert loaded.value is not None
    assert loaded.value.oauth2 is not None
    assert loaded.value.oauth2.type == "clientCredentials"

"""A workload's own identity at a cloud, on a real API server: read by the daemon with the rights of its installation.
What is then had for it is shown elsewhere; there is no cloud here, and the daemon says so."""

from tests.e2e.kube_objects import authentication, number
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import path

ROLE = "arn:aws:iam::123456789012:role/orders"


async def test_the_role_of_the_workloads_service_account(scene: Scene) -> None:
    """It is missed by name, and taken as soon as it is there."""
    identity = {"provider": "aws", "identityOwner": "workload"}
    secrets = [{"parameter": "bearerToken", "name": "orders"}]
    block = {"region": "eu-west-1", "podIdentity": identity, "secrets": secrets}
    await scene.add(authentication("auth", awsSecretManager=block))
    asks = {**number(scene.source.url, authMode="bearer"), "authenticationRef": {"name": "auth"}}
    await scene.pair("worker", asks)
    missed = "spec.awsSecretManager.podIdentity: the workload's ServiceAccount has no role in its annotation"
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", missed)
    account = path("v1", "serviceaccounts", scene.namespace, "default")
    await scene.kube.patch(account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}})
    nobody = "the daemon's environment names no other AWS identity"
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", nobody)

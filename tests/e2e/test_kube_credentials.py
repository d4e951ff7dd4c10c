"""What a trigger logs in with: Secrets, ConfigMaps and the workload's environment, that they are followed while the
daemon runs, and that of Secrets no more is asked for than those in use, one by one."""

import time

from tests.e2e.guarded import Guarded, guarded
from tests.e2e.kube_daemon import ACCOUNT, NAMESPACE
from tests.e2e.kube_objects import (
    authentication,
    authentications,
    condition,
    config_map,
    deployment,
    deployments,
    number,
    objects,
    scaled_object,
    secret,
    secrets,
)
from tests.e2e.kube_scene import Scene
from tests.rig.control_plane import Request
from tests.rig.kube_client import Object

LOGIN = ("username", "login", "user"), ("password", "login", "password")
PASSWORD, ANOTHER = "open-sesame", "open-barley"
KEY = {"authMode": "apiKey", "keyParamName": "X-Key"}


def logged_in(source: Guarded, name: str = "auth", *, cluster: bool = False) -> Object:
    kind = "ClusterTriggerAuthentication" if cluster else "TriggerAuthentication"
    return {**number(source.url, authMode="basic"), "authenticationRef": {"name": name, "kind": kind}}


async def test_an_authentication_that_comes_later(scene: Scene) -> None:
    """It is watched: what waits for it is bound at once, without an edit."""
    async with guarded("user", PASSWORD) as source:
        await scene.add(secret("login", user="user", password=PASSWORD))
        await scene.pair("worker", logged_in(source))
        missing = "spec.triggers[0].authenticationRef: there is no TriggerAuthentication auth"
        told = await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", missing)
        assert condition(told, "Active")[:2] == ("Unknown", "UnknownState")
        assert ("ScaledObjectCheckFailed", missing) in await scene.events("worker", "ScaledObjectCheckFailed")
        await scene.add(authentication("auth", *LOGIN))
        begun = time.monotonic()
        await scene.ready("worker")
        assert time.monotonic() - begun < 4, "before it would have been asked for again"
        await scene.replicas("worker", 1)
        ready = await scene.object("worker")
        assert ready["status"]["authenticationsTypes"] == "TriggerAuthentication"


async def test_a_secret_that_comes_later(scene: Scene) -> None:
    """It is not watched, but asked for again after 5, 15 and 60 seconds."""
    async with guarded("user", PASSWORD) as source:
        await scene.add(authentication("auth", *LOGIN))
        await scene.pair("worker", logged_in(source))
        await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "there is no Secret login")
        await scene.add(secret("login", user="user", password=PASSWORD))
        await scene.ready("worker")
        await scene.replicas("worker", 1)
        missing, found = _read(scene)
        assert (missing.code, found.code) == (404, 200)
        assert found.at - missing.at > 4


def _read(scene: Scene) -> list[Request]:
    """How often the Secret was read as a whole; looks at its version alone are others."""
    return [one for one in scene.asked("/secrets/login") if "?" not in one.uri]


async def test_a_rotated_secret_reaches_the_trigger(scene: Scene) -> None:
    """The source refuses the old password: the Secret is looked at again at once, not within the minute."""
    async with guarded("user", PASSWORD) as source:
        await scene.add(secret("login", user="user", password=PASSWORD))
        await scene.add(authentication("auth", *LOGIN))
        await scene.pair("worker", logged_in(source))
        await scene.replicas("worker", 1)
        await scene.ready("worker")
        before = scene.daemon.pid
        source.expect("user", ANOTHER)
        await scene.told("worker", "Ready", "False", "TriggerError")
        await scene.daemon.until(lambda: len(_read(scene)) == 2, "it is read again because it was refused", 10)
        await scene.kube.patch(secrets(scene.namespace, "login"), {"stringData": {"password": ANOTHER}})
        await scene.ready("worker")
        assert source.served > 0
        assert scene.daemon.pid == before
        assert PASSWORD not in scene.daemon.said()
        assert ANOTHER not in scene.daemon.said()


async def test_an_edited_authentication_binds_anew(scene: Scene) -> None:
    async with guarded("user", PASSWORD) as source:
        await scene.add(secret("login", user="user", password="wrong"))
        await scene.add(secret("other", user="user", password=PASSWORD))
        await scene.add(authentication("auth", *LOGIN))
        await scene.pair("worker", logged_in(source))
        await scene.told("worker", "Ready", "False", "TriggerError")
        others = [
            {"parameter": key, "name": "other", "key": at} for key, at in (("username", "user"), ("password",) * 2)
        ]
        await scene.kube.patch(authentications(scene.namespace, "auth"), {"spec": {"secretTargetRef": others}})
        await scene.ready("worker")
        await scene.replicas("worker", 1)


async def test_a_config_map_and_the_users_of_an_authentication(scene: Scene) -> None:
    async with guarded("user", PASSWORD) as source:
        await scene.add(secret("login", password=PASSWORD))
        await scene.add(config_map("who", user="user"))
        who = [{"parameter": "username", "name": "who", "key": "user"}]
        await scene.add(authentication("auth", LOGIN[1], configMapTargetRef=who))
        for name in ("one", "two", "three"):
            await scene.pair(name, logged_in(source))
        await scene.ready("one", "two", "three")
        path = authentications(scene.namespace, "auth")
        await scene.kube.until(path, lambda found: found.get("status", {}).get("scaledobjects") == "one,three,two")
        await scene.edit("two", triggers=[scene.asks("n")])
        await scene.kube.delete(objects(scene.namespace, "three"))
        await scene.kube.until(path, lambda found: found["status"].get("scaledobjects") == "one")


async def test_the_environment_of_the_workload(scene: Scene) -> None:
    """By way of a TriggerAuthentication, out of a Secret; and what an edit of the pod template brings."""
    async with guarded("user", PASSWORD) as source:
        await scene.add(secret("login", key=source.key))
        await scene.add(variable(deployment("worker"), {"secretKeyRef": {"name": "login", "key": "key"}}))
        await scene.add(authentication("auth", env=[{"parameter": "apiKey", "name": "KEY"}]))
        asks = {**number(source.url, **KEY), "authenticationRef": {"name": "auth"}}
        await scene.add(scaled_object("worker", asks))
        await scene.ready("worker")
        await scene.replicas("worker", 1)
        await scene.add(config_map("plain", key="another"))
        edited = variable(deployment("worker"), {"configMapKeyRef": {"name": "plain", "key": "key"}})
        template = {"template": edited["spec"]["template"]}
        await scene.kube.patch(deployments(scene.namespace, "worker"), {"spec": template})
        await scene.told("worker", "Ready", "False", "TriggerError")


async def test_a_variable_that_a_trigger_names(scene: Scene) -> None:
    """Bound with it once it is there; that nobody answers at that address is the source's trouble."""
    connection = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint={scene.source.url}/a;"
    await scene.add(deployment("worker"))
    metadata = {"queueName": "q", "connectionFromEnv": "CONNECTION"}
    await scene.add(scaled_object("worker", {"type": "azure-queue", "metadata": metadata}))
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "connection")
    named = deployment("worker", env={"CONNECTION": connection})["spec"]["template"]
    await scene.kube.patch(deployments(scene.namespace, "worker"), {"spec": {"template": named}})
    await scene.told("worker", "Ready", "False", "TriggerError")


def variable(worker: Object, source: Object) -> Object:
    worker["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "KEY", "valueFrom": source}]
    return worker


async def test_a_cluster_wide_authentication(scene: Scene) -> None:
    """Its Secret is in the daemon's own namespace, whoever uses it."""
    name = f"{scene.namespace}-auth"
    async with guarded("user", PASSWORD) as source:
        shared = secret(name, user="user", password=PASSWORD)
        await scene.kube.create(secrets(NAMESPACE), shared)
        references = [("username", name, "user"), ("password", name, "password")]
        await scene.add(authentication(name, *references, cluster=True))
        await scene.pair("worker", logged_in(source, name, cluster=True))
        await scene.ready("worker")
        await scene.replicas("worker", 1)
        path = f"/apis/keda.sh/v1alpha1/clustertriggerauthentications/{name}"
        await scene.kube.until(path, lambda found: found.get("status", {}).get("scaledobjects") == "worker")
        await scene.kube.delete(path)
        await scene.kube.delete(secrets(NAMESPACE, name))


async def test_secrets_are_read_one_by_one(scene: Scene) -> None:
    """Over everything that any test made the daemon do."""
    await scene.add(secret("unused", password=PASSWORD))
    async with guarded("user", PASSWORD) as source:
        await scene.add(secret("login", user="user", password=PASSWORD))
        await scene.add(authentication("auth", *LOGIN))
        await scene.pair("worker", logged_in(source))
        await scene.ready("worker")
    asked = [one for one in scene.cluster.audit(user=ACCOUNT) if "/secrets" in one.uri]
    started = [one for one in scene.cluster.audit(user=ACCOUNT, stage="ResponseStarted") if "/secrets" in one.uri]
    own = {f"/api/v1/namespaces/{NAMESPACE}/secrets", f"/api/v1/namespaces/{NAMESPACE}/secrets/event-scaler-certs"}
    assert {one.verb for one in asked if one.uri.split("?")[0] not in own} == {"get"}
    assert not started, "none is watched"
    here = {one.uri.split("?")[0] for one in asked if scene.namespace in one.uri}
    assert here == {secrets(scene.namespace, "login")}

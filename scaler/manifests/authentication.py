"""What a trigger may know besides its metadata: the parameters behind its `authenticationRef` and the environment of
the workload. Remembers what was read, so that the object is bound again when one of those is touched."""

from collections.abc import Awaitable, Callable, Mapping

from scaler.credentials.resolve import Read, resolve
from scaler.declare import load_document
from scaler.errors import CredentialError, Forbidden, ManifestError, NotFound
from scaler.manifests.scaled_object import ScaleTargetRef, TriggerEntry
from scaler.manifests.trigger_authentication import LATER, TriggerAuthenticationSpec
from scaler.manifests.watched import Manifest, Ref

Values = Mapping[str, str]

GIVEN = frozenset(
    (
        "podIdentity",
        "identityId",
        "identityTenantId",
        "identityAuthorityHost",
        "federatedTokenFile",
        "authorityHost",
        "clientId",
        "tenantId",
    )
)
"""What only `podIdentity` and the daemon itself may say. From a Secret these could make the daemon show its own token,
or any file it can read, to a host of somebody's choice."""


class Credentials:
    """Made for binding one object. `identity` is the daemon's own workload identity, as parameters."""

    def __init__(
        self,
        ref: Ref,
        target: ScaleTargetRef,
        read: Callable[[Ref], Awaitable[Values]],
        manifest: Callable[[Ref], Awaitable[Manifest]],
        identity: Values,
        cluster_namespace: str = "",
    ) -> None:
        self._ref, self._container = ref, target.env_source_container_name
        self._read_ref, self._manifest, self._identity = read, manifest, identity
        self._cluster_namespace = cluster_namespace
        self.target = Ref(target.kind, ref.namespace, target.name)
        self._workload = _workload(target)
        self.refs: set[Ref] = {self.target}
        self.kinds: set[str] = set()

    async def of(self, entry: TriggerEntry, index: int) -> tuple[Values, Values]:
        """(parameters behind the reference, environment). Raises `CredentialError`, `ManifestError`."""
        return await self._parameters(entry, f"spec.triggers[{index}].authenticationRef"), await self._environment(
            entry
        )

    async def _environment(self, entry: TriggerEntry) -> Values:
        """Asked for only where a parameter wants it."""
        if not any(key.endswith("FromEnv") for key in entry.metadata):
            return {}
        try:
            return await self._read("Environment", f"{self._workload}/{self._container}")
        except (NotFound, Forbidden) as error:
            raise CredentialError(str(error)) from None

    async def _parameters(self, entry: TriggerEntry, path: str) -> Values:
        if entry.authentication_ref is None:
            return {}
        kind, name = entry.authentication_ref.kind, entry.authentication_ref.name
        ref = Ref(kind, "" if kind.startswith("Cluster") else self._ref.namespace, name)
        self.refs.add(ref)
        self.kinds.add(kind)
        try:
            manifest = await self._manifest(ref)
        except NotFound:
            raise CredentialError(f"{path}: there is no {kind} {name}") from None
        spec = _spec(manifest, path)
        resolved = await resolve(spec.references(self._workload), self._reader(kind))
        found = {name: value for name, value in resolved.items() if name not in GIVEN}
        if spec.pod_identity:
            found.update(spec.pod_identity.parameters())
            if spec.pod_identity.provider == "azure-workload":
                found.update(self._identity)
        return found

    def _reader(self, authentication: str) -> Read:
        """What a cluster-wide authentication refers to is in one namespace, whoever uses it (KEDA behaviour 2.2)."""
        elsewhere = self._cluster_namespace if authentication.startswith("Cluster") else ""

        async def read(kind: str, name: str) -> Values:
            return await self._read(kind, name, "" if kind == "Environment" else elsewhere)

        return read

    async def _read(self, kind: str, name: str, namespace: str = "") -> Values:
        ref = Ref(kind, namespace or self._ref.namespace, name)
        self.refs.add(ref)
        if kind == "Environment":
            self.refs.update(Ref(source, self._ref.namespace, "") for source in ("Secret", "ConfigMap"))
        return await self._read_ref(ref)


def _workload(target: ScaleTargetRef) -> str:
    """The target as the name of an environment has it; a Deployment's kind is left out."""
    if (target.api_version, target.kind) == ("apps/v1", "Deployment"):
        return target.name
    group, _, version = target.api_version.rpartition("/")
    return f"{target.kind}.{version}.{group}/{target.name}"


def _spec(manifest: Manifest, path: str) -> TriggerAuthenticationSpec:
    problems, _ = examine(manifest)
    if problems:
        where = f"{path} ({manifest.ref.kind} {manifest.ref.name})"
        raise ManifestError({f"{where}: {at}": problem for at, problem in problems.items()})
    return TriggerAuthenticationSpec.model_validate(manifest.body["spec"])


def examine(manifest: Manifest) -> tuple[Values, Values]:
    """(problems, warnings) of a TriggerAuthentication by itself, by path."""
    body = manifest.body.get("spec", {})
    later = [name for name in LATER if name in body] if isinstance(body, Mapping) else []
    asked = {name: value for name, value in body.items() if name not in later} if later else body
    loaded = load_document(TriggerAuthenticationSpec, asked, "spec")
    return {**loaded.problems, **{f"spec.{name}": "is not supported by this version" for name in later}}, loaded.notes

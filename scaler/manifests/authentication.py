"""What a trigger may know besides its metadata: the parameters behind its `authenticationRef` and the environment of
the workload. Remembers what was read, so that the object is bound again when one of those is touched."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from scaler.credentials.identity.aws import IDENTITY, role_of
from scaler.credentials.pod_identity import PodIdentity
from scaler.credentials.resolve import Read, resolve
from scaler.credentials.rooms import ROOMS
from scaler.credentials.store import Where
from scaler.credentials.stores import Stores
from scaler.declare import load_document
from scaler.errors import CredentialError, Forbidden, ManifestError, NotFound
from scaler.manifests.scaled_object import AuthenticationRef, ScaleTargetRef, TriggerEntry
from scaler.manifests.trigger_authentication import TriggerAuthenticationSpec
from scaler.manifests.watched import Manifest, Ref

Values = Mapping[str, str]

STORE = "Store"
"""The kind under which an object refers to a block of a store: `Ref(STORE, "", id)`."""

NAMESPACED = "TriggerAuthentication"

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
        "identityRoleArn",
        "identityExternalId",
        "daemonIdentity",
    )
)
"""What only `podIdentity` and the daemon itself may say. From a Secret these could make the daemon show its own token,
or any file it can read, to a host of somebody's choice."""


UNHEARD = "is not taken from what an authentication refers to: podIdentity alone may say it"


class Credentials:
    """Made for binding one object. `identity` is the daemon's own workload identity, as parameters. `refs`,
    `kinds` and `notes` (what is odd, by path) grow while triggers are read."""

    def __init__(
        self,
        ref: Ref,
        target: ScaleTargetRef,
        read: Callable[[Ref], Awaitable[Values]],
        manifest: Callable[[Ref], Awaitable[Manifest]],
        identity: Values,
        cluster_namespace: str = "",
        stores: Stores | None = None,
    ) -> None:
        self._ref, self._container = ref, target.env_source_container_name
        self._read_ref, self._manifest, self._identity = read, manifest, identity
        self._cluster_namespace, self._stores = cluster_namespace, stores
        self.target = Ref(target.kind, ref.namespace, target.name)
        self._workload = _workload(target)
        self.refs: set[Ref] = {self.target}
        self.kinds: set[str] = set()
        self.notes: dict[str, str] = {}

    async def of(self, entry: TriggerEntry, index: int) -> tuple[Values, Values]:
        """(parameters behind the reference, environment). Raises `CredentialError`, `ManifestError`."""
        return await self._parameters(entry, f"spec.triggers[{index}].authenticationRef"), await self._environment(
            entry
        )

    async def _environment(self, entry: TriggerEntry) -> Values:
        """Asked for only where a parameter wants it."""
        if not _wants_environment(entry):
            return {}
        try:
            return await self._read("Environment", f"{self._workload}/{self._container}")
        except (NotFound, Forbidden) as error:
            raise CredentialError(str(error)) from None

    async def _parameters(self, entry: TriggerEntry, path: str) -> Values:
        return await self.parameters(entry.authentication_ref, path) if entry.authentication_ref else {}

    async def parameters(self, reference: AuthenticationRef, path: str) -> Values:
        """Those behind a reference that was written at that path. Raises `CredentialError`, `ManifestError`."""
        kind, name = reference.kind, reference.name
        ref = Ref(kind, "" if kind.startswith("Cluster") else self._ref.namespace, name)
        self.refs.add(ref)
        self.kinds.add(kind)
        try:
            manifest = await self._manifest(ref)
        except NotFound:
            raise CredentialError(f"{path}: there is no {kind} {name}") from None
        spec = _spec(manifest, path)
        resolved = await self._resolved(spec, kind)
        found = {name: value for name, value in resolved.items() if name not in GIVEN}
        self.notes.update({f"{path}.{one}": UNHEARD for one in sorted(resolved.keys() & GIVEN)})
        if spec.pod_identity:
            found.update(await self._identified(spec.pod_identity, path))
        return found

    async def _identified(self, identity: PodIdentity, path: str) -> Values:
        """What a trigger is told of an identity: the object's own part, and the daemon's."""

        async def annotations() -> Values:
            return await self._read(IDENTITY, self._workload)

        role = await role_of(identity, annotations, f"{path}: spec.podIdentity")
        return {**identity.parameters(role), **identity.daemon(self._identity)}

    async def _resolved(self, spec: TriggerAuthenticationSpec, authentication: str) -> Values:
        """What a cluster-wide authentication refers to is in one namespace, whoever uses it (KEDA behaviour 2.2).
        Raises `CredentialError` with everything that leads nowhere."""
        elsewhere = self._cluster_namespace if authentication.startswith("Cluster") else ""
        found: dict[str, str] = {}
        problems: list[str] = []
        try:
            found.update(await resolve(spec.references(self._workload), self._reader(elsewhere)))
        except CredentialError as error:
            problems.append(str(error))
        where = Where(
            elsewhere or self._ref.namespace, self._ref.namespace, self._workload, shared=authentication != NAMESPACED
        )
        for field, at, block in spec.blocks():
            try:
                found.update(await self._stored(field, block, at, where))
            except CredentialError as error:
                problems.append(str(error))
        if problems:
            raise CredentialError("; ".join(problems))
        return found

    async def _stored(self, field: str, block: Any, at: str, where: Where) -> Values:
        if self._stores is None:
            raise CredentialError(f"{at}: stores are not asked here")
        got = await self._stores.get(ROOMS[field], block, at, where)
        self.refs.add(Ref(STORE, "", got.id))
        self.refs.update(Ref(kind, where.namespace, name) for kind, name in got.read)
        return got.values

    def _reader(self, elsewhere: str) -> Read:
        async def read(kind: str, name: str) -> Values:
            return await self._read(kind, name, "" if kind == "Environment" else elsewhere)

        return read

    async def _read(self, kind: str, name: str, namespace: str = "") -> Values:
        ref = Ref(kind, namespace or self._ref.namespace, name)
        self.refs.add(ref)
        if kind == "Environment":
            self.refs.update(Ref(source, self._ref.namespace, "") for source in ("Secret", "ConfigMap"))
        return await self._read_ref(ref)


def refers(entry: TriggerEntry) -> bool:
    """Whether a trigger takes values that are not in its manifest."""
    return entry.authentication_ref is not None or _wants_environment(entry)


def _wants_environment(entry: TriggerEntry) -> bool:
    return any(key.endswith("FromEnv") for key in entry.metadata)


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
    loaded = load_document(TriggerAuthenticationSpec, body, "spec")
    problems = dict(loaded.problems)
    if loaded.value and loaded.value.file_path and not manifest.ref.kind.startswith("Cluster"):
        problems["spec.filePath"] = "filePath is only supported for ClusterTriggerAuthentication"
    return problems, loaded.notes

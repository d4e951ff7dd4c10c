"""What the manifests of a folder hold for others: Secrets, ConfigMaps, the environment of a workload's container, and
the objects that triggers refer to. Reads what was looked at; starts and changes nothing."""

from collections.abc import Mapping

from scaler.credentials.identity.aws import IDENTITY
from scaler.credentials.store import Token
from scaler.errors import ClusterError, NotFound
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.documents import data_of
from scaler.standalone.folder import Folder
from scaler.standalone.jobs.template import template_of
from scaler.standalone.workload import Workload, workload_of


class Reader:
    """One look at a folder, read as the port asks for it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    async def manifest(self, ref: Ref) -> Manifest:
        return self._manifest(ref)

    async def read(self, ref: Ref) -> Mapping[str, str]:
        """The data of a Secret or ConfigMap, or the environment of a container. Raises `NotFound`."""
        if ref.kind != "Environment":
            return self.data(ref)
        parts = ref.name.split("/")
        kind = parts.pop(0).partition(".")[0] if len(parts) > 2 else "Deployment"
        name, wanted = (*parts, "")[:2]
        workload = self._workload(kind, ref.namespace, name)
        found = (one for one in workload.containers if one.name == wanted or not wanted)
        if (container := next(found, None)) is None:
            raise NotFound(f"{workload.ref.kind} {name} has no container {wanted}")
        return workload.variables(container, {}, self.data)

    def _workload(self, kind: str, namespace: str, name: str) -> Workload:
        manifest = self._manifest(Ref(kind, namespace, name))
        return template_of(manifest).workload if kind == "ScaledJob" else workload_of(manifest)

    async def token(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        """Nobody here could give one. Raises `ClusterError`."""
        raise ClusterError(f"there is no token of service account {account}: a folder has no service accounts")

    def data(self, ref: Ref) -> Mapping[str, str]:
        """The data of a Secret or ConfigMap."""
        if ref.kind == IDENTITY:
            raise NotFound("a folder has no service accounts")
        if ref.kind not in ("Secret", "ConfigMap"):
            raise NotFound(f"a {ref.kind} has no data")
        return data_of(self._manifest(ref))

    def _manifest(self, ref: Ref) -> Manifest:
        found = self._folder.manifests.get(ref)
        if found is None:
            raise NotFound(f"there is no {ref.kind} {ref.name} in the folder")
        return found

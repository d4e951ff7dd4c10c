"""What the manifests of a folder hold for others: Secrets, ConfigMaps, the environment of a Deployment's container, and
the objects that triggers refer to. Reads what was looked at; starts and changes nothing."""

from collections.abc import Mapping

from scaler.errors import NotFound
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.documents import data_of
from scaler.standalone.folder import Folder
from scaler.standalone.workload import workload_of


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
        name, _, wanted = ref.name.partition("/")
        workload = workload_of(self._manifest(Ref("Deployment", ref.namespace, name)))
        found = (one for one in workload.containers if one.name == wanted or not wanted)
        if (container := next(found, None)) is None:
            raise NotFound(f"Deployment {name} has no container {wanted}")
        return workload.variables(container, {}, self.data)

    def data(self, ref: Ref) -> Mapping[str, str]:
        """The data of a Secret or ConfigMap."""
        if ref.kind not in ("Secret", "ConfigMap"):
            raise NotFound(f"a {ref.kind} has no data")
        return data_of(self._manifest(ref))

    def _manifest(self, ref: Ref) -> Manifest:
        found = self._folder.manifests.get(ref)
        if found is None:
            raise NotFound(f"there is no {ref.kind} {ref.name} in the folder")
        return found

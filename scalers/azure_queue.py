"""Azure Storage queue: the number of messages in it. The count that Azure gives includes messages that are hidden for
the time being (received, or delayed); `visibleonly` leaves those out while fewer than 32 are visible."""

import re
from collections.abc import Iterator

from scaler.sdk import AUTH, ENV, METADATA, Backlog, Example, Scaler, activation, param, secret, target
from scalers._azure_identity import WORKLOAD, AzureIdentity
from scalers._azure_storage import SCOPE, Length, Queue, StorageQueues, by_connection_string

CLOUDS = {
    "azurepubliccloud": "queue.core.windows.net",
    "azureusgovernmentcloud": "queue.core.usgovcloudapi.net",
    "azurechinacloud": "queue.core.chinacloudapi.cn",
}
DOMAINS = (*CLOUDS.values(), "queue.storage.azure.net")
"""Where Azure's queues are; the last is of accounts with a DNS zone endpoint. The daemon's token goes nowhere else."""

_NAME, _HOST = re.compile(r"[a-z0-9-]{3,63}"), re.compile(r"[a-zA-Z0-9.-]+(:[0-9]+)?")


class AzureQueue(AzureIdentity, Scaler[Queue, Length]):
    queue_name: str = param("Name of the queue.")
    queue_length: int = target("Messages one replica should handle.", default=5)
    activation_queue_length: int = activation()
    queue_length_strategy: str = param(
        "Whether messages count that cannot be received at the moment.", default="all", choices=("all", "visibleonly")
    )
    connection: str = secret(
        "Connection string of the account; needed without a pod identity.", default="", places=(AUTH, METADATA, ENV)
    )
    account_name: str = param("Name of the account; needed with a pod identity.", default="")
    cloud: str = param(
        "AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud, or Private with endpointSuffix; used with a pod "
        "identity.",
        default="AzurePublicCloud",
    )
    endpoint_suffix: str = param(
        "What follows the account's name in a Private cloud's queue endpoint; it must end in a domain of Azure.",
        default="",
    )

    example = Example(
        metadata={"queueName": "orders", "queueLength": "5"},
        auth={"connection": "AccountName=shop;AccountKey=c2VjcmV0"},
        answer=Length(40),
        value=40.0,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if self.pod_identity == WORKLOAD:
            if not _NAME.fullmatch(self.account_name):
                yield "accountName", f"is required with podIdentity {WORKLOAD}, as the account's name alone"
            if not _HOST.fullmatch(self._suffix()):
                yield "cloud", "must be one of the Azure clouds, or Private with endpointSuffix"
            elif not f".{self._suffix().partition(':')[0].lower()}".endswith(tuple(f".{one}" for one in DOMAINS)):
                yield "endpointSuffix", f"must end in a domain of Azure ({DOMAINS[0]}) with podIdentity {WORKLOAD}"
        elif not self.connection:
            yield "connection", "is required (by authenticationRef, in metadata or by connectionFromEnv)"
        else:
            try:
                by_connection_string(self.connection)
            except ValueError as problem:
                yield "connection", str(problem)

    def label(self) -> str:
        return f"azure-queue-{self.queue_name}"

    def source(self) -> StorageQueues:
        if identity := self.entra(SCOPE):
            return StorageQueues(f"https://{self.account_name}.{self._suffix()}", identity=identity)
        return by_connection_string(self.connection)

    def ask(self) -> Queue:
        return Queue(self.queue_name, self.queue_length_strategy == "visibleonly")

    def read(self, answer: Length) -> float | Backlog:
        return Backlog(float(answer.messages)) if answer.visible else float(answer.messages)

    def _suffix(self) -> str:
        cloud = self.cloud.lower()
        return self.endpoint_suffix if cloud == "private" else CLOUDS.get(cloud, "")

"""An `apps/v1` Deployment as far as it is looked at, with Kubernetes' names and defaults. Of the pod template the first
container is run; the others may feed parameters. What is not named here has no meaning for a local process."""

from msgspec import Struct

from scaler.credentials import environment


class _Written(Struct, frozen=True, rename="camel"):
    """The base of everything that is read of a manifest; what is not named here is not looked at."""


class Port(_Written, frozen=True):
    container_port: int
    name: str = ""


class Header(_Written, frozen=True):
    name: str
    value: str = ""


class Exec(_Written, frozen=True):
    command: tuple[str, ...]


class HttpGet(_Written, frozen=True):
    port: int | str
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[Header, ...] = ()


class TcpSocket(_Written, frozen=True):
    port: int | str
    host: str = ""


class Probe(_Written, frozen=True):
    """A readiness probe with Kubernetes' defaults."""

    exec: Exec | None = None
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class Resources(_Written, frozen=True):
    requests: dict[str, str | int | float] = {}


class Container(environment.Container, frozen=True):
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    ports: tuple[Port, ...] = ()
    resources: Resources = Resources()
    readiness_probe: Probe | None = None


class PodSpec(_Written, frozen=True):
    containers: tuple[Container, ...]
    termination_grace_period_seconds: int = 30
    restart_policy: str = ""


class Template(_Written, frozen=True):
    spec: PodSpec


class Strategy(_Written, frozen=True):
    type: str = "RollingUpdate"


class Spec(_Written, frozen=True):
    template: Template
    replicas: int | None = None
    strategy: Strategy = Strategy()


class Deployment(_Written, frozen=True):
    spec: Spec

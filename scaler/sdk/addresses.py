"""Addresses that a person's URL may be kept from: a cloud's metadata service answers everybody in the pod with the
node's own credentials. Asked when a socket is made, after names are resolved, so that no name leads there either.
Whether the switch is on is said once, by `daemon`, for all that it starts; code of a cloud's identity is exempt."""

import socket
from contextvars import ContextVar
from errno import EACCES
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

METADATA_ALLOWED: ContextVar[bool] = ContextVar("metadata_allowed", default=True)
"""Whether URLs may lead to metadata services; a task inherits it from the one that started it."""

REFUSED = "is, or leads to, a metadata address, which this daemon does not ask (SCALER_ALLOW_METADATA_ADDRESSES)"

_NETWORKS = tuple(
    ip_network(one)
    for one in (
        "169.254.0.0/16",  # link-local: AWS, Azure, Google, Oracle, DigitalOcean, ECS and EKS pod identity
        "fe80::/10",
        "fd00:ec2::/32",  # AWS over IPv6
        "fd20:ce::/32",  # Google over IPv6
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's host
        "192.0.0.192/32",  # Oracle's older one
    )
)
_NAT64 = ip_network("64:ff9b::/96")

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class MetadataAddress(OSError):
    """A connection that was not made."""

    def __init__(self) -> None:
        super().__init__(EACCES, REFUSED)


def is_metadata(address: str) -> bool:
    """Of a literal address; a zone (`%eth0`) does not matter, nor that IPv4 is dressed as IPv6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = _undressed(found)
    return any(found in network for network in _NETWORKS if network.version == found.version)


def _undressed(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def guarded_socket(info: AddressInfo) -> socket.socket:
    """A socket for that address. Raises `MetadataAddress`."""
    family, kind, protocol, _, where = info
    if is_metadata(str(where[0])):
        raise MetadataAddress
    return socket.socket(family, kind, protocol)

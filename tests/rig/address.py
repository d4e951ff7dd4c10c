"""An IPv4 address of this machine that is not loopback: what an EndpointSlice may hold, as 127.0.0.0/8 it may not.

Found without a default route, which a machine without a network does not have. Where there is none at all, a dummy
interface has one for as long as it is wanted; that takes root.
"""

import fcntl
import ipaddress
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.rig.process import StartError

SIOCGIFADDR = 0x8915
AT = slice(20, 24)
DUMMY = "event-scaler"
SPARE = "198.51.100.1"


@contextmanager
def own_address() -> Iterator[str]:
    found = next(_addresses(), None)
    if found is not None:
        yield found
        return
    with _dummy():
        yield SPARE


def _addresses() -> Iterator[str]:
    """The first of each interface, if a server can listen there and an EndpointSlice takes it."""
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
            answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()))
            address = ipaddress.IPv4Address(answer[AT])
            probe.bind((str(address), 0))
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                yield str(address)


@contextmanager
def _dummy() -> Iterator[None]:
    if os.geteuid() != 0:
        raise StartError("this machine has no address but loopback, and only root can make one")
    try:
        for command in (f"link add {DUMMY} type dummy", f"addr add {SPARE}/32 dev {DUMMY}", f"link set {DUMMY} up"):
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["ip", "link", "del", DUMMY], check=False, capture_output=True)

"""An IPv4 address of this machine that is not loopback: what an EndpointSlice may hold, as 127.0.0.0/8 it may not.

Found without a default route, which a machine without a network does not have. Where there is none at all, the
loopback interface is given one for as long as it is wanted; that takes root.
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
SPARE = "198.51.100.1"


@contextmanager
def own_address() -> Iterator[str]:
    found = next(_addresses(), None)
    if found is not None:
        yield found
    elif _can_listen(SPARE):
        yield SPARE
    else:
        with _spare():
            yield SPARE


def _addresses() -> Iterator[str]:
    """The first of each interface, if a server can listen there and an EndpointSlice takes it."""
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, suppress(OSError):
            answer = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", name.encode()))
            address = ipaddress.IPv4Address(answer[AT])
            if not (address.is_loopback or address.is_link_local) and _can_listen(str(address)):
                yield str(address)


def _can_listen(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


@contextmanager
def _spare() -> Iterator[None]:
    if os.geteuid() != 0:
        raise StartError("this machine has no address but loopback, and only root can add one")
    subprocess.run(["ip", "addr", "add", f"{SPARE}/32", "dev", "lo"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "addr", "del", f"{SPARE}/32", "dev", "lo"], check=False, capture_output=True)

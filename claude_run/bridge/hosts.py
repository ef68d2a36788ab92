"""Where a bridge may listen: loopback, a unix socket, or the bridge address of a container network.

Everywhere else other people's machines could use the login, with nothing but one key between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from claude_run.bridge.errors import BridgeError

if TYPE_CHECKING:
    import ipaddress

UNIX: Final = "unix:"
CONTAINERS: Final = ("docker", "br-", "podman", "cni", "lxc", "lxd", "incus", "virbr", "vmnet")
"""What the interfaces of container networks and virtual machines are called."""

_WHY: Final = (
    "whoever reaches it needs one key to use your Claude login. Listen on 127.0.0.1 (the default);"
    " for containers on a unix socket (--host unix:/path), or on the address of their network"
    " (`ip -4 address show docker0`) with --allow-host NAME"
)


class Tcp(NamedTuple):
    """An address to listen on. `url` is what clients on this machine put before the port."""

    address: str
    is_loopback: bool = True

    @property
    def url(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address


class Unix(NamedTuple):
    """A socket's path."""

    path: str


def place_of(
    host: str, allowed: Iterable[str], interfaces: Mapping[str, Iterable[str]]
) -> Tcp | Unix:
    """What `host` means where `interfaces` have these addresses.

    Raises:
        BridgeError: nothing is to be served there; the message says why, and what to do.
    """
    if is_socket(host):
        return Unix(host.removeprefix(UNIX))
    address = _address(host)
    if address.is_loopback:
        return Tcp(str(address))
    if address.is_unspecified:
        raise BridgeError(f"--host {host} is every network that this machine is in: {_WHY}")
    names = [name for name, known in interfaces.items() if str(address) in known]
    if not any(name.startswith(CONTAINERS) for name in names):
        of = f" of {names[0]}" if names else ""
        raise BridgeError(f"--host {host} is no address of a container network{of}: {_WHY}")
    if not tuple(allowed):
        raise BridgeError(
            f"--host {host} needs --allow-host NAME, for each name that containers call this"
            f" machine by: --allow-host {host}, --allow-host host.docker.internal"
        )
    return Tcp(str(address), is_loopback=False)


def is_socket(host: str) -> bool:
    """Whether `host` is the path of a unix socket."""
    return host.startswith(UNIX) or "/" in host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    import ipaddress  # noqa: PLC0415 - only who asks for another address waits for it

    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        raise BridgeError(
            f"--host {host} is neither an IP address nor unix:/path; names are not looked up"
        ) from None


def interfaces() -> dict[str, list[str]]:
    """This machine's interfaces, and their addresses."""
    import psutil  # noqa: PLC0415 - only who asks for another address waits for it

    return {
        name: [one.address for one in addresses]
        for name, addresses in psutil.net_if_addrs().items()
    }

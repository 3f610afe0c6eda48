"""Sockets of the addresses on which transports listen, and why one cannot be had."""

import errno
import socket
from typing import Any, Final

from ...addresses import can_be_dual_stack, split_address

#: Connections that may wait to be accepted; the kernel has a limit of its own.
BACKLOG: Final = 4_096


def listening_socket(address: str, *, shares_port: bool) -> socket.socket:
    """A socket that listens at an address; at one of IPv6 to callers of IPv4 too, where the
    machine can. Raises OSError when the address is taken, or not one of this machine.
    """
    family, where = _look_up(address)
    try:
        return socket.create_server(
            where[:2],
            family=family,
            backlog=BACKLOG,
            reuse_port=shares_port,
            dualstack_ipv6=can_be_dual_stack(family),
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise taken(address) from error
        raise _not_ours(address, error) from error


def free_port(address: str) -> socket.socket | None:
    """A socket that keeps a port for processes of this user that share it, and does not listen.
    None when the port is taken. Raises OSError when it is not an address of this machine.

    SO_REUSEADDR passes over connections that ended a moment ago. Without SO_REUSEPORT a port that
    anybody listens on, or keeps like this, is refused; set afterwards, it lets fronts in.
    """
    family, where = _look_up(address)
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reserved.bind(where)
    except OSError as error:
        reserved.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise _not_ours(address, error) from error
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return reserved


def taken(address: str) -> OSError:
    """What is raised when somebody else listens at an address."""
    return OSError(f"cannot listen on {address}: is another node running?")


def _not_ours(address: str, error: OSError) -> OSError:
    return OSError(f"cannot listen on {address}: {error.strerror}")


def _look_up(address: str) -> tuple[socket.AddressFamily, Any]:
    """Family and socket address of host:port; of several that a name has, the first."""
    host, port = split_address(address)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return found[0][0], found[0][4]

"""Addresses to listen on, as settings write them. It needs no library."""

import socket


def split_address(address: str) -> tuple[str, int]:
    """Split host:port; an IPv6 host stands in brackets, which are taken off."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError("no port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 host without brackets")
    if not host or any(character.isspace() for character in host):
        raise ValueError("no host")
    return host, int(port)


def can_be_dual_stack(family: int) -> bool:
    """Whether a socket of a family can take callers of IPv4 at an address of IPv6, as gRPC's do."""
    return family == socket.AF_INET6 and socket.has_dualstack_ipv6()

"""Sockets that listen for a transport."""

import socket
from contextlib import closing

import pytest

from holdfast.edge.server.transports.listening import listening_socket


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize("shares_port", [False, True])
def test_a_port_that_somebody_has_is_refused(shares_port: bool) -> None:
    """Unless both share it, and then calls go to either."""
    with closing(listening_socket("127.0.0.1:0", shares_port=shares_port)) as first:
        address = f"127.0.0.1:{port_of(first)}"
        with pytest.raises(OSError, match=f"cannot listen on {address}: is another node running?"):
            listening_socket(address, shares_port=False)
        if shares_port:
            listening_socket(address, shares_port=True).close()


def test_an_address_of_no_machine_here_is_refused_by_its_name() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        listening_socket("192.0.2.1:0", shares_port=False)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
def test_all_addresses_of_ipv6_are_those_of_ipv4_too() -> None:
    with closing(listening_socket("[::]:0", shares_port=False)) as listening:
        socket.create_connection(("127.0.0.1", port_of(listening))).close()
        socket.create_connection(("::1", port_of(listening))).close()

"""Who is asking, as our own edge saw it."""

import pytest
from django.test import RequestFactory

from backend.core.edge import client_address, client_network


@pytest.mark.parametrize(
    ("case", "peer", "forwarded", "address"),
    [
        ("nobody in between", "203.0.113.7", None, "203.0.113.7"),
        ("the edge named its client", "172.18.0.2", "203.0.113.7", "203.0.113.7"),
        ("what the client wrote before is its own word", "172.18.0.2", "8.8.8.8, 203.0.113.7", "203.0.113.7"),
        ("two proxies of ours", "172.18.0.2", "8.8.8.8, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("a stranger's header", "203.0.113.7", "8.8.8.8", "203.0.113.7"),
        ("spaces and nothing", "172.18.0.2", " , ", "172.18.0.2"),
        ("IPv6", "::1", "2001:db8::7", "2001:db8::7"),
        ("no address at all", "172.18.0.2", "not-an-address", ""),
        ("a unix socket", "", None, ""),
    ],
)
def test_the_address_is_what_the_last_trusted_proxy_saw(
    case: str, peer: str, forwarded: str | None, address: str
) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)) == address, case


@pytest.mark.parametrize(
    ("case", "peer", "network"),
    [
        ("IPv4", "203.0.113.7", "203.0.113.7"),
        ("IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("its neighbour in the same network", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"),
        ("another network", "2001:db8:1:3::6", "2001:db8:1:3::"),
        ("a scope", "fe80::1%eth0", "fe80::"),
        ("IPv4 over IPv6", "::ffff:203.0.113.7", "203.0.113.7"),
        ("a unix socket", "", ""),
    ],
)
def test_one_sender_is_one_network(case: str, peer: str, network: str) -> None:
    assert client_network(RequestFactory().get("/", REMOTE_ADDR=peer)) == network, case

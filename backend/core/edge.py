"""Who is asking: the address that the trusted edge saw, never one that a stranger wrote into a header."""

from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.http import HttpRequest

Network = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> str:
    """
    Return the address of whoever sent a request, seen from the last proxy that is ours.

    Each proxy appends whom it heard from, so the header is read from its end,
    for as long as the one who wrote the entry is in ``TRUSTED_PROXIES``.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    for said in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        if not said.strip() or not _is_trusted(address, tuple(settings.TRUSTED_PROXIES)):
            break
        address = said.strip()
    return address if _parses(address) else ""


def is_inside(request: HttpRequest) -> bool:
    """Return whether a request comes from this machine or a private network, past proxies of ours."""
    address = client_address(request)
    return bool(address) and ip_address(address).is_private


# Whoever has one address of IPv6 has the other 2**64 of its network as well (RFC 6177).
SITE_BITS: Final = 64


def client_network(request: HttpRequest) -> str:
    """Return the first address of the network that one sender has: what a limit must count by."""
    address = client_address(request)
    if not address:
        return ""
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), SITE_BITS), strict=False).network_address)


# The edge is asked about at every request, and is one of few.
@lru_cache(maxsize=1024)
def _is_trusted(address: str, networks: tuple[str, ...]) -> bool:
    return _parses(address) and any(ip_address(address) in network for network in _networks(networks))


def _parses(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


@cache
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(name) for name in names)

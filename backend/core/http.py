"""The outbound HTTP client: pooled, and with a timeout on every call."""

from functools import cache

import httpx

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0


@cache
def client() -> httpx.Client:
    """
    Return the process's shared client.

    Redirects are not followed: an access token in a header must not travel
    to another host because an answer said so.
    """
    return httpx.Client(
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
        headers={"User-Agent": "Tailorbird/0.1"},
        follow_redirects=False,
    )

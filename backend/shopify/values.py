"""What is fixed about Shopify: its version, its names for things, the shape of a shop's domain."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

# The newest version whose final schema the tests can hold against our operations. Supported until 2027-07-16.
API_VERSION: Final = "2026-07"

# With fullmatch, because "$" would accept a trailing newline.
_SHOP_DOMAIN: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com")
_LONGEST_DOMAIN: Final = 255

REQUIRED_SCOPES: Final = (
    "read_products",
    "write_products",
    "read_orders",
    "read_customers",
    "write_app_proxy",
    "write_pixels",
    "read_customer_events",
)


def is_shop_domain(text: str) -> bool:
    """Tell whether a text is the permanent domain of a shop, and nothing but that."""
    return len(text) <= _LONGEST_DOMAIN and _SHOP_DOMAIN.fullmatch(text) is not None


def gid(kind: str, number: int) -> str:
    """Return Shopify's global id of a thing: ``gid("Product", 7)`` is ``gid://shopify/Product/7``."""
    return f"gid://shopify/{kind}/{number}"


def number_of(global_id: str) -> int:
    """
    Return the number at the end of a global id.

    :raises ValueError: if the text does not end in a number
    """
    tail = global_id.rpartition("/")[2].partition("?")[0]
    if not tail.isascii() or not tail.isdigit():
        raise ValueError(f"{global_id!r} is not a global id.")
    return int(tail)


def granted(scopes: tuple[str, ...] | list[str]) -> frozenset[str]:
    """Return all scopes that a grant means: the right to write a thing includes the right to read it."""
    implied = {"read_" + scope.removeprefix("write_") for scope in scopes if scope.startswith("write_")}
    return frozenset(scopes) | implied


def missing_scopes(scopes: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the required scopes that a grant lacks, in the order we ask for them."""
    return tuple(scope for scope in REQUIRED_SCOPES if scope not in granted(scopes))


@dataclass(frozen=True)
class Grant:
    """Tokens as Shopify gave them. ``expires_at`` is None for a token that never expires."""

    access_token: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    refresh_token: str
    refresh_expires_at: datetime | None

    def __repr__(self) -> str:
        return f"Grant(scopes={self.scopes}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class SessionToken:
    """What a verified session token says."""

    shop_domain: str
    user_id: str
    session_id: str


@dataclass(frozen=True)
class ProxyRequest:
    """
    A storefront request that Shopify signed.

    :param parameters: what the storefront added; of one that came more than once, the last value
    :param repeated: the names of those that did
    """

    shop_domain: str
    path_prefix: str
    logged_in_customer_id: int | None
    signed_at: datetime
    parameters: dict[str, str]
    repeated: frozenset[str]

"""What crosses the border of the app ``shops``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID


class ShopState(StrEnum):
    """Where a shop stands with us."""

    INSTALLED = "INSTALLED"  # the merchant has the app; we may call Shopify for them
    UNINSTALLED = "UNINSTALLED"  # tokens are gone; data waits for Shopify's shop/redact
    REDACTED = "REDACTED"  # data and the pseudonym key are destroyed; the domain alone remains


@dataclass(frozen=True)
class ShopInfo:
    """A shop as other apps see it."""

    id: int
    uuid: UUID
    domain: str
    name: str
    currency: str
    timezone: str
    plan_name: str
    state: ShopState
    installed_at: datetime | None
    uninstalled_at: datetime | None
    scopes: tuple[str, ...]
    needs_reauth: bool
    shows_new_products: bool = True  # one place of a visitor's list may go to a product that never sold
    explores_since: datetime | None = None  # neighbours change places by chance in some lists; None: in none
    has_suppressions: bool = False  # somebody was redacted and stands on the suppression list
    shopify_id: int | None = None  # Shopify's own number, once the shop's details were read


# Shopify activates a pixel, and tells it of events, only where the app has both.
PIXEL_SCOPES: Final = frozenset({"write_pixels", "read_customer_events"})


# What Shopify tells us of only where a merchant granted a scope that the app can do without: topic and scope.
OPTIONAL_TOPICS: Final[Mapping[str, str]] = {"THEMES_PUBLISH": "read_themes"}


class PixelState(StrEnum):
    """Where a shop's web pixel stands."""

    ACTIVE = "ACTIVE"  # Shopify runs it, for visitors who allow analytics
    PENDING = "PENDING"  # it is about to be switched on
    NOT_GRANTED = "NOT_GRANTED"  # the merchant has not granted its scopes
    REFUSED = "REFUSED"  # Shopify declined it; it is tried again


@dataclass(frozen=True)
class PixelInfo:
    """A shop's web pixel as other apps see it."""

    state: PixelState
    activated_at: datetime | None = None
    endpoint: str = ""  # where its events go
    failure: str = ""


@dataclass(frozen=True)
class Token:
    """A usable Admin API token of one shop."""

    shop_domain: str
    access_token: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        # A token in a log or a report is a leak.
        return f"Token({self.shop_domain}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class Principal:
    """Who a session token spoke for."""

    shop_id: int
    shop_domain: str
    user_id: str

    @property
    def actor(self) -> str:
        """Who asks, as the ledger names them."""
        return f"user {self.user_id}"

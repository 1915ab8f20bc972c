"""Writes about shops: install, tokens, pseudonyms, settings, uninstall, redact."""

from backend.shops.services.changing import (
    begin_erasure,
    hold_from_erasure,
    let_chance_order,
    redact,
    show_new_products,
    uninstall,
    update_scopes,
)
from backend.shops.services.installing import ensure_installed, install, read_details
from backend.shops.services.pixel import activate_pixel, sweep_pixels
from backend.shops.services.pseudonyms import (
    find_pseudonym,
    find_visitor_pseudonym,
    pseudonym,
    pseudonymiser,
)
from backend.shops.services.subscribing import subscribe, sweep_subscriptions
from backend.shops.services.suppression import (
    has_suppressions,
    hold_suppressions,
    is_suppressed,
    suppress,
    suppressed_among,
    suppression_of,
)
from backend.shops.services.tokens import (
    NeedsReauth,
    NotInstalled,
    ShopTokens,
    admin_client,
    keep_token_alive,
    usable_token,
)

__all__ = [
    "NeedsReauth",
    "NotInstalled",
    "ShopTokens",
    "activate_pixel",
    "admin_client",
    "begin_erasure",
    "ensure_installed",
    "find_pseudonym",
    "find_visitor_pseudonym",
    "has_suppressions",
    "hold_from_erasure",
    "hold_suppressions",
    "install",
    "is_suppressed",
    "keep_token_alive",
    "let_chance_order",
    "pseudonym",
    "pseudonymiser",
    "read_details",
    "redact",
    "show_new_products",
    "subscribe",
    "suppress",
    "suppressed_among",
    "suppression_of",
    "sweep_pixels",
    "sweep_subscriptions",
    "uninstall",
    "update_scopes",
    "usable_token",
]

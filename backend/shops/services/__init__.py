"""Writes about shops: install, tokens, pseudonyms, settings, uninstall, redact."""

from backend.shops.services.changing import redact, show_new_products, uninstall, update_scopes
from backend.shops.services.installing import ensure_installed, install, read_details
from backend.shops.services.pseudonyms import pseudonym, pseudonym_under
from backend.shops.services.tokens import (
    NeedsReauth,
    NotInstalled,
    ShopTokens,
    admin_client,
    keep_tokens_alive,
    usable_token,
)

__all__ = [
    "NeedsReauth",
    "NotInstalled",
    "ShopTokens",
    "admin_client",
    "ensure_installed",
    "install",
    "keep_tokens_alive",
    "pseudonym",
    "pseudonym_under",
    "read_details",
    "redact",
    "show_new_products",
    "uninstall",
    "update_scopes",
    "usable_token",
]

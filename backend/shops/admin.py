"""Shops in the staff dashboard: to look at, not to touch."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from . import queries
from .models import Shop
from .values import PixelState


@admin.register(Shop)
class ShopAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only; the keys are not shown to anyone."""

    list_display = ("domain", "name", "state", "plan_name", "installed_at", "access")
    list_filter = ("state", "needs_reauth")
    search_fields = ("domain", "name")
    exclude = ("pseudonym_key", "suppression_key", "needs_reauth", "shows_new_products", "explores_since")
    # In words: a red cross for "needs no renewal" would look like a fault.
    readonly_fields = ("access", "new_products", "order_by_chance", "web_pixel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("pseudonym_key", "suppression_key")

    def shop_of(self, row: Shop) -> int:
        """Return the shop whose ledger tells that it was looked at: the row itself."""
        return row.pk

    @admin.display(description="Access", ordering="needs_reauth")
    def access(self, row: Shop) -> str:
        """Return whether the app can ask Shopify for anything."""
        return "has to be renewed" if row.needs_reauth else "works"

    @admin.display(description="New products")
    def new_products(self, row: Shop) -> str:
        """Return whether the merchant lets new products be tried."""
        return "shown" if row.shows_new_products else "not shown"

    @admin.display(description="Order by chance")
    def order_by_chance(self, row: Shop) -> str:
        """Return since when the merchant lets neighbouring products change places."""
        since = row.explores_since
        return f"neighbours change places since {since:%d %b %Y, %H:%M} UTC" if since else "off"

    @admin.display(description="Web pixel")
    def web_pixel(self, row: Shop) -> str:
        """Return whether what shoppers do is heard of, and why not."""
        info = queries.pixel(row.id)
        words = {
            PixelState.ACTIVE: f"sends to {info.endpoint}",
            PixelState.PENDING: "is about to be switched on",
            PixelState.NOT_GRANTED: "waits for the merchant to grant its scopes",
            PixelState.REFUSED: f"declined: {info.failure}",
        }
        return words[info.state]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

"""Customers' requests in the staff dashboard: that they exist, never what is in them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import DataRequest


@admin.register(DataRequest)
class DataRequestAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only, without the pseudonym and the orders of who asked."""

    list_display = ("uuid", "shop", "shopify_id", "requested_at", "due_at", "downloaded_at")
    fields = ("uuid", "shop", "shopify_id", "requested_at", "due_at", "downloaded_at")
    list_select_related = ("shop",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = DataRequest.objects.across_shops(reason="support serves all shops")
        return rows.defer("customer_key", "order_ids")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

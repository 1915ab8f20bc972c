"""Shops in the staff dashboard: to look at, not to touch."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import Shop


@admin.register(Shop)
class ShopAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only; the keys are not shown to anyone."""

    list_display = ("domain", "name", "state", "plan_name", "installed_at", "needs_reauth")
    list_filter = ("state", "needs_reauth")
    search_fields = ("domain", "name")
    exclude = ("pseudonym_key", "suppression_key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("pseudonym_key", "suppression_key")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

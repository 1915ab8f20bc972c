"""What comes in from shops, and what happened to them: imports, webhooks and the ledger."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.postgres.aggregates import JSONBAgg
from django.db import models
from django.db.models.functions import JSONObject
from django.http import HttpRequest

from backend.audit.models import LedgerEvent
from backend.audit.values import Event, Ledger
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import ImportState
from backend.shops.models import Shop
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.tables import in_words
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import DeliveryState


@admin.register(LedgerEvent)
class LedgerEventAdmin(ReadOnlyAdmin):
    """Who did what, when and why. The database lets nobody change it."""

    list_display = ("at", "shop_link", "event_name", "actor", "subject", "reason")
    ledger = Ledger.ACTS
    is_growing = True
    list_filter = (among("event", Event),)

    @admin.display(description="Event")
    def event_name(self, row: LedgerEvent) -> str:
        """Return what happened, in words."""
        return in_words(row.event)


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """Imports of shops' histories."""

    list_display = ("created_at", "shop_link", "state_badge", "progress", "notes", "error", "finished_at")
    list_filter = (among("state", ImportState),)
    readonly_fields = ("progress", "notes", "left_out")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return imports, each with what is told of its parts: asked for with the rows, not once a row."""
        parts = ImportPart.objects.across_shops(reason="support staff serve every shop")
        told = JSONObject(part="part", done="done", note="note", samples="samples")
        of_row = parts.filter(of_id=models.OuterRef("pk")).order_by().values("of_id")
        told_of_row = of_row.annotate(told=JSONBAgg(told, order_by="part")).values("told")
        rows: models.QuerySet[Any] = (
            super().get_queryset(request).annotate(parts=models.Subquery(told_of_row))
        )
        return rows

    @admin.display(description="Progress")
    def progress(self, row: Any) -> str:
        """Return how far each part is."""
        return ", ".join(f"{part['part'].lower()} {part['done']:,}" for part in row.parts or ())

    @admin.display(description="Notes")
    def notes(self, row: Any) -> str:
        """Return what people should know of each part."""
        return " ".join(part["note"] for part in row.parts or () if part["note"]) or "–"

    @admin.display(description="Left out")
    def left_out(self, row: Any) -> str:
        """Return some of the records that could not be read or stored."""
        return " ".join(sample for part in row.parts or () for sample in part["samples"]) or "–"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What Shopify told us."""

    list_display = (
        "received_at",
        "topic",
        "shop_domain",
        "state_badge",
        "attempts",
        "outcome",
        "is_for_test",
    )
    is_growing = True
    list_filter = (among("state", DeliveryState), "is_test")
    told_as: ClassVar = {**ReadOnlyAdmin.told_as, "is_test": "is_for_test"}
    list_select_related: ClassVar = []
    search_fields = ("delivery_id",)
    search_help_text = "A delivery's id: its X-Shopify-Webhook-Id"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return deliveries, each with its shop, if the app knows that."""
        shops = Shop.objects.filter(domain=models.OuterRef("shop_domain")).values("pk")
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(of_shop=models.Subquery(shops))
        return rows

    def shop_of(self, row: Any) -> int | None:
        """Return the shop that a delivery names."""
        found: int | None = row.of_shop
        return found

    @admin.display(description="Test delivery")
    def is_for_test(self, row: WebhookDelivery) -> str:
        """Return it as a word: Django's red cross would make most deliveries look wrong."""
        return "yes" if row.is_test else "no"

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Find a delivery by its whole id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        # Naming every shop lets the index on (shop, delivery) answer.
        domains = list(Shop.objects.values_list("domain", flat=True))
        return queryset.filter(shop_domain__in=domains, delivery_id=term), False

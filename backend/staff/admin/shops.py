"""What comes in from shops, and what happened to them: imports, webhooks and the ledger."""

from typing import ClassVar

from django.contrib import admin

from backend.audit.models import LedgerEvent
from backend.audit.values import Event
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import ImportState
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.tables import in_words
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import DeliveryState


@admin.register(LedgerEvent)
class LedgerEventAdmin(ReadOnlyAdmin):
    """Who did what, when and why. The database lets nobody change it."""

    list_display = ("at", "shop_link", "event_name", "actor", "subject", "reason")
    list_filter = (among("event", Event),)

    @admin.display(description="Event", ordering="event")
    def event_name(self, row: LedgerEvent) -> str:
        """Return what happened, in words."""
        return in_words(row.event)


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """Imports of shops' histories."""

    list_display = ("created_at", "shop_link", "state_badge", "progress", "notes", "error", "finished_at")
    list_filter = (among("state", ImportState),)
    readonly_fields = ("progress", "notes", "left_out")

    @admin.display(description="Progress")
    def progress(self, row: Import) -> str:
        """Return how far each part is."""
        return ", ".join(f"{part.part.lower()} {part.done:,}" for part in _parts(row))

    @admin.display(description="Notes")
    def notes(self, row: Import) -> str:
        """Return what people should know of each part."""
        return " ".join(part.note for part in _parts(row) if part.note)

    @admin.display(description="Left out")
    def left_out(self, row: Import) -> str:
        """Return some of the records that could not be read or stored."""
        return " ".join(sample for part in _parts(row) for sample in part.samples)


def _parts(row: Import) -> list[ImportPart]:
    # Both columns of a line ask, the database once.
    if not hasattr(row, "known_parts"):
        parts = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id).order_by("part")
        row.known_parts = list(parts)  # type: ignore[attr-defined]
    known: list[ImportPart] = row.known_parts  # type: ignore[attr-defined]
    return known


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What Shopify told us."""

    list_display = ("received_at", "topic", "shop_domain", "state_badge", "attempts", "outcome", "is_test")
    list_filter = (among("state", DeliveryState), "is_test")
    list_select_related: ClassVar = []
    search_fields = ("=delivery_id",)
    search_help_text = "A delivery's id: its X-Shopify-Webhook-Id"

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

    list_display = ("created_at", "shop_link", "state_badge", "progress", "left_out", "error", "finished_at")
    list_filter = (among("state", ImportState),)

    @admin.display(description="Progress")
    def progress(self, row: Import) -> str:
        """Return how far each part is."""
        parts = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id).order_by("part")
        return ", ".join(f"{part.part.lower()} {part.done:,}" for part in parts)

    @admin.display(description="Left out")
    def left_out(self, row: Import) -> str:
        """Return what people should know of each part, with the records that were left out."""
        parts = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id).order_by("part")
        return " ".join(sentence for part in parts for sentence in (part.note, *part.samples[1:]) if sentence)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What Shopify told us."""

    list_display = ("received_at", "topic", "shop_domain", "state_badge", "attempts", "outcome", "is_test")
    list_filter = (among("state", DeliveryState), "is_test")
    list_select_related: ClassVar = []
    search_fields = ("=delivery_id",)
    search_help_text = "A delivery's id: its X-Shopify-Webhook-Id"

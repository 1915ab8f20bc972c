"""Orders with every decision behind them, and the credits of their lines."""

import re
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backend.attribution import queries as attribution
from backend.attribution.models import Credit
from backend.attribution.values import CreditInfo, Kind, OrderStory, Outcome, Reason
from backend.catalog.models import Order, OrderLine
from backend.staff import queries, words
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.postings import POSTING_HEADS, posting
from backend.staff.tables import badge, in_words, table, to_row


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders, each with every inference behind it."""

    list_display = ("called", "processed_at", "shop_link", "order_id", "customer", "cancelled", "currency")
    is_growing = True
    search_fields = ("order_id",)
    search_help_text = "An order's id: the long number in its address in the Shopify admin"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "called",
                    "order_id",
                    "shop_link",
                    "processed_at",
                    "customer",
                    "cancelled",
                    "outcome",
                )
            },
        ),
        ("Lines", {"fields": ("lines_table",)}),
        ("Every inference behind this order", {"fields": ("decisions_table",)}),
        ("Credits, and what was taken back", {"fields": ("credits_table",)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Find orders by id. Anything else finds nothing."""
        term = search_term.strip().lstrip("#")
        if not term:
            return queryset, False
        if not re.fullmatch(r"[0-9]{1,19}", term):
            return queryset.none(), False
        return queryset.filter(id__in=[order.id for order in queries.orders_called(int(term))]), False

    def thing(self, row: Order) -> str:
        """Return what the merchant calls it."""
        return row.name or str(row.order_id)

    @admin.display(description="Order")
    def called(self, row: Order) -> str:
        """Return what people call it."""
        return row.name or "–"

    @admin.display(description="Joined")
    def outcome(self, row: Order) -> SafeString | str:
        """Return whether it is known what its shopper did with recommendations, or why not."""
        found = _story(row).outcome
        if found is None:
            return "not looked at yet"
        tone = "good" if found is Outcome.JOINED else "quiet"
        return format_html("{} {}", badge(in_words(found), tone), words.OUTCOMES[found])

    @admin.display(description="Customer")
    def customer(self, row: Order) -> str:
        """Return the customer's pseudonym."""
        return row.customer_key or "guest"

    @admin.display(description="Cancelled")
    def cancelled(self, row: Order) -> str:
        """Return when the order was cancelled."""
        return f"{row.cancelled_at:%d %b %Y, %H:%M} UTC" if row.cancelled_at else "no"

    @admin.display(description="Lines")
    def lines_table(self, row: Order) -> SafeString:
        """Return the lines, each with the decision that earned it."""
        lines = list(OrderLine.objects.for_shop(row.shop_id).filter(order_id=row.id).order_by("line_id"))
        titles = queries.titles(row.shop_id, [line.product_id for line in lines if line.product_id])
        earned = {credit.line_id: credit for credit in _story(row).credits}
        rows = [
            (
                titles.get(line.product_id or 0, f"product {line.product_id}"),
                f"{line.current_quantity} of {line.quantity}",
                f"{line.discounted_total:.2f} {row.currency}",
                _earned_by(earned.get(line.line_id)),
            )
            for line in lines
        ]
        return table(("Product", "Kept", "Paid", "Earned by"), rows, empty="This order has no lines.")

    @admin.display(description="Decisions")
    def decisions_table(self, row: Order) -> SafeString:
        """Return every decision behind the order."""
        found = queries.inferences(row.shop_id, row.order_id)
        titles = queries.titles(row.shop_id, [product for one in found for product in one.bought])
        rows = [
            (
                to_row("audit_decision", one.decision.id, f"{one.decision.at:%d %b %H:%M:%S}"),
                to_row("audit_decision", one.decision.id, "made again", at="replay"),
                one.link,
                in_words(one.decision.surface),
                f"version {one.decision.version_number}" if one.decision.version_number else "no model",
                len(one.decision.items),
                ", ".join(titles.get(product, str(product)) for product in one.bought) or "–",
            )
            for one in found
        ]
        heads = (
            "Decision (UTC)",
            "Replay",
            "How it belongs here",
            "Surface",
            "Chosen by",
            "Products",
            "Of these bought",
        )
        return table(heads, rows, empty="No recommendation is known to have led to this order.")

    @admin.display(description="Credits")
    def credits_table(self, row: Order) -> SafeString:
        """Return every row of credit, what was taken back included."""
        postings = _story(row).postings
        titles = queries.titles(row.shop_id, {one.product_id for one in postings})
        rows = [
            (to_row("audit_decision", one.decision_id, in_words(one.kind)), *posting(one, titles))
            for one in postings
        ]
        return table(("Earned by", *POSTING_HEADS), rows, empty="No line of it is a recommendation's doing.")


def _story(row: Order) -> OrderStory:
    """Return what attribution knows of a row, asked for once a page."""
    if not hasattr(row, "story"):
        row.story = attribution.order_story(row.shop_id, row.order_id)  # type: ignore[attr-defined]
    found: OrderStory = row.story  # type: ignore[attr-defined]
    return found


def _earned_by(credit: CreditInfo | None) -> SafeString | str:
    if credit is None:
        return "–"
    return to_row("audit_decision", credit.decision_id, in_words(credit.kind))


@admin.register(Credit)
class CreditAdmin(ReadOnlyAdmin):
    """What decisions earned of order lines, and what of that was taken back: one row each."""

    list_display = (
        "placed_at",
        "shop_link",
        "order_id",
        "product_id",
        "earned_by",
        "decision",
        "earned",
        "why",
    )
    list_filter = (among("kind", Kind), among("reason", Reason))
    is_growing = True

    @admin.display(description="Earned by")
    def earned_by(self, row: Credit) -> str:
        """Return what the shopper did with the recommendation, in words."""
        return in_words(row.kind)

    @admin.display(description="Amount")
    def earned(self, row: Credit) -> str:
        """Return what the row adds or takes back."""
        return f"{row.amount:.2f} {row.currency}"

    @admin.display(description="Because")
    def why(self, row: Credit) -> str:
        """Return why the row was written, in words."""
        return f"{in_words(row.reason)} ({row.caused_by})" if row.caused_by else in_words(row.reason)

    @admin.display(description="Decision")
    def decision(self, row: Credit) -> SafeString:
        """Return the decision as a link."""
        return to_row("audit_decision", row.decision_id, row.decision_id)

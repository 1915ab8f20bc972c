"""Decisions: what was shown to whom, chosen by which version, and why."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backend.attribution import queries as attribution
from backend.audit import queries as audit
from backend.audit.models import Decision
from backend.audit.values import Channel, DecisionRecord, Ledger, Surface
from backend.catalog.models import Order, Product
from backend.catalog.values import ServingProduct
from backend.core.errors import Failure
from backend.events import queries as events
from backend.rollouts import queries as rollouts
from backend.rollouts.values import HOLDOUT, INTERLEAVED
from backend.serving import services as serving
from backend.serving.values import Exploration, Ingredients
from backend.staff import queries, words
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.postings import POSTING_HEADS, posting
from backend.staff.tables import Cell, badge, facts, in_words, table, to_row
from backend.staff.values import Explained

# Scores of popular products that fill a list up are far below this one.
SMALLEST_SCORE = 0.0001

# Of a visitor's past, the newest.
MOST_STEPS = 25

# Of a pseudonym, where it only tells one browser from another.
SHORT = 8

CHANNELS: Mapping[str, str] = {
    Channel.APP_PROXY: "app proxy: asked for by this visitor's page",
    Channel.METAFIELD: "metafield: written ahead, the same for everyone",
}


class WithFallback(admin.SimpleListFilter):
    """A filter by whether the model's answer was enough."""

    title = "answered by"
    parameter_name = "fallback"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two answers there are."""
        return [("no", "the model alone"), ("yes", "with a fallback")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the decisions of the answer that was picked."""
        if self.value() is None:
            return queryset
        return queryset.exclude(fallback="") if self.value() == "yes" else queryset.filter(fallback="")


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """What was shown to whom, chosen by which version, and why."""

    list_display = (
        "moment",
        "shop_link",
        "surface_name",
        "context",
        "channel_name",
        "version",
        "answer",
        "latency",
    )
    is_growing = True
    filters_newest = 20_000
    list_filter = (
        among("surface", Surface),
        among("channel", Channel),
        WithFallback,
    )
    search_fields = ("id",)
    search_help_text = "An order's id, a decision's id, or a visitor's pseudonym"
    ledger = Ledger.DECISIONS
    fieldsets = (
        (
            None,
            {"fields": ("id", "shop_link", "moment", "surface_name", "context", "channel_told", "visitor")},
        ),
        ("What was shown", {"fields": ("items_table", "why_link")}),
        (
            "How it was chosen",
            {
                "fields": (
                    "version",
                    "arm",
                    "features_told",
                    "answer",
                    "rules_told",
                    "requested",
                    "latency",
                    "request_id",
                )
            },
        ),
        ("What went in", {"fields": ("inputs_table",)}),
        ("Made again", {"fields": ("replay_told",), "classes": ("tb-replay",)}),
        ("What its browser told of it", {"fields": ("events_table",)}),
        ("What came of it", {"fields": ("orders_table", "credits_table")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return decisions, each with the name of the product whose page it was for."""
        products = Product.objects.across_shops(reason="support staff serve every shop").filter(
            shop_id=models.OuterRef("shop_id"), product_id=models.OuterRef("context_product_id")
        )
        title = models.Subquery(products.values("title")[:1])
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(context_title=title)
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Find decisions by the ids that people hold in their hands. Anything else finds nothing."""
        term = search_term.strip().lstrip("#")
        if not term:
            return queryset, False
        if re.fullmatch(r"[0-9]{1,19}", term):
            return queryset.filter(id__in=queries.decision_ids_of_order(int(term))), False
        if re.fullmatch(r"[0-9a-f]{32}", term):
            # A decision's id may be written without hyphens; a pseudonym looks the same.
            return queryset.filter(models.Q(visitor_key=term) | models.Q(id=UUID(term))), False
        try:
            return queryset.filter(id=UUID(term)), False
        except ValueError:
            return queryset.none(), False

    def get_urls(self) -> list[Any]:
        """Return the addresses of decisions, with one page more for each."""
        why = self.admin_site.admin_view(self.why_page)
        return [path("<uuid:decision_id>/why/", why, name="audit_decision_why"), *super().get_urls()]

    def why_page(self, request: HttpRequest, decision_id: UUID) -> TemplateResponse:
        """Show what of a visitor's past put each product where it stood: slow, so only when asked for."""
        row = get_object_or_404(self.get_queryset(request), id=decision_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        self.note_look(request, row, "explanation of decision")
        context = {**self.admin_site.each_context(request), "title": "Why these products", "decision": row}
        try:
            context["explained"] = queries.explain(row.shop_id, row.id)
        except Failure as error:
            context["problem"] = error.message
        else:
            context["table"] = _explained_table(row.shop_id, context["explained"])
        return TemplateResponse(request, "staff/why.html", context)

    @admin.display(description="Why")
    def why_link(self, row: Decision) -> SafeString:
        """Return a link to the full explanation."""
        address = reverse("admin:audit_decision_why", args=[row.id])
        return format_html('<a href="{}">Ask the model again, without each cause</a>', address)

    @admin.display(description="When")
    def moment(self, row: Decision) -> str:
        """Return the moment to the second: many decisions share a minute."""
        return f"{row.at:%d %b %Y, %H:%M:%S} UTC"

    @admin.display(description="Surface")
    def surface_name(self, row: Decision) -> str:
        """Return where it was shown, in words."""
        return in_words(row.surface)

    @admin.display(description="Channel")
    def channel_name(self, row: Decision) -> str:
        """Return how it reached the shopper, in words."""
        return in_words(row.channel)

    @admin.display(description="Channel")
    def channel_told(self, row: Decision) -> str:
        """Return how it reached the shopper, with what that means."""
        return CHANNELS.get(row.channel, in_words(row.channel))

    @admin.display(description="Visitor")
    def visitor(self, row: Decision) -> str:
        """Return the visitor's pseudonym."""
        return row.visitor_key or "nobody in particular"

    @admin.display(description="Version")
    def version(self, row: Decision) -> str:
        """Return the version that chose."""
        if not row.version_number:
            return "no model"
        other = ", in turns with the new one" if row.arm == INTERLEAVED else ""
        return f"version {row.version_number}{other}"

    @admin.display(description="Rules applied")
    def rules_told(self, row: Decision) -> SafeString | str:
        """Return what else than the model's order decided the list."""
        rules = _record(row).rules
        return (
            format_html_join("", "{}<br>", ((words.RULES.get(one, in_words(one)),) for one in rules))
            or "none"
        )

    @admin.display(description="Answered by")
    def answer(self, row: Decision) -> SafeString:
        """Return whether the model filled the whole answer, or why not."""
        if row.arm == HOLDOUT:
            return badge("popular products", "quiet")
        return badge(row.fallback.replace("_", " "), "busy") if row.fallback else badge("model", "good")

    @admin.display(description="Latency")
    def latency(self, row: Decision) -> str:
        """Return how long the answer took to make."""
        return f"{row.latency_ms:.1f} ms"

    @admin.display(description="On the page of")
    def context(self, row: Decision) -> str:
        """Return the product whose page it was."""
        if not row.context_product_id:
            return "–"
        title: str | None = getattr(row, "context_title", None)
        return title or f"product {row.context_product_id}"

    @admin.display(description="Products")
    def items_table(self, row: Decision) -> SafeString:
        """Return what was shown, in order, with score and reason."""
        decision = _record(row)
        known = queries.products(row.shop_id, [item.product_id for item in decision.items])
        earned = {credit.product_id for credit in attribution.credits_to(row.shop_id, row.id)}
        teams = dict(enumerate(rollouts.drafted_by(row.shop_id, row.id), start=1))
        rows = [
            (
                item.position,
                _pictured(known.get(item.product_id)),
                item.product_id,
                *([words.TEAMS.get(teams.get(item.position, ""), "–")] if teams else []),
                _score(item.score),
                item.why,
                badge("bought", "good") if item.product_id in earned else "",
            )
            for item in decision.items
        ]
        chosen = ("Chosen by",) if teams else ()
        heads = ("#", "Product", "Id", *chosen, "Score", "Why, as the shopper may read it", "Outcome")
        return table(heads, rows, empty=decision.damage or "Nothing was shown.")

    @admin.display(description="Inputs")
    def inputs_table(self, row: Decision) -> SafeString:
        """Return what the answer was made from, as it was recorded then."""
        told = serving.ingredients(row.shop_id, row.id)
        if told is None:
            return facts([], empty="What went into it was not recorded.")
        if told.problem:
            return facts([("Problem", badge(told.problem, "bad"))], empty="")
        return facts(_ingredients(row.shop_id, told), empty="")

    @admin.display(description="Replay")
    def replay_told(self, row: Decision) -> SafeString:
        """Return what comes out when the decision is made again from what went in."""
        made = serving.replay(row.shop_id, row.id)
        head = format_html(
            '<p id="replay">{} {}</p>',
            badge(words.REPLAYS[made.verdict][0], words.REPLAYS[made.verdict][1]),
            made.explanation,
        )
        if not made.differences:
            return head
        rows = [
            (
                f"place {one.position}" if one.position else "the list",
                in_words(one.aspect),
                one.recorded,
                one.replayed,
            )
            for one in made.differences
        ]
        return head + table(("Where", "What", "On record", "Made again"), rows, empty="")

    @admin.display(description="Events")
    def events_table(self, row: Decision) -> SafeString:
        """Return what browsers told of the decision, in order: it informs, and proves nothing."""
        told = events.events_of_decision(row.shop_id, row.id)
        titles = queries.titles(row.shop_id, {id_ for one in told for id_ in one.product_ids})
        rows = [
            (
                f"{one.at:%d %b %Y, %H:%M:%S} UTC",
                words.TOPICS.get(one.topic, in_words(one.topic)),
                ", ".join(titles.get(id_, f"product {id_}") for id_ in one.product_ids) or "–",
                one.client_key[:SHORT],
            )
            for one in told
        ]
        heads = ("When", "What", "Products", "Browser")
        return table(
            heads, rows, empty="No browser told of it: nobody saw it, or whoever did had not consented."
        )

    @admin.display(description="Orders")
    def orders_table(self, row: Decision) -> SafeString:
        """Return the orders that belong to this decision, and how that is known."""
        joins = attribution.joins_to(row.shop_id, row.id)
        titles = queries.titles(row.shop_id, {one.product_id for _, one in joins})
        links = _order_links(row.shop_id, {order_id for order_id, _ in joins})
        rows = [
            (
                links.get(order_id, order_id),
                titles.get(one.product_id, f"product {one.product_id}"),
                in_words(one.kind),
                words.VIAS[one.via],
                f"{one.acted_at:%d %b %Y, %H:%M:%S} UTC" if one.acted_at else "–",
            )
            for order_id, one in joins
        ]
        heads = ("Order", "Product", "What the shopper did", "How that is known", "When")
        return table(heads, rows, empty="No order has named this decision yet.")

    @admin.display(description="Feature version")
    def features_told(self, row: Decision) -> str:
        """Return by which features the visitor was known."""
        return _record(row).feature_version or "–"

    @admin.display(description="Credits")
    def credits_table(self, row: Decision) -> SafeString:
        """Return every row of credit, what was taken back included."""
        postings = attribution.postings_to(row.shop_id, row.id)
        links = _order_links(row.shop_id, {order_id for order_id, _ in postings})
        titles = queries.titles(row.shop_id, {one.product_id for _, one in postings})
        rows = [(links.get(order_id, order_id), *posting(one, titles)) for order_id, one in postings]
        return table(("Order", *POSTING_HEADS), rows, empty="It has earned nothing.")


def _record(row: Decision) -> DecisionRecord:
    """Return the decision of a row as the ledger unpacks it, asked for once a page."""
    if not hasattr(row, "record"):
        [row.record] = audit.decisions(row.shop_id, [row.id])  # type: ignore[attr-defined]
    found: DecisionRecord = row.record  # type: ignore[attr-defined]
    return found


def _ingredients(shop_id: int, told: Ingredients) -> list[tuple[str, Cell]]:
    ids = {step.product_id for step in told.past} | {*told.recent, *told.cart, *told.excluded}
    titles = queries.titles(shop_id, ids)

    def named(product_ids: Iterable[int]) -> str:
        return ", ".join(titles.get(id_, f"product {id_}") for id_ in product_ids) or "nothing"

    erased = "erased with the visitor"
    past = [
        f"{named([step.product_id])}: {words.STEPS[step.what]} {step.at:%d %b %Y}"
        for step in told.past[-MOST_STEPS:]
    ]
    return [
        ("Known of the visitor before", erased if told.is_erased else _lines(past, of=len(told.past))),
        ("Looked at in this visit", erased if told.is_erased else named(told.recent)),
        ("In the cart", erased if told.is_erased else named(told.cart)),
        ("Not to be shown", erased if told.is_erased else named(told.excluded)),
        ("Could be shown", f"{told.available:,} products in stock, {told.popular:,} of them kept as popular"),
        ("New since the training", f"{told.new_products:,} products that the model was told of"),
        ("A place for new products", "kept" if told.shows_new_products else "not kept: the merchant's wish"),
        ("Order by chance", _by_chance(told.exploration)),
    ]


def _by_chance(exploration: Exploration | None) -> str:
    if exploration is None:
        return "no: the order could be no other"
    place = exploration.place
    what = "the model's order" if place is None else f"place {place} and the one after it changed"
    return (
        f"{what}, of probability {exploration.propensity:.4f} "
        f"({exploration.mechanism}, epsilon {exploration.epsilon:g}, {exploration.pairs} pairs)"
    )


def _lines(lines: Sequence[str], *, of: int) -> SafeString | str:
    """Return some lines, the newest last, and how many there were before them."""
    if not lines:
        return "nothing"
    before = format_html("{} earlier steps<br>", of - len(lines)) if of > len(lines) else ""
    return format_html("{}{}", before, format_html_join("", "{}<br>", ((one,) for one in lines)))


def _order_links(shop_id: int, order_ids: Collection[int]) -> dict[int, SafeString]:
    """Return orders by id as links, named as people call them."""
    rows = Order.objects.for_shop(shop_id).filter(order_id__in=order_ids)
    return {
        row.order_id: format_html("{} {}", to_row("catalog_order", row.pk, row.name), row.order_id)
        if row.name
        else to_row("catalog_order", row.pk, row.order_id)
        for row in rows
    }


def _pictured(product: ServingProduct | None) -> SafeString | str:
    if product is None:
        return "(no longer in the catalogue)"
    if not product.image_url:
        return product.title
    picture = '<img class="tb-picture" src="{}" alt="" width="40" height="40" loading="lazy">{}'
    return format_html(picture, product.image_url, product.title)


def _score(value: float | None) -> str:
    """Return a score; only its order among one version's within one answer means something."""
    if value is None:
        return "–"
    return f"< {SMALLEST_SCORE:.4f}" if 0 <= value < SMALLEST_SCORE else f"{value:.4f}"


def _explained_table(shop_id: int, explained: Explained) -> SafeString:
    """Return each product with its place as it was asked again, and its place without each cause."""
    ids = {one.product_id for one in explained.items}
    ids |= {cause for one in explained.items for cause, _ in one.removals}
    titles = queries.titles(shop_id, ids)
    rows = [
        (
            one.position,
            titles.get(one.product_id, one.product_id),
            one.told,
            one.proven,
            one.place,
            "; ".join(f"{titles.get(cause, cause)}: {place}" for cause, place in one.removals) or "–",
        )
        for one in explained.items
    ]
    heads = (
        "Shown at",
        "Product",
        "Why, as told",
        "Why, put to the proof",
        "Place when asked again",
        "Place without each cause",
    )
    return table(heads, rows, empty="The model knows none of these products.")

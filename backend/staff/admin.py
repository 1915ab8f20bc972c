"""
The staff dashboard: every row to look at, none to touch.

Django's admin works on models, so this module reads other apps' tables; it is
the only one that does, and it writes nothing.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backend.attribution import queries as attribution
from backend.attribution.models import Credit
from backend.attribution.values import Kind as CreditKind
from backend.audit.models import Decision, LedgerEvent
from backend.audit.values import Channel, Event, Surface
from backend.catalog.models import Import, ImportPart, Order, OrderLine, Product
from backend.catalog.values import ImportState
from backend.core.errors import Failure
from backend.core.text import signed_percent
from backend.monitoring import queries as monitoring
from backend.monitoring.models import RetrainTrigger
from backend.monitoring.values import Kind, Verdict
from backend.registry.models import ModelVersion
from backend.registry.values import VersionState
from backend.rollouts.models import GateDecision, SurfacePointer
from backend.rollouts.values import GateVerdict
from backend.staff import queries, words
from backend.staff.tables import badge, facts, folded, in_words, table, to_row
from backend.staff.values import Explained
from backend.training.models import TrainingRun
from backend.training.values import Reason, RunState
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import DeliveryState

# The storefront and the embedded UI are other sites; there is none to view from here.
admin.site.site_url = None

# Scores of popular products that fill a list up are far below this one.
SMALLEST_SCORE = 0.0001

TONES: Mapping[str, str] = {
    "LIVE": "good",
    "DONE": "good",
    "FAILED": "bad",
    "DEAD": "bad",
    "REJECTED": "bad",
    "CANCELLED": "quiet",
    "RETIRED": "quiet",
    "HELD": "quiet",
    "FIRST": "good",
    "PASSED": "good",
    "QUIET": "good",
    "NOT_ENOUGH_DATA": "quiet",
    "COOLING_DOWN": "quiet",
}


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


def among(name: str, values: type[StrEnum]) -> type[admin.SimpleListFilter]:
    """Return a filter by a column of known values: Django's own would read the whole table for them."""

    class Among(admin.SimpleListFilter):
        title = name
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value.value, in_words(value)) for value in values]

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            return queryset.filter(**{name: self.value()}) if self.value() else queryset

    return Among


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts a whole large table by the planner's estimate; COUNT(*) would read all of it each time."""

    # Below this many rows an exact count costs nothing.
    EXACT_BELOW = 50_000

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, roughly when there are many."""
        rows = self.object_list
        if isinstance(rows, models.QuerySet) and not rows.query.where:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                    [rows.model._meta.db_table],  # noqa: SLF001 -- Django's public name
                )
                estimate: int = cursor.fetchone()[0]
            if estimate >= self.EXACT_BELOW:
                return estimate
        return super().count


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows of every shop, to look at."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    empty_value_display = "–"
    list_per_page = 50
    list_select_related: ClassVar = ["shop"]
    actions = None
    ordering: ClassVar = ("-pk",)
    change_list_template = "staff/change_list.html"
    # Of a row's state or verdict, where it is not plain from its name.
    meanings: ClassVar[Mapping[str, str]] = {}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows of every shop: support staff serve them all."""
        manager: Any = self.model.objects
        if hasattr(manager, "across_shops"):
            rows: models.QuerySet[Any] = manager.across_shops(reason="support staff serve every shop")
        else:
            rows = manager.all()
        return rows.order_by(*self.get_ordering(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with what its states mean below it."""
        told = [(_state_badge(value), meaning) for value, meaning in self.meanings.items()]
        return super().changelist_view(request, {**(extra_context or {}), "meanings": told})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="State", ordering="state")
    def state_badge(self, row: Any) -> SafeString:
        """Return the row's state as a badge."""
        return _state_badge(row.state)

    @admin.display(description="State")
    def state_told(self, row: Any) -> SafeString:
        """Return the row's state with what it means."""
        return _with_meaning(row.state, self.meanings)

    @admin.display(description="Verdict", ordering="verdict")
    def verdict_badge(self, row: Any) -> SafeString:
        """Return the row's verdict as a badge."""
        return _state_badge(row.verdict)

    @admin.display(description="Verdict")
    def verdict_told(self, row: Any) -> SafeString:
        """Return the row's verdict with what it means."""
        return _with_meaning(row.verdict, self.meanings)

    @admin.display(description="Shop", ordering="shop")
    def shop_link(self, row: Any) -> SafeString | str:
        """Return the row's shop as a link."""
        return to_row("shops_shop", row.shop_id, row.shop.domain) if row.shop_id else "–"


def _state_badge(value: str) -> SafeString:
    return badge(in_words(value), TONES.get(value, "busy"))


def _with_meaning(value: str, meanings: Mapping[str, str]) -> SafeString:
    meaning = meanings.get(value)
    return format_html("{} {}", _state_badge(value), meaning) if meaning else _state_badge(value)


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
    list_filter = (
        among("surface", Surface),
        among("channel", Channel),
        WithFallback,
    )
    search_fields = ("id",)
    search_help_text = "An order's id, a decision's id, or a visitor's pseudonym"
    fieldsets = (
        (
            None,
            {"fields": ("id", "shop_link", "moment", "surface_name", "context", "channel_told", "visitor")},
        ),
        ("What was shown", {"fields": ("items_table", "why_link")}),
        ("How it was chosen", {"fields": ("version", "arm", "answer", "requested", "latency", "request_id")}),
        ("What came of it", {"fields": ("orders_table",)}),
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

    @admin.display(description="When", ordering="id")
    def moment(self, row: Decision) -> str:
        """Return the moment to the second: many decisions share a minute."""
        return f"{row.at:%d %b %Y, %H:%M:%S} UTC"

    @admin.display(description="Surface", ordering="surface")
    def surface_name(self, row: Decision) -> str:
        """Return where it was shown, in words."""
        return in_words(row.surface)

    @admin.display(description="Channel", ordering="channel")
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

    @admin.display(description="Version", ordering="version_number")
    def version(self, row: Decision) -> str:
        """Return the version that chose."""
        return f"version {row.version_number}" if row.version_number else "no model"

    @admin.display(description="Answered by", ordering="fallback")
    def answer(self, row: Decision) -> SafeString:
        """Return whether the model filled the whole answer, or why not."""
        return badge(row.fallback.replace("_", " "), "busy") if row.fallback else badge("model", "good")

    @admin.display(description="Latency", ordering="latency_ms")
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
        titles = queries.titles(row.shop_id, [item["product_id"] for item in row.items])
        earned = {credit.product_id for credit in attribution.credits_to(row.shop_id, row.id)}
        rows = [
            (
                item["position"],
                titles.get(item["product_id"], "(no longer in the catalogue)"),
                item["product_id"],
                _score(item["score"]),
                item["why"],
                badge("bought", "good") if item["product_id"] in earned else "",
            )
            for item in row.items
        ]
        heads = ("#", "Product", "Id", "Score", "Why, as the shopper may read it", "Outcome")
        return table(heads, rows, empty="Nothing was shown.")

    @admin.display(description="Orders")
    def orders_table(self, row: Decision) -> SafeString:
        """Return the order lines that this decision earned."""
        credits_ = attribution.credits_to(row.shop_id, row.id)
        titles = queries.titles(row.shop_id, [credit.product_id for credit in credits_])
        orders = Order.objects.for_shop(row.shop_id).filter(order_id__in=[one.order_id for one in credits_])
        ids = dict(orders.values_list("order_id", "id"))
        rows = [
            (
                to_row("catalog_order", ids[credit.order_id], credit.order_id),
                titles.get(credit.product_id, credit.product_id),
                in_words(credit.kind),
            )
            for credit in credits_
            if credit.order_id in ids
        ]
        return table(("Order", "Product", "Earned by"), rows, empty="No order has named this decision yet.")


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


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders, each with every inference behind it."""

    list_display = ("order_id", "processed_at", "shop_link", "customer", "cancelled", "currency")
    ordering: ClassVar = ("-processed_at",)
    search_fields = ("order_id",)
    search_help_text = "An order's id: the long number in its address in the Shopify admin"
    fieldsets = (
        (None, {"fields": ("order_id", "shop_link", "processed_at", "customer", "cancelled")}),
        ("Lines", {"fields": ("lines_table",)}),
        ("Every inference behind this order", {"fields": ("decisions_table",)}),
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
        earned = {credit.line_id: credit for credit in attribution.credits_of(row.shop_id, row.order_id)}
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
            "How it belongs here",
            "Surface",
            "Chosen by",
            "Products",
            "Of these bought",
        )
        return table(heads, rows, empty="No recommendation is known to have led to this order.")


def _earned_by(credit: attribution.CreditInfo | None) -> SafeString | str:
    if credit is None:
        return "–"
    return to_row("audit_decision", credit.decision_id, in_words(credit.kind))


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Model versions with their lineage."""

    list_display = ("__str__", "shop_link", "state_badge", "method", "quality", "purchases", "created_at")
    list_filter = (among("state", VersionState), "served")
    meanings = words.VERSIONS
    fieldsets = (
        (None, {"fields": ("shop_link", "number", "uuid", "state_told", "state_reason", "created_at")}),
        ("What the gate decided", {"fields": ("gate_table",)}),
        ("Quality", {"fields": ("summary", "method", "weights_table", "metrics_table")}),
        (
            "Lineage",
            {
                "fields": (
                    "data_until",
                    "learned_from",
                    "trained_in",
                    "data_hash",
                    "code_revision",
                    "artifact",
                    "manifest_sha256",
                    "mlflow_run",
                    "params_text",
                )
            },
        ),
    )

    @admin.display(description="NDCG@10")
    def quality(self, row: ModelVersion) -> str:
        """Return the quality of what the version serves."""
        served = [
            one["ndcg_at_10"] for one in row.metrics if one["is_served"] and one["ndcg_at_10"] is not None
        ]
        return f"{served[0]:.3f}" if served else "not measured"

    @admin.display(description="Against baselines")
    def metrics_table(self, row: ModelVersion) -> SafeString:
        """Return all models of the training side by side, best first."""
        measured = sorted(row.metrics, key=lambda one: one["ndcg_at_10"] or 0, reverse=True)
        rows = [
            (
                one["label"],
                _with_interval(one),
                _figure(one["recall_at_10"]),
                _figure(one["hit_rate_at_10"]),
                badge("served", "good") if one["is_served"] else "",
            )
            for one in measured
        ]
        return table(
            ("Model", "NDCG@10 (95 % interval)", "Recall@10", "Hit rate@10", "In use"),
            rows,
            empty="Not measured.",
        )

    @admin.display(description="Decisions of the gate")
    def gate_table(self, row: ModelVersion) -> SafeString:
        """Return what the gate said of the version, newest first."""
        found = GateDecision.objects.for_shop(row.shop_id).filter(version_id=row.pk)
        rows = [
            (
                to_row("rollouts_gatedecision", one.pk, f"{one.created_at:%d %b %Y, %H:%M} UTC"),
                _state_badge(one.verdict),
                _gain(one),
                one.words,
                one.actor,
            )
            for one in found.order_by("-created_at")
        ]
        heads = ("When", "Verdict", "Gain (95 % interval)", "In words", "By")
        return table(heads, rows, empty="It has not judged this version.")

    @admin.display(description="What it listens to")
    def weights_table(self, row: ModelVersion) -> SafeString:
        """Return the share of each model in the answer, largest first."""
        labels = {one["model"]: one["label"] for one in row.metrics}
        shares = sorted(row.weights.items(), key=lambda pair: pair[1], reverse=True)
        rows = [(labels.get(model, in_words(model)), f"{share:.1%}") for model, share in shares if share]
        return table(("Model", "Share of the answer"), rows, empty="One method answers alone.")

    @admin.display(description="Method in use", ordering="served")
    def method(self, row: ModelVersion) -> str:
        """Return the name of the method that answers."""
        named = [one["label"] for one in row.metrics if one["is_served"]]
        return named[0] if named else in_words(row.served)

    @admin.display(description="Purchases", ordering="interactions")
    def purchases(self, row: ModelVersion) -> str:
        """Return how many purchases it learned from."""
        return f"{row.interactions:,}"

    @admin.display(description="Learned from")
    def learned_from(self, row: ModelVersion) -> str:
        """Return what it learned from."""
        return f"{row.interactions:,} purchases by {row.customers:,} customers of {row.products:,} products"

    @admin.display(description="Trained in")
    def trained_in(self, row: ModelVersion) -> str:
        """Return how long the training took."""
        return f"{row.train_seconds:.0f} s"

    @admin.display(description="MLflow run")
    def mlflow_run(self, row: ModelVersion) -> SafeString | str:
        """Return the run in MLflow, as a link where a browser reaches it."""
        if not row.mlflow_url:
            return row.mlflow_run_id or "none"
        return format_html('<a href="{}">{}</a>', row.mlflow_url, row.mlflow_run_id)

    @admin.display(description="Parameters")
    def params_text(self, row: ModelVersion) -> SafeString:
        """Return the parameters as they were logged, for whoever trains the same again."""
        return folded("Show all parameters", json.dumps(row.params, indent=2, sort_keys=True))


def _score(value: float | None) -> str:
    """Return a score; only its order within one answer means something."""
    if value is None:
        return "–"
    return f"< {SMALLEST_SCORE:.4f}" if 0 <= value < SMALLEST_SCORE else f"{value:.4f}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _with_interval(metrics: Mapping[str, Any]) -> str:
    if metrics["ndcg_at_10"] is None:
        return "–"
    return f"{metrics['ndcg_at_10']:.3f} ({metrics['ndcg_low']:.3f} to {metrics['ndcg_high']:.3f})"


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    """Training runs, past and present."""

    list_display = (
        "created_at",
        "shop_link",
        "state_badge",
        "reason",
        "requested_by",
        "message",
        "finished_at",
    )
    list_filter = (among("state", RunState), among("reason", Reason))
    meanings = words.RUNS
    fieldsets = (
        (None, {"fields": ("uuid", "shop_link", "state_told", "message", "error", "version")}),
        (
            "When and why",
            {
                "fields": (
                    "reason",
                    "requested_by",
                    "attempts",
                    "created_at",
                    "started_at",
                    "heard_at",
                    "finished_at",
                )
            },
        ),
        ("How it learned", {"fields": ("curve_table",)}),
    )

    @admin.display(description="Version")
    def version(self, row: TrainingRun) -> SafeString | str:
        """Return the version that the training made, as a link."""
        if row.version_id is None:
            return "–"
        made = ModelVersion.objects.for_shop(row.shop_id).filter(uuid=row.version_id).first()
        return to_row("registry_modelversion", made.pk, made) if made else str(row.version_id)

    @admin.display(description="Learning curve")
    def curve_table(self, row: TrainingRun) -> SafeString:
        """Return the curve as numbers."""
        rows = [
            (
                point["epoch"],
                f"{point['seconds']:.0f} s",
                _figure(point["train_loss"]),
                _figure(point["validation_ndcg"]),
            )
            for point in row.curve
        ]
        heads = ("Pass over the data", "After", "Training error", "NDCG@10 on unseen purchases")
        return table(heads, rows, empty="Nothing was learned step by step.")


@admin.register(SurfacePointer)
class SurfacePointerAdmin(ReadOnlyAdmin):
    """Which version answers which surface."""

    list_display = ("surface", "shop_link", "champion", "revision", "moved_at")
    list_select_related: ClassVar = ["shop", "champion"]


@admin.register(GateDecision)
class GateDecisionAdmin(ReadOnlyAdmin):
    """What the gate said of each version, with its evidence."""

    list_display = (
        "created_at", "verdict_badge", "version", "gain", "bar", "customers", "actor", "shop_link",
    )  # fmt: skip
    list_select_related: ClassVar = ["shop", "version", "champion"]
    list_filter = (among("verdict", GateVerdict),)
    meanings = words.GATE
    fieldsets = (
        (None, {"fields": ("shop_link", "version_link", "verdict_told", "in_words")}),
        ("Evidence", {"fields": ("evidence_table",)}),
        ("Who and when", {"fields": ("actor", "created_at", "uuid")}),
    )

    @admin.display(description="Version")
    def version_link(self, row: GateDecision) -> SafeString:
        """Return the version that was judged, as a link."""
        return to_row("registry_modelversion", row.version_id, row.version)

    @admin.display(description="In words")
    def in_words(self, row: GateDecision) -> str:
        """Return the decision in words."""
        return row.words

    @admin.display(description="Gain (95 % interval)", ordering="gain_percent")
    def gain(self, row: GateDecision) -> str:
        """Return the gain over the champion."""
        return _gain(row)

    @admin.display(description="Bar", ordering="bar_percent")
    def bar(self, row: GateDecision) -> str:
        """Return what the shop asked for."""
        return signed_percent(row.bar_percent)

    @admin.display(description="Evidence")
    def evidence_table(self, row: GateDecision) -> SafeString:
        """Return what the decision rests on."""
        return facts(_gate_facts(row), empty="Nothing was measured.")


def _gain(row: GateDecision) -> str:
    if row.gain_percent is None:
        return "not measured"
    low, high = signed_percent(row.low_percent), signed_percent(row.high_percent)
    return f"{signed_percent(row.gain_percent)} ({low} to {high})"


def _gate_facts(row: GateDecision) -> list[tuple[str, object]]:
    """Return the evidence of a decision, line by line; what was not measured has no line."""
    measured: Mapping[str, Any] = row.evidence or {}
    champion = to_row("registry_modelversion", row.champion_id, row.champion) if row.champion_id else "none"
    lines: list[tuple[str, object]] = [
        ("Compared with", champion),
        ("Gain in NDCG@10, with its 95 % interval", _gain(row)),
        ("The shop's bar, which the low end must clear", signed_percent(row.bar_percent)),
        ("Customers asked of both", f"{row.customers:,}"),
    ]
    if row.since and row.until:
        days = f"{row.since:%d %b %Y, %H:%M} to {row.until:%d %b %Y, %H:%M} UTC"
        lines.append(("What they bought from", days))
    scores = (("NDCG@10 of this version", "candidate"), ("NDCG@10 of the other", "champion"))
    lines += [(name, _figure(measured[key])) for name, key in scores if measured.get(key) is not None]
    if measured.get("reason"):
        reason = str(measured["reason"]).removeprefix("not enough data: ")
        lines.append(("Why it could not be measured", reason))
    return lines


@admin.register(RetrainTrigger)
class RetrainTriggerAdmin(ReadOnlyAdmin):
    """What was a reason to train, and what was not."""

    list_display = ("created_at", "verdict_badge", "kind_name", "in_words", "shop_link")
    list_filter = (among("kind", Kind), among("verdict", Verdict))
    meanings = words.TRIGGERS
    fieldsets = (
        (None, {"fields": ("shop_link", "kind_name", "verdict_told", "in_words", "run_link", "created_at")}),
        ("Evidence", {"fields": ("subject_told", "evidence_table", "uuid")}),
    )

    @admin.display(description="Kind", ordering="kind")
    def kind_name(self, row: RetrainTrigger) -> str:
        """Return the kind, in words."""
        return in_words(row.kind)

    @admin.display(description="In words")
    def in_words(self, row: RetrainTrigger) -> str:
        """Return what was found, in words."""
        return row.words

    @admin.display(description="Training")
    def run_link(self, row: RetrainTrigger) -> SafeString | str:
        """Return the training that was asked for, as a link."""
        if row.run_id is None:
            return "none was asked for"
        run = TrainingRun.objects.for_shop(row.shop_id).get(uuid=row.run_id)
        return format_html(
            "{} {}", to_row("training_trainingrun", run.pk, "the run it asked for"), _state_badge(run.state)
        )

    @admin.display(description="Looked at")
    def subject_told(self, row: RetrainTrigger) -> str:
        """Return which data was looked at: a reason found in it is acted on once."""
        return row.subject

    @admin.display(description="Figures")
    def evidence_table(self, row: RetrainTrigger) -> SafeString:
        """Return what was found, line by line."""
        rows = [(figure.name, figure.value) for figure in monitoring.figures(row.evidence)]
        return facts(rows, empty="A person's wish needs no figures.")


@admin.register(Credit)
class CreditAdmin(ReadOnlyAdmin):
    """Order lines that decisions earned."""

    list_display = (
        "placed_at",
        "shop_link",
        "order_id",
        "product_id",
        "earned_by",
        "decision",
        "earned",
    )
    list_filter = (among("kind", CreditKind),)
    ordering: ClassVar = ("-placed_at",)

    @admin.display(description="Earned by", ordering="kind")
    def earned_by(self, row: Credit) -> str:
        """Return what the shopper did with the recommendation, in words."""
        return in_words(row.kind)

    @admin.display(description="Amount", ordering="amount")
    def earned(self, row: Credit) -> str:
        """Return what the line brought in."""
        return f"{row.amount:.2f} {row.currency}"

    @admin.display(description="Decision")
    def decision(self, row: Credit) -> SafeString:
        """Return the decision as a link."""
        return to_row("audit_decision", row.decision_id, row.decision_id)


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

    list_display = ("created_at", "shop_link", "state_badge", "progress", "error", "finished_at")
    list_filter = (among("state", ImportState),)

    @admin.display(description="Progress")
    def progress(self, row: Import) -> str:
        """Return how far each part is."""
        parts = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id).order_by("part")
        return ", ".join(f"{part.part.lower()} {part.done:,}" for part in parts)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What Shopify told us."""

    list_display = ("received_at", "topic", "shop_domain", "state_badge", "attempts", "outcome")
    list_filter = (among("state", DeliveryState),)
    list_select_related: ClassVar = []
    search_fields = ("=delivery_id",)
    search_help_text = "A delivery's id: its X-Shopify-Webhook-Id"

"""Model versions, what the gate said of them, and what answers each shop."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backend.core.text import signed_percent
from backend.registry.models import ModelVersion
from backend.registry.values import purchases_by
from backend.rollouts import queries as rollouts
from backend.rollouts.models import GateDecision, Pointer
from backend.rollouts.values import GateVerdict
from backend.staff import words
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.tables import badge, badge_of, facts, figure, folded, in_words, table, to_row


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Model versions with their lineage."""

    list_display = ("__str__", "shop_link", "method", "quality", "purchases", "created_at")
    list_filter = ("served",)
    fieldsets = (
        (None, {"fields": ("shop_link", "number", "uuid", "standing", "created_at")}),
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

    def thing(self, row: ModelVersion) -> str:
        """Return the number that the merchant knows."""
        return str(row.number)

    @admin.display(description="What it is to its shop")
    def standing(self, row: ModelVersion) -> str:
        """Return what the version is to its shop now, as rollouts tell it."""
        return words.STANDINGS[rollouts.standings(row.shop_id, [row.uuid])[row.uuid]]

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
                figure(one["recall_at_10"]),
                figure(one["hit_rate_at_10"]),
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
                badge_of(one.verdict),
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
        return f"{purchases_by(row.interactions, row.customers)} of {row.products:,} products"

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


def _with_interval(metrics: Mapping[str, Any]) -> str:
    if metrics["ndcg_at_10"] is None:
        return "–"
    return f"{metrics['ndcg_at_10']:.3f} ({metrics['ndcg_low']:.3f} to {metrics['ndcg_high']:.3f})"


@admin.register(Pointer)
class PointerAdmin(ReadOnlyAdmin):
    """Which version answers which shop."""

    list_display = ("shop_link", "champion", "former", "candidate", "percent", "revision", "moved_at")
    list_select_related: ClassVar = ["shop", "champion", "former", "candidate"]


@admin.register(GateDecision)
class GateDecisionAdmin(ReadOnlyAdmin):
    """What the gate said of each version, with its evidence."""

    list_display = (
        "created_at", "verdict_badge", "version", "over_simple", "bar", "gain", "customers", "actor",
        "shop_link",
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

    @admin.display(description="Over the best simple method", ordering="baseline_gain_percent")
    def over_simple(self, row: GateDecision) -> str:
        """Return the gain over the best simple model."""
        return _gain(row, "baseline_")

    @admin.display(description="Beside the champion", ordering="gain_percent")
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


def _gain(row: GateDecision, beside: str = "") -> str:
    """Return a gain with its 95 % interval: over the champion, or over the "baseline_"."""
    gain, low, high = (getattr(row, f"{beside}{name}_percent") for name in ("gain", "low", "high"))
    if gain is None:
        return "not measured"
    return f"{signed_percent(gain)} ({signed_percent(low)} to {signed_percent(high)})"


def _gate_facts(row: GateDecision) -> list[tuple[str, object]]:
    """Return the evidence of a decision, line by line; what was not measured has no line."""
    measured: Mapping[str, Any] = row.evidence or {}
    champion = to_row("registry_modelversion", row.champion_id, row.champion) if row.champion_id else "none"
    lines: list[tuple[str, object]] = [
        *_baseline_facts(row),
        ("Compared with", champion),
        ("Gain in NDCG@10, with its 95 % interval", _gain(row)),
        _least_beside_champion(row),
        ("Customers asked of both", f"{row.customers:,}"),
    ]
    if row.since and row.until:
        days = f"{row.since:%d %b %Y, %H:%M} to {row.until:%d %b %Y, %H:%M} UTC"
        lines.append(("What they bought from", days))
    scores = (("NDCG@10 of this version", "candidate"), ("NDCG@10 of the other", "champion"))
    lines += [(name, figure(measured[key])) for name, key in scores if measured.get(key) is not None]
    ends = (("This version had learned until", "candidate_until"), ("The other until", "champion_until"))
    lines += [(name, measured[key]) for name, key in ends if measured.get(key)]
    if measured.get("reason"):
        reason = str(measured["reason"]).removeprefix("not enough data: ")
        lines.append(("Why it could not be measured", reason))
    return lines


def _baseline_facts(row: GateDecision) -> list[tuple[str, object]]:
    """Return how a version does beside the best simple model; decisions by the former rule asked nothing."""
    if row.margin_percent is None:
        return []
    return [
        ("Best simple method", row.baseline or "not measured"),
        ("Gain over it, with its 95 % interval", _gain(row, "baseline_")),
        ("The shop's bar, which that gain must reach", signed_percent(row.bar_percent)),
        ("Customers asked of both of these", f"{row.baseline_customers:,}"),
    ]


def _least_beside_champion(row: GateDecision) -> tuple[str, object]:
    if row.margin_percent is None:
        return "The shop's bar, which the low end must clear", signed_percent(row.bar_percent)
    return "Lowest that the low end may be", signed_percent(-row.margin_percent)

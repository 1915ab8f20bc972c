"""Rollouts of every shop as their merchants are told of them, with the evidence of each move."""

import json
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from backend.core import clock
from backend.core.errors import Failure
from backend.core.text import signed_percent
from backend.publishing import queries as publishing
from backend.rollouts import queries
from backend.rollouts.models import Rollout
from backend.rollouts.values import (
    LIVE_STATES,
    MetricReport,
    RolloutReport,
    RolloutState,
    StepKind,
    StepReport,
)
from backend.staff import services, words
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.tables import badge_of, facts, folded, table, to_row
from backend.staff.views import actor_of

UTC = ZoneInfo("UTC")

STEP_NAMES = {
    StepKind.SHADOW: "Shadow",
    StepKind.INTERLEAVING: "Interleaving",
    StepKind.AB_TEST: "Experiment",
}


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    """Rollouts. An operator may stop one; nobody of ours starts one."""

    list_display = ("number", "state_badge", "shop_link", "versions", "share", "entered", "why")
    list_select_related: ClassVar = ["shop", "candidate", "champion"]
    list_filter = (among("state", RolloutState),)
    is_growing = True
    meanings = words.ROLLOUTS
    change_form_template = "staff/rollout.html"
    fieldsets = (
        (None, {"fields": ("shop_link", "state_told", "standing", "next_told", "why", "versions_linked")}),
        ("The way", {"fields": ("steps_table", "split_table")}),
        (
            "What it showed",
            {"fields": ("metrics_table", "guards_table", "interleaving_table", "shadow_table")},
        ),
        ("What happened", {"fields": ("timeline_table", "moves_table")}),
        ("Plan", {"fields": ("plan_text", "uuid")}),
    )

    def get_urls(self) -> list[Any]:
        """Return the addresses of rollouts, with the one that stops one."""
        stop = self.admin_site.admin_view(self.stop)
        return [path("<int:rollout_id>/stop/", stop, name="rollouts_rollout_stop"), *super().get_urls()]

    @method_decorator(require_POST)
    def stop(self, request: HttpRequest, rollout_id: int) -> HttpResponse:
        """Take a rollout back, for a reason that its merchant reads."""
        if not request.user.has_perm("rollouts.change_rollout"):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=rollout_id)
        reason = request.POST.get("reason", "")
        try:
            services.stop_rollout(row.shop_id, row.uuid, reason=reason, by=actor_of(request), now=clock.now())
        except Failure as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "The rollout was taken back.")
        return redirect("admin:rollouts_rollout_change", rollout_id)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        """Show a rollout, with the way to stop it while it is under way."""
        context["can_stop"] = (
            obj is not None
            and RolloutState(obj.state) in LIVE_STATES
            and request.user.has_perm("rollouts.change_rollout")
        )
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def thing(self, row: Rollout) -> str:
        """Return the number that the merchant knows."""
        return str(row.number)

    @admin.display(description="Versions")
    def versions(self, row: Rollout) -> str:
        """Return which version is compared with which."""
        return f"v{row.candidate.number} against v{row.champion.number}"

    @admin.display(description="Versions")
    def versions_linked(self, row: Rollout) -> SafeString:
        """Return both versions as links."""
        named = (("New", row.candidate), ("In use", row.champion))
        return facts(
            [(name, to_row("registry_modelversion", one.pk, f"version {one.number}")) for name, one in named],
            empty="",
        )

    @admin.display(description="Share")
    def share(self, row: Rollout) -> str:
        """Return the share of visitors who see the new version."""
        return f"{row.percent}%"

    @admin.display(description="Since (UTC)")
    def entered(self, row: Rollout) -> str:
        """Return when it came to its state."""
        return f"{row.entered_at:%d %b %Y, %H:%M}"

    @admin.display(description="Why")
    def why(self, row: Rollout) -> str:
        """Return why it stands where it stands."""
        return row.words

    @admin.display(description="Where it stands")
    def standing(self, row: Rollout) -> str:
        """Return the sentences that the merchant reads."""
        told = _report(row).summary
        return " ".join(part for part in (told.headline, told.finding, told.outlook) if part)

    @admin.display(description="What happens next")
    def next_told(self, row: Rollout) -> str:
        """Return what comes, when at the earliest, and what it waits for."""
        told = _report(row).summary
        coming, waits_for = told.next_move, told.rollout.waits_for
        at = f" Not before {coming.at:%d %b %Y, %H:%M} UTC." if coming.at else ""
        waits = f" It waits: {waits_for}" if waits_for else ""
        return f"{coming.words}{at}{waits}" or "Nothing: it has ended."

    @admin.display(description="Steps")
    def steps_table(self, row: Rollout) -> SafeString:
        """Return every step of the plan, and when it was reached."""
        told = [(_step_name(one), badge_of(one.progress), _moment(one.since)) for one in _report(row).steps]
        return table(("Step", "Is", "Since"), told, empty="No steps.")

    @admin.display(description="Live split")
    def split_table(self, row: Rollout) -> SafeString:
        """Return who sees what now."""
        found = _report(row).split
        if found is None:
            return facts([], empty="It has ended: nobody is split.")
        shares = (("New version", found.candidate), ("In use, compared", found.control))
        others = (("In use, the rest", found.rest), ("Holdout", found.holdout))
        return facts([(name, f"{share:g}%") for name, share in (*shares, *others)], empty="")

    @admin.display(description="Metrics")
    def metrics_table(self, row: Rollout) -> SafeString:
        """Return the new version against the one in use, each metric with its interval."""
        told = [_metric(one) for one in _report(row).metrics]
        heads = ("Metric", "Interval", "Must stay above", "Visitors, new and in use", "Verdict", "In words")
        return table(heads, told, empty="Nothing was measured.")

    @admin.display(description="Guardrails")
    def guards_table(self, row: Rollout) -> SafeString:
        """Return the technical guardrails."""
        told = [(one.name, badge_of(one.verdict), one.candidate, one.champion) for one in _report(row).guards]
        return table(("Guardrail", "Verdict", "New version", "In use"), told, empty="Nothing was counted.")

    @admin.display(description="Shadow")
    def shadow_table(self, row: Rollout) -> SafeString:
        """Return what the shadow measured."""
        shadow = _report(row).shadow
        told = [(one.name, f"{one.value} {one.words}".strip()) for one in shadow.figures] if shadow else []
        lines = [("In words", shadow.words), *told] if shadow else []
        return facts(lines, empty="It had no shadow.")

    @admin.display(description="Interleaving")
    def interleaving_table(self, row: Rollout) -> SafeString:
        """Return whose products visitors clicked first in lists of both versions."""
        found = _report(row).interleaving
        told = (
            [
                ("In words", found.words),
                ("New version", f"{found.candidate:,}"),
                ("In use", f"{found.champion:,}"),
            ]
            if found
            else []
        )
        return facts(told, empty="Its lists were not mixed.")

    @admin.display(description="Timeline")
    def timeline_table(self, row: Rollout) -> SafeString:
        """Return what happened, newest first, with what else changed in the shop."""
        told = [(_moment(one.at), one.title, one.words, one.actor) for one in _report(row).timeline]
        return table(("When", "What", "In words", "By"), told, empty="Nothing yet.")

    @admin.display(description="Moves and their evidence")
    def moves_table(self, row: Rollout) -> SafeString:
        """Return every move with everything that was known when it was made."""
        told = [
            (
                _moment(one.at),
                badge_of(one.state),
                folded("Show the evidence", json.dumps(dict(one.evidence), indent=2, sort_keys=True)),
            )
            for one in reversed(queries.moves_of(row.shop_id, row.uuid))
        ]
        return table(("When", "To", "Evidence"), told, empty="It was not moved yet.")

    @admin.display(description="Plan")
    def plan_text(self, row: Rollout) -> SafeString:
        """Return the plan that it was opened with."""
        return folded("Show the plan", json.dumps(row.plan, indent=2, sort_keys=True))


def _report(row: Rollout) -> RolloutReport:
    """Return the report of a row, made once for all parts of its page."""
    known: RolloutReport | None = getattr(row, "told_report", None)
    if known is None:
        known = queries.rollout_report(
            row.shop_id,
            row.uuid,
            actor="system",
            zone=UTC,
            now=clock.now(),
            judge=publishing.verdicts_with_lists,
        )
        row.told_report = known  # type: ignore[attr-defined]
    return known


def _step_name(step: StepReport) -> str:
    name = STEP_NAMES.get(step.kind)
    share = f"{step.percent}% of visitors"
    return name if name and not step.percent else f"{name}, {share}" if name else share


def _moment(at: Any) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC" if at else "–"


def _metric(metric: MetricReport) -> tuple[object, ...]:
    known = metric.low is not None and metric.high is not None
    interval = f"{signed_percent(metric.low)} to {signed_percent(metric.high)}" if known else "not known yet"
    bound = signed_percent(metric.bound) if metric.bound is not None else "only informs"
    visitors = f"{metric.candidate_visitors:,} and {metric.control_visitors:,}"
    return metric.name, interval, bound, visitors, badge_of(metric.verdict), metric.words

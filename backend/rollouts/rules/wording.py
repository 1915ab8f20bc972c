"""A rollout in plain sentences, for merchants and staff alike: with intervals, never a bare p-value."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from backend.rollouts.rules.interleaving import interleaving_offer
from backend.rollouts.rules.judging import (
    GUARDRAILS,
    METRIC_NAMES,
    interval_words,
    left_words,
    outlasts,
    required,
)
from backend.rollouts.rules.moves import HALF, is_interleaved
from backend.rollouts.rules.plans import PLAN_LIMITS
from backend.rollouts.rules.power import StepForecast
from backend.rollouts.values import (
    Change,
    ChangeKind,
    Difference,
    EntryKind,
    Exposures,
    Metric,
    Rollout,
    RolloutPlan,
    RolloutState,
    TimelineEntry,
    Verdict,
)

# As far back as a day of the week says which day is meant.
NAMED_DAYS: Final = 6


def day_and_time(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """Return a moment on a shop's clock as people say it: "14:05 today", "Tuesday", "21 Nov"."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    clock, days = f"{local:%H:%M}", (local.date() - today).days
    near = {0: f"{clock} today", -1: f"{clock} yesterday", 1: f"{clock} tomorrow"}
    if days in near:
        return near[days]
    day = f"{local:%A}" if abs(days) <= NAMED_DAYS else f"{local.day} {local:%b}"
    return f"{day} at {clock}" if days > 0 else day


def on_day(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """Return a moment behind "rolled back": "at 14:05 today", "on Tuesday"."""
    words = day_and_time(at, now=now, zone=zone)
    return f"at {words}" if words[0].isdigit() and ":" in words else f"on {words}"


def headline(rollout: Rollout, *, now: datetime, zone: ZoneInfo) -> str:
    """Return where a rollout stands: "Shown to 5% of visitors since Tuesday."."""
    since = day_and_time(rollout.entered_at, now=now, zone=zone)
    when = on_day(rollout.ended_at or rollout.entered_at, now=now, zone=zone)
    seen = _seen(rollout)
    return {
        RolloutState.DRAFT: "Waits for its start: nobody sees it.",
        RolloutState.SHADOW: (
            f"Shown to nobody since {since}: its lists are compared with what shoppers really see."
        ),
        RolloutState.INTERLEAVED: (
            f"In personal lists since {since}: each holds products of both versions, chosen in turns."
        ),
        RolloutState.CANARY: f"Shown to {rollout.percent}% of visitors since {since}.",
        RolloutState.HOLD: (
            f"Shown to {rollout.percent}% of visitors since {since}, "
            f"as an experiment of at least {rollout.plan.ab_days} days."
        ),
        RolloutState.PAUSED: f"Paused since {since}: {seen} until you decide.",
        RolloutState.INCONCLUSIVE: f"Without a clear answer since {since}: {seen} until you decide.",
        RolloutState.PROMOTED: f"Promoted {when}: it took the place of version {rollout.champion_number}.",
        RolloutState.ROLLED_BACK: f"Rolled back {when}, to version {rollout.champion_number}.",
        RolloutState.SUPERSEDED: f"A newer version took its place {when}, before anybody saw it.",
        RolloutState.ABORTED: f"Ended {when}, before anybody saw it.",
    }[rollout.state]


def _seen(rollout: Rollout) -> str:
    if is_interleaved(rollout):
        return "personal lists hold products of both versions"
    return f"{rollout.percent}% of visitors see it" if rollout.percent else "nobody sees it"


def finding(differences: Sequence[Difference], *, as_of: str = "") -> str:
    """
    Return what a rollout showed: the interval of revenue, or that there is none.

    :param as_of: when it was last measured, of one that has ended; empty while it goes on
    """
    revenue = next((one for one in differences if one.metric is Metric.REVENUE), None)
    if revenue is None or not as_of:
        return interval_words(revenue) if revenue else ""
    if revenue.low is None:
        return f"{METRIC_NAMES[Metric.REVENUE]}: too few orders to say anything."
    return f"{interval_words(revenue).removesuffix('.')}, as of {as_of}."


def bound(metric: Metric, plan: RolloutPlan) -> float | None:
    """Return what the low end of a metric must clear to go on, in percent; None where nothing is asked."""
    return required(metric, plan) if metric in GUARDRAILS else None


def verdict_words(difference: Difference, plan: RolloutPlan) -> str:
    """Return what the interval of a metric says, in a sentence that stands beside it."""
    least = bound(difference.metric, plan)
    proven = "better" if least is not None and least >= 0 else "no worse"
    if difference.verdict is Verdict.SUCCESS and least is None:
        return "It informs, and decides nothing."
    return {
        Verdict.SUCCESS: f"It is {proven} than the version in use.",
        Verdict.FAILED: "It is worse than the version in use.",
        Verdict.ERROR: "It can't be measured now.",
        Verdict.INCONCLUSIVE: f"It was measured for long, and is neither worse nor clearly {proven}.",
        Verdict.NOT_ENOUGH: (
            f"Not known yet: both groups together need {_needed(difference.metric, plan)}."
            if difference.low is None
            else f"Not narrow enough yet to say that it is {proven} than the version in use."
        ),
    }[difference.verdict]


def _needed(metric: Metric, plan: RolloutPlan) -> str:
    """Return what both arms need before a metric says anything, as ``compare_metrics`` asks it."""
    name = METRIC_NAMES[metric]
    what = "orders" if metric in GUARDRAILS else f"{name[0].lower()}{name[1:]}"
    return f"{2 * plan.min_orders:,} {what}"


def sample_words(exposures: Exposures) -> str:
    """Return whether both arms hold as many visitors as the draw gives; empty before anybody was counted."""
    candidate, control = exposures.candidate, exposures.control
    if not candidate + control:
        return ""
    words = "Both groups are of the sizes that were drawn."
    if exposures.is_mismatched:
        words = (
            f"{candidate:,} visitors saw the new version and {control:,} the one in use, "
            "which should be as many. One of them is counted worse, so nothing is decided by them."
        )
    return f"{words} {_mixed_words(exposures)}".strip()


def _mixed_words(exposures: Exposures) -> str:
    """Return how many visitors met both versions, which makes a difference look smaller than it is."""
    if not exposures.in_both_arms:
        return ""
    visitors = exposures.candidate + exposures.control
    told = f"{exposures.in_both_arms:,} of {visitors:,} visitors were in both groups"
    return f"{told}: their browser had forgotten which. Each counts where it was first."


WHAT_TELLS_MORE: Final = (
    "What tells more: your last 30 days looked back at, a longer shadow, what changes page by page."
)


def advice(
    forecasts: Sequence[StepForecast], plan: RolloutPlan, *, clickers_per_day: float = 0.0
) -> tuple[str, ...]:
    """
    Return what a shop's own traffic can tell of a new version, and by when; else what tells more.

    :param clickers_per_day: visitors who click a product of a personal list
    """
    told = tuple(_told_forecast(one, plan) for one in forecasts)
    if all(one.can_be_judged for one in forecasts):
        return told
    if not any(one.can_be_judged for one in forecasts):
        told = (f"At your traffic no share of visitors can be judged by its orders in {plan.max_days} days.",)
    offer = interleaving_offer(clickers_per_day, plan, most_days=PLAN_LIMITS["interleave_days"][1])
    return (*told, WHAT_TELLS_MORE, offer) if offer else (*told, WHAT_TELLS_MORE)


def _told_forecast(forecast: StepForecast, plan: RolloutPlan) -> str:
    if not forecast.can_be_judged:
        return f"{forecast.percent}% of visitors can't be judged by their orders in {plan.max_days} days."
    days = max(1, math.ceil(forecast.days))
    named = "1 day" if days == 1 else f"{days} days"
    return f"{forecast.percent}% of visitors can be judged by their orders in about {named}."


def change_entry(change: Change) -> TimelineEntry:
    """Return what else changed in a shop as a rollout's timeline tells it."""
    waits = " A promotion waits until it is over." if change.is_confounding else ""
    title = CHANGE_TITLES[change.kind]
    return TimelineEntry(change.began_at, EntryKind.CHANGE, title, f"{change.words}{waits}")


CHANGE_TITLES: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.THEME: "A new theme was published",
    ChangeKind.SALE: "A sale",
    ChangeKind.SHOPIFY_ROLLOUT: "A rollout of Shopify's own",
    ChangeKind.CURRENCY: "The shop's currency changed",
    ChangeKind.SETTINGS: "A setting was changed",
}


UNDECIDED: Final = frozenset({RolloutState.CANARY, RolloutState.HOLD})
WHAT_DECIDES: Final = (
    "Look back at your last 30 days and at what changes page by page, then promote it or go back."
)


def outlook(rollout: Rollout, *, left: float | None, elapsed_days: float) -> str:
    """
    Return how long a rollout still needs: "Needs about 6 more days."; empty where it needs nothing.

    :param left: days until revenue is judged; None while nobody knows
    :param elapsed_days: since two arms were first compared
    """
    if rollout.state not in UNDECIDED or rollout.percent > HALF:
        return ""
    most = rollout.plan.max_days
    words = left_words(left, elapsed_days=elapsed_days, most_days=most)
    is_hopeless = outlasts(left, elapsed_days=elapsed_days, most_days=most)
    return f"{words} {WHAT_DECIDES}" if is_hopeless else words


MOVE_TITLES: Final[Mapping[RolloutState, str]] = {
    RolloutState.DRAFT: "Opened",
    RolloutState.SHADOW: "Shadow began",
    RolloutState.INTERLEAVED: "Interleaving began",
    RolloutState.CANARY: "Shown to {percent}% of visitors",
    RolloutState.HOLD: "Experiment began, {percent}% of visitors",
    RolloutState.PAUSED: "Paused",
    RolloutState.INCONCLUSIVE: "No clear answer",
    RolloutState.PROMOTED: "Promoted",
    RolloutState.ROLLED_BACK: "Rolled back",
    RolloutState.SUPERSEDED: "Replaced by a newer version",
    RolloutState.ABORTED: "Ended",
}

"""What people are told of a rollout, in words."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from backend.rollouts import rules
from backend.rollouts.rules import StepForecast
from backend.rollouts.rules.wording import WHAT_DECIDES, day_and_time
from backend.rollouts.values import (
    ArmSums,
    Change,
    ChangeKind,
    Difference,
    Exposures,
    Judged,
    Metric,
    Moment,
    NextMove,
    Requirement,
    Rollout,
    RolloutAction,
    RolloutMove,
    RolloutPlan,
    RolloutState,
    StepKind,
    StepProgress,
    Verdict,
)

LONDON = ZoneInfo("Europe/London")
# A Friday.
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MOMENT = Moment(NOW, NOW.date())
ROLLOUT = UUID("0192f0a1-0000-7000-8000-0000000000e1")


DEFAULT_PLAN = RolloutPlan()


def a_rollout(
    state: RolloutState = RolloutState.CANARY,
    *,
    step: int = 0,
    percent: int = 5,
    plan: RolloutPlan = DEFAULT_PLAN,
    former_state: RolloutState | None = None,
    shown_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> Rollout:
    return Rollout(
        id=ROLLOUT,
        shop_id=1,
        number=3,
        candidate_id=UUID(int=8),
        candidate_number=8,
        champion_id=UUID(int=7),
        champion_number=7,
        state=state,
        step=step,
        percent=percent,
        plan=plan,
        opened_at=TUESDAY - timedelta(days=1),
        entered_at=TUESDAY,
        shown_at=TUESDAY if step >= 0 else shown_at,
        ended_at=ended_at,
        revision=3,
        former_state=former_state,
    )


def a_move(state: RolloutState, *, step: int, percent: int, days: float = 0) -> RolloutMove:
    at = TUESDAY + timedelta(days=days)
    return RolloutMove(ROLLOUT, at, state, step, percent, "system", "It held.")


SHADOW = a_move(RolloutState.SHADOW, step=-1, percent=0, days=-1)
AT_5 = a_move(RolloutState.CANARY, step=0, percent=5)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW - timedelta(hours=2), "10:00 today"),
        (NOW - timedelta(hours=13), "23:00 yesterday"),
        (TUESDAY, "Tuesday"),
        (NOW - timedelta(days=7), "20 Nov"),
        (NOW + timedelta(hours=13), "01:00 tomorrow"),
        (NOW + timedelta(days=4), "Tuesday at 12:00"),
        (NOW + timedelta(days=20), "17 Dec at 12:00"),
    ],
)
def test_a_moment_is_said_as_people_say_it(at: datetime, words: str) -> None:
    assert day_and_time(at, now=NOW, zone=LONDON) == words


def test_moments_are_those_of_the_shops_clock() -> None:
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)

    assert day_and_time(late, now=NOW, zone=LONDON) == "23:30 yesterday"
    assert day_and_time(late, now=NOW, zone=ZoneInfo("Asia/Tokyo")) == "08:30 today"


@pytest.mark.parametrize(
    ("rollout", "words"),
    [
        (a_rollout(), "Shown to 5% of visitors since Tuesday."),
        (
            a_rollout(RolloutState.SHADOW, percent=0, step=-1),
            "Shown to nobody since Tuesday: its lists are compared with what shoppers really see.",
        ),
        (
            a_rollout(RolloutState.PAUSED, former_state=RolloutState.CANARY),
            "Paused since Tuesday: 5% of visitors see it until you decide.",
        ),
        (
            a_rollout(
                RolloutState.ROLLED_BACK, percent=0, ended_at=datetime(2026, 11, 27, 9, 14, tzinfo=UTC)
            ),
            "Rolled back at 09:14 today, to version 7.",
        ),
        (
            a_rollout(RolloutState.PROMOTED, percent=100, step=3),
            "Promoted on Tuesday: it took the place of version 7.",
        ),
    ],
)
def test_a_rollout_says_where_it_stands(rollout: Rollout, words: str) -> None:
    assert rules.headline(rollout, now=NOW, zone=LONDON) == words


@pytest.mark.parametrize("state", RolloutState)
def test_every_state_has_words(state: RolloutState) -> None:
    assert rules.headline(a_rollout(state, ended_at=NOW), now=NOW, zone=LONDON).endswith(".")
    assert rules.move_entry(a_move(state, step=0, percent=5)).title


def test_steps_tell_what_is_over_and_what_is_still_to_come() -> None:
    steps = rules.step_reports(a_rollout(), [SHADOW, AT_5])

    assert [(one.percent, one.progress, one.since) for one in steps] == [
        (0, StepProgress.DONE, SHADOW.at),
        (5, StepProgress.CURRENT, AT_5.at),
        (25, StepProgress.AHEAD, None),
        (50, StepProgress.AHEAD, None),
        (100, StepProgress.AHEAD, None),
    ]


def test_a_paused_rollout_stands_at_the_step_where_it_was_paused() -> None:
    paused = a_rollout(RolloutState.PAUSED, former_state=RolloutState.CANARY)

    steps = rules.step_reports(paused, [SHADOW, AT_5, a_move(RolloutState.PAUSED, step=0, percent=5)])

    assert [one.percent for one in steps if one.progress is StepProgress.CURRENT] == [5]


def test_steps_of_a_rollout_that_went_back_are_those_that_it_reached() -> None:
    back = a_rollout(RolloutState.ROLLED_BACK, percent=0, ended_at=NOW)

    steps = rules.step_reports(back, [SHADOW, AT_5, a_move(RolloutState.ROLLED_BACK, step=0, percent=0)])

    assert [one.percent for one in steps if one.progress is StepProgress.DONE] == [0, 5]
    assert not [one for one in steps if one.progress is StepProgress.CURRENT]


def test_an_experiment_stands_between_half_and_everybody() -> None:
    plan = RolloutPlan(ab_days=7)
    held = a_move(RolloutState.HOLD, step=2, percent=50, days=3)

    steps = rules.step_reports(a_rollout(RolloutState.HOLD, step=2, percent=50, plan=plan), [SHADOW, held])

    assert [(one.kind, one.percent) for one in steps[-3:]] == [
        (StepKind.SHARE, 25),
        (StepKind.AB_TEST, 50),
        (StepKind.SHARE, 100),
    ]
    assert [one.kind for one in steps if one.progress is StepProgress.CURRENT] == [StepKind.AB_TEST]


@pytest.mark.parametrize(
    ("percent", "holdout", "shares"),
    [
        (5, 0, (5, 5, 90, 0)),
        (50, 0, (50, 50, 0, 0)),
        (75, 0, (75, 25, 0, 0)),
        (5, 10, (4.5, 4.5, 81, 10)),
        (0, 0, (0, 0, 100, 0)),
        (100, 5, (95, 0, 0, 5)),
    ],
)
def test_the_live_split_is_of_all_visitors(percent: int, holdout: int, shares: tuple[float, ...]) -> None:
    found = rules.split(a_rollout(percent=percent), holdout=holdout)

    assert found is not None
    assert (found.candidate, found.control, found.rest, found.holdout) == shares


def test_a_rollout_that_has_ended_splits_nobody() -> None:
    assert rules.split(a_rollout(RolloutState.PROMOTED, percent=100, ended_at=NOW), holdout=0) is None


def test_what_comes_next_says_what_is_asked_and_the_earliest_moment() -> None:
    words = "Next: 100% of visitors, once revenue per visitor is shown to be no worse than −5.0%."
    before = Moment(TUESDAY, TUESDAY.date())
    assert rules.coming(a_rollout(step=2, percent=50), before) == NextMove(
        words, TUESDAY + timedelta(hours=24)
    )
    # A moment that is over says nothing.
    assert rules.coming(a_rollout(step=2, percent=50), MOMENT) == NextMove(words)
    better = replace(RolloutPlan(), requirement=Requirement.BETTER)
    assert "shown to be better" in rules.coming(a_rollout(step=2, percent=50, plan=better), MOMENT).words
    assert rules.coming(a_rollout(RolloutState.PAUSED), MOMENT).at is None
    assert rules.coming(a_rollout(RolloutState.ROLLED_BACK, ended_at=NOW), MOMENT) == NextMove("")


@pytest.mark.parametrize("state", RolloutState)
def test_who_may_not_widen_may_still_go_back(state: RolloutState) -> None:
    everything = set(rules.offered_actions(a_rollout(state), may_widen=True, is_champion=True))

    offered = set(rules.offered_actions(a_rollout(state), may_widen=False, is_champion=True))

    assert offered == everything - rules.WIDENING


def test_a_promotion_is_undone_only_while_its_version_answers() -> None:
    promoted = a_rollout(RolloutState.PROMOTED, percent=100, ended_at=NOW)

    assert rules.offered_actions(promoted, may_widen=True, is_champion=True) == (RolloutAction.UNDO,)
    assert rules.offered_actions(promoted, may_widen=True, is_champion=False) == ()


def a_difference(
    verdict: Verdict, *, low: float | None = -1.2, metric: Metric = Metric.REVENUE
) -> Difference:
    arm = ArmSums(10_000, Decimal(15_000), Decimal(99_000))
    high = None if low is None else 3.0
    return Difference(metric, arm, arm, None if low is None else 0.9, low, high, verdict)


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (a_difference(Verdict.SUCCESS), "It is no worse than the version in use."),
        (a_difference(Verdict.FAILED), "It is worse than the version in use."),
        (
            a_difference(Verdict.NOT_ENOUGH, low=None),
            "Not known yet: both groups together need 400 orders.",
        ),
        (
            a_difference(Verdict.NOT_ENOUGH, low=None, metric=Metric.CLICK_THROUGH),
            "Not known yet: both groups together need 400 visitors who click.",
        ),
        (
            a_difference(Verdict.SUCCESS, metric=Metric.CLICK_THROUGH),
            "It informs, and decides nothing.",
        ),
    ],
)
def test_a_verdict_is_a_sentence(difference: Difference, words: str) -> None:
    assert rules.verdict_words(difference, RolloutPlan()) == words


def test_a_finding_is_an_interval_and_never_a_bare_figure() -> None:
    assert rules.finding([a_difference(Verdict.SUCCESS)]) == "Revenue per visitor between −1.2% and +3.0%."
    assert rules.finding([a_difference(Verdict.NOT_ENOUGH, low=None)]) == (
        "Revenue per visitor: too few orders to say anything yet."
    )
    assert rules.finding([]) == ""


def test_what_has_ended_says_when_it_was_measured_last() -> None:
    known, unknown = a_difference(Verdict.SUCCESS), a_difference(Verdict.NOT_ENOUGH, low=None)

    assert rules.finding([known], as_of="09:14 today") == (
        "Revenue per visitor between −1.2% and +3.0%, as of 09:14 today."
    )
    assert rules.finding([unknown], as_of="Tuesday") == (
        "Revenue per visitor: too few orders to say anything."
    )


@pytest.mark.parametrize(
    ("rollout", "left", "words"),
    [
        (a_rollout(), 5.2, "Needs about 6 more days."),
        (
            a_rollout(),
            14_586.2,
            f"With this shop's traffic it can't be decided in 60 days. {WHAT_DECIDES}",
        ),
        (a_rollout(RolloutState.HOLD, percent=50, step=2), None, "How long it takes can't be told yet."),
        # Nobody is left to compare with.
        (a_rollout(percent=100, step=3), 40.0, ""),
        (a_rollout(RolloutState.PAUSED, former_state=RolloutState.CANARY), 5.2, ""),
    ],
)
def test_how_long_it_takes_is_told_while_it_is_measured(
    rollout: Rollout, left: float | None, words: str
) -> None:
    assert rules.outlook(rollout, left=left, elapsed_days=2) == words


@pytest.mark.parametrize("state", RolloutState)
def test_no_sentence_promises_every_visitor(state: RolloutState) -> None:
    """Those without consent, script or a second visit see a candidate only as the champion."""
    rollout = a_rollout(state, percent=100, step=2, ended_at=NOW)
    told = rules.headline(rollout, now=NOW, zone=LONDON), rules.coming(rollout, MOMENT).words

    assert "very visitor" not in " ".join(told)
    assert "verybody" not in " ".join(told)


COUNTED = {"answers": 300, "errors": 24, "fatal": 0, "p95_ms": 9.5}
QUIET = {"errors": 0.0, "latency": 0.0, "both_errors": 0.0, "both_latency": 0.0}


def a_guard_verdict(verdict: Verdict = Verdict.NOT_ENOUGH, **logs: float) -> Judged:
    pace = {"answers_per_second": 20.0, "seconds_to_detect": 502.0}
    arms = {"candidate": COUNTED, "champion": COUNTED | {"answers": 5700, "errors": 52}}
    return Judged(verdict, "", arms | {"log_evidence": QUIET | logs} | pace)


def test_guardrails_tell_what_was_counted_and_how_long_harm_stays_unseen() -> None:
    fatal, errors, slow, both = rules.told_guards(a_guard_verdict(), percent=5)

    assert (fatal.candidate, fatal.notice_seconds) == ("0 of 300", 3.0)
    assert (errors.candidate, errors.champion) == ("24 of 300", "52 of 5,700")
    assert (errors.verdict, errors.notice_seconds) == (Verdict.NOT_ENOUGH, 502.0)
    assert slow.candidate == "19 of 20 within 9.5 ms"
    # Sixteen half minutes, at any rate.
    assert both.notice_seconds == 480


def test_the_guardrail_that_convicts_is_named_and_the_others_are_not() -> None:
    told = rules.told_guards(a_guard_verdict(Verdict.FAILED, errors=8.0), percent=5)

    assert [one.name for one in told if one.verdict is Verdict.FAILED] == ["Errors"]


def test_before_the_first_answer_there_is_no_guardrail_to_tell_of() -> None:
    assert rules.told_guards(Judged(Verdict.NOT_ENOUGH, "Nobody was answered yet."), percent=5) == ()


@pytest.mark.parametrize(
    ("forecasts", "words"),
    [
        ((StepForecast(5, 140.0, False),), "At your traffic no share of visitors can be judged"),
        (
            (StepForecast(5, 140.0, False), StepForecast(50, 13.2, True)),
            "5% of visitors can't be judged by their orders in 60 days.",
        ),
        ((StepForecast(50, 13.2, True),), "50% of visitors can be judged by their orders in about 14 days."),
        ((StepForecast(50, math.inf, False),), "At your traffic no share"),
    ],
)
def test_a_shop_is_told_what_its_traffic_can_tell(forecasts: tuple[StepForecast, ...], words: str) -> None:
    assert rules.advice(forecasts, RolloutPlan())[0].startswith(words)


@pytest.mark.parametrize(
    ("can_be_judged", "offers"), [((False, False), True), ((False, True), True), ((True, True), False)]
)
def test_where_a_step_cannot_be_judged_advice_offers_what_tells_more(
    can_be_judged: tuple[bool, bool], offers: bool
) -> None:
    forecasts = [
        StepForecast(percent, 20.0, judged) for percent, judged in zip((5, 25), can_be_judged, strict=True)
    ]

    assert ("What tells more" in rules.advice(forecasts, RolloutPlan())[-1]) is offers


def test_groups_that_are_not_of_the_drawn_sizes_are_said_to_be_so() -> None:
    assert rules.sample_words(Exposures()) == ""
    assert rules.sample_words(Exposures(900, 1200, NOW, is_mismatched=True)).startswith(
        "900 visitors saw the new version and 1,200 the one in use"
    )
    assert rules.sample_words(Exposures(900, 900, NOW, in_both_arms=12)) == (
        "Both groups are of the sizes that were drawn. 12 of 1,800 visitors were in both groups: "
        "their browser had forgotten which. Each counts where it was first."
    )


def test_what_a_promotion_waits_for_says_so_on_the_timeline() -> None:
    sale = Change(ChangeKind.SALE, NOW, None, "Prices fell.", is_confounding=True)

    assert rules.change_entry(sale).words == "Prices fell. A promotion waits until it is over."
    assert rules.change_entry(replace(sale, is_confounding=False)).words == "Prices fell."


@pytest.mark.parametrize("kind", ChangeKind)
def test_every_other_change_has_a_title(kind: ChangeKind) -> None:
    assert rules.change_entry(Change(kind, NOW, None, "It changed.")).title

"""Which move follows from what is known of a rollout."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from backend.audit.values import ActorKind
from backend.rollouts import rules
from backend.rollouts.values import (
    ENDED_STATES,
    Autonomy,
    BadPlan,
    Freeze,
    Move,
    RolloutAction,
    RolloutPlan,
    RolloutSettings,
    RolloutState,
    Stop,
    Verdict,
    Verdicts,
    Wait,
)
from tests.backend.history import NOW

from .rollouts import GOOD, HEALTHY, a_moment, a_rollout, judged

ON = RolloutSettings()
OFF = RolloutSettings(is_off=True)
TODAY = NOW.date()
FROZEN = RolloutSettings(freezes=(Freeze(TODAY, TODAY, "Black Friday"),))
SHADOW = a_rollout(RolloutState.SHADOW, step=-1)
DRAFT = a_rollout(RolloutState.DRAFT, step=-1)
HALF_WAY = a_rollout(step=2)
EVERYBODY = a_rollout(step=3)
AB_PLAN = RolloutPlan(ab_days=14)
HELD = a_rollout(RolloutState.HOLD, step=2, plan=AB_PLAN)
MIXED_PLAN = RolloutPlan(interleave_days=28)
BEFORE_MIXED = a_rollout(RolloutState.SHADOW, step=-1, plan=MIXED_PLAN)
MIXED = a_rollout(RolloutState.INTERLEAVED, step=-1, plan=MIXED_PLAN, shown_at=NOW)
MIXED_PAUSED = replace(MIXED, state=RolloutState.PAUSED, former_state=RolloutState.INTERLEAVED)
PAUSED = a_rollout(RolloutState.PAUSED, step=1, former_state=RolloutState.CANARY)
UNDECIDED = a_rollout(RolloutState.INCONCLUSIVE, step=1)

HALF_AT_ONCE = RolloutPlan(steps=(50, 100), ab_days=14)
HELD_IN_THE_MIDDLE = a_rollout(RolloutState.HOLD, step=0, plan=RolloutPlan(steps=(50, 75, 100), ab_days=14))
PAUSED_SHADOW = a_rollout(RolloutState.PAUSED, step=-1, former_state=RolloutState.SHADOW)
PAUSED_TEST = a_rollout(RolloutState.PAUSED, step=2, former_state=RolloutState.HOLD, plan=AB_PLAN)

BAD = judged(Verdict.FAILED)
BROKEN = judged(Verdict.ERROR)
TOO_LITTLE = judged(Verdict.NOT_ENOUGH)
NEITHER = judged(Verdict.INCONCLUSIVE)
SUSPECT = judged(Verdict.INCONCLUSIVE, pauses=True)
SALE = replace(HEALTHY, confounders=("A sale began.",))
UNLISTED = replace(HEALTHY, lists=judged(Verdict.NOT_ENOUGH, "3 of 41 pages are written."))


def verdicts(**changes: Any) -> Verdicts:
    return replace(HEALTHY, **changes)


def alone(autonomy: Autonomy) -> RolloutPlan:
    return RolloutPlan(autonomy=autonomy)


def later(days: float) -> datetime:
    return NOW + timedelta(days=days)


def place(outcome: Move | Wait) -> Stop | None:
    return outcome.to if isinstance(outcome, Move) else None


@pytest.mark.parametrize(
    ("case", "rollout", "settings", "known", "days", "becomes"),
    [
        ("a draft starts", DRAFT, ON, HEALTHY, 0, Stop(RolloutState.SHADOW, -1, 0)),
        ("a passed shadow is shown", SHADOW, ON, HEALTHY, 0.05, Stop(RolloutState.CANARY, 0, 5)),
        ("a shadow of less than an hour waits", SHADOW, ON, HEALTHY, 0.04, None),
        ("a shadow too short waits", SHADOW, ON, verdicts(shadow=TOO_LITTLE), 9, None),
        ("a shadow nobody can judge waits", SHADOW, ON, verdicts(shadow=BROKEN), 9, None),
        ("a failed shadow ends", SHADOW, ON, verdicts(shadow=BAD), 0, Stop(RolloutState.ROLLED_BACK, -1, 0)),
        ("a healthy step goes on", a_rollout(), ON, HEALTHY, 1, Stop(RolloutState.CANARY, 1, 25)),
        ("a step of half a day waits", a_rollout(), ON, HEALTHY, 0.5, None),
        ("a first step needs no orders", a_rollout(), ON, verdicts(business=TOO_LITTLE), 1,
         Stop(RolloutState.CANARY, 1, 25)),
        ("but visitors who can be counted", a_rollout(), ON, verdicts(business=BROKEN), 1, None),
        ("no answers are no success", a_rollout(), ON, verdicts(guards=TOO_LITTLE), 1, None),
        ("an unknown health is no success", a_rollout(), ON, verdicts(guards=BROKEN), 1, None),
        ("everybody is earned with orders", HALF_WAY, ON, verdicts(business=TOO_LITTLE), 9, None),
        ("and not with a failed measurement", HALF_WAY, ON, verdicts(business=BROKEN), 9, None),
        ("proven: everybody", HALF_WAY, ON, HEALTHY, 1, Stop(RolloutState.CANARY, 3, 100)),
        ("a sale holds that", HALF_WAY, ON, SALE, 9, None),
        ("a sale holds no small step", a_rollout(), ON, SALE, 1, Stop(RolloutState.CANARY, 1, 25)),
        ("everybody for a day: promoted", EVERYBODY, ON, verdicts(business=TOO_LITTLE), 1,
         Stop(RolloutState.PROMOTED, 3, 100)),
        ("bad answers go back", a_rollout(), ON, verdicts(guards=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, 0, 0)),
        ("fewer orders go back", HALF_WAY, ON, verdicts(business=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, 2, 0)),
        ("a paused one goes back too", PAUSED, ON, verdicts(guards=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, 1, 0)),
        ("an undecided one goes back too", UNDECIDED, ON, verdicts(business=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, 1, 0)),
        ("and in a freeze", a_rollout(), FROZEN, verdicts(guards=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, 0, 0)),
        ("a paused one stays", PAUSED, ON, HEALTHY, 99, None),
        ("an undecided one stays", UNDECIDED, ON, HEALTHY, 99, None),
        ("what can't decide pauses", a_rollout(), ON, verdicts(business=SUSPECT), 1,
         Stop(RolloutState.PAUSED, 0, 5)),
        ("until a person has looked", a_rollout(is_looked_at=True), ON, verdicts(business=SUSPECT), 1,
         Stop(RolloutState.CANARY, 1, 25)),
        ("who alone may promote it", a_rollout(step=2, is_looked_at=True), ON, verdicts(business=SUSPECT), 1,
         None),
        ("after the longest time", HALF_WAY, ON, verdicts(business=TOO_LITTLE), 60,
         Stop(RolloutState.INCONCLUSIVE, 2, 50)),
        ("measured, and neither", HALF_WAY, ON, verdicts(business=NEITHER), 1,
         Stop(RolloutState.INCONCLUSIVE, 2, 50)),
        ("proven on the last day", HALF_WAY, ON, HEALTHY, 60, Stop(RolloutState.CANARY, 3, 100)),
        ("a shadow without end", SHADOW, ON, verdicts(shadow=TOO_LITTLE), 60,
         Stop(RolloutState.INCONCLUSIVE, -1, 0)),
        ("a freeze holds a step", a_rollout(entered_at=NOW.replace(day=1)), FROZEN, HEALTHY, 0, None),
        ("and no shadow", DRAFT, FROZEN, HEALTHY, 0, Stop(RolloutState.SHADOW, -1, 0)),
        ("off: back", a_rollout(), OFF, HEALTHY, 1, Stop(RolloutState.ROLLED_BACK, 0, 0)),
        ("off: not begun", DRAFT, OFF, HEALTHY, 1, Stop(RolloutState.ABORTED, -1, 0)),
        ("an A/B test begins at half", a_rollout(step=1, plan=AB_PLAN), ON, HEALTHY, 1,
         Stop(RolloutState.HOLD, 2, 50)),
        ("and lasts", HELD, ON, HEALTHY, 13, None),
        ("until its days are over", HELD, ON, HEALTHY, 14, Stop(RolloutState.CANARY, 3, 100)),
        ("a week at least", replace(HELD, plan=RolloutPlan(ab_days=1)), ON, HEALTHY, 6, None),
        ("its difference known", HELD, ON, verdicts(business=TOO_LITTLE), 14, None),
        ("and its answers well", HELD, ON, verdicts(guards=TOO_LITTLE), 14, None),
        ("after a week", replace(HELD, plan=RolloutPlan(ab_days=1)), ON, HEALTHY, 7,
         Stop(RolloutState.CANARY, 3, 100)),
        ("orders are asked for in any case", HELD_IN_THE_MIDDLE, ON, verdicts(business=TOO_LITTLE), 14,
         None),
        ("an A/B test may follow the shadow", replace(SHADOW, plan=HALF_AT_ONCE), ON, HEALTHY, 1,
         Stop(RolloutState.HOLD, 0, 50)),
        ("nearly a day waits", a_rollout(), ON, HEALTHY, 0.99, None),
        ("a shadow that can't decide pauses", SHADOW, ON, verdicts(shadow=SUSPECT), 1,
         Stop(RolloutState.PAUSED, -1, 0)),
        ("answers that can't decide pause", a_rollout(), ON, verdicts(guards=SUSPECT), 1,
         Stop(RolloutState.PAUSED, 0, 5)),
        ("the longest time begins with the first visitor", replace(HALF_WAY, entered_at=later(59)), ON,
         verdicts(business=TOO_LITTLE), 60, Stop(RolloutState.INCONCLUSIVE, 2, 50)),
        ("and not with a long shadow", replace(HALF_WAY, opened_at=later(-59)), ON,
         verdicts(business=TOO_LITTLE), 30, None),
        ("what ended is over", a_rollout(RolloutState.PROMOTED, step=3, ended_at=NOW), ON,
         verdicts(guards=BAD), 9, None),
        ("a plan may mix lists first", BEFORE_MIXED, ON, UNLISTED, 0.05,
         Stop(RolloutState.INTERLEAVED, -1, 0)),
        ("a freeze holds that", replace(BEFORE_MIXED, entered_at=NOW.replace(day=1)), FROZEN, HEALTHY, 0,
         None),
        ("preferred: the first step", MIXED, ON, HEALTHY, 1, Stop(RolloutState.CANARY, 0, 5)),
        ("which needs its lists on the pages", MIXED, ON, UNLISTED, 1, None),
        ("mixed lists of half a day wait", MIXED, ON, HEALTHY, 0.5, None),
        ("and those that tell nothing", MIXED, ON, verdicts(interleaving=TOO_LITTLE), 9, None),
        ("preferred in too few answers", MIXED, ON, verdicts(guards=TOO_LITTLE), 9, None),
        ("the version in use preferred: back", MIXED, ON, verdicts(interleaving=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, -1, 0)),
        ("bad answers in mixed lists: back", MIXED, ON, verdicts(guards=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, -1, 0)),
        ("mixed lists that told nothing in their days", MIXED, ON,
         verdicts(interleaving=NEITHER, guards=TOO_LITTLE), 28, Stop(RolloutState.INCONCLUSIVE, -1, 0)),
        ("paused mixed lists go back too", MIXED_PAUSED, ON, verdicts(interleaving=BAD), 0,
         Stop(RolloutState.ROLLED_BACK, -1, 0)),
    ],
)  # fmt: skip
def test_next_move(
    case: str, rollout: Any, settings: Any, known: Verdicts, days: float, becomes: Stop | None
) -> None:
    outcome = rules.next_move(rollout, settings, known, a_moment(days))

    assert place(outcome) == becomes, case


def test_what_a_rollout_waits_for_is_said_only_where_time_is_not_all() -> None:
    waits = {
        "time": (HALF_WAY, ON, HEALTHY, 0),
        "orders": (HALF_WAY, ON, verdicts(business=TOO_LITTLE), 5),
        "sale": (HALF_WAY, ON, SALE, 5),
        "freeze": (replace(HALF_WAY, entered_at=NOW.replace(day=1)), FROZEN, HEALTHY, 0),
        "person": (replace(HALF_WAY, plan=alone(Autonomy.HALF)), ON, HEALTHY, 5),
    }

    found = {name: rules.next_move(*case[:3], a_moment(case[3])) for name, case in waits.items()}

    assert found == {
        "time": Wait(),
        "orders": Wait("Is not_enough."),
        "sale": Wait("The versions can't be compared at the moment: A sale began."),
        "freeze": Wait("Nothing widens until 21 November 2026 is over (Black Friday)."),
        "person": Wait("Its plan asks a person before it goes on."),
    }


def test_a_move_carries_what_every_judge_said_and_who_decided() -> None:
    known = verdicts(guards=judged(Verdict.FAILED, "Empty lists.", evidence={"fatal": 1}))

    outcome = rules.next_move(a_rollout(), ON, known, a_moment())

    assert isinstance(outcome, Move)
    assert outcome.words == "Empty lists."
    assert outcome.evidence["decided"] == "guards"
    assert outcome.evidence["guards"] == {
        "verdict": "FAILED", "words": "Empty lists.", "evidence": {"fatal": 1}
    }  # fmt: skip
    assert outcome.evidence["business"]["verdict"] == "SUCCESS"


@pytest.mark.parametrize(
    ("autonomy", "reaches"),
    [
        (Autonomy.NOTHING, RolloutState.DRAFT),
        (Autonomy.SHADOW, RolloutState.SHADOW),
        (Autonomy.FIRST_STEP, 5),
        (Autonomy.HALF, 50),
        (Autonomy.PROMOTE, RolloutState.PROMOTED),
    ],
)
def test_a_plan_says_how_far_a_rollout_goes_alone(autonomy: Autonomy, reaches: Any) -> None:
    rollout = replace(DRAFT, plan=alone(autonomy))

    while isinstance(move := rules.next_move(rollout, ON, HEALTHY, a_moment(9)), Move):
        to = move.to
        ended_at = NOW if to.state in ENDED_STATES else None
        rollout = replace(rollout, state=to.state, step=to.step, percent=to.percent, ended_at=ended_at)

    assert reaches in {rollout.state, rollout.percent}


def test_a_freeze_follows_the_calendar_of_the_shop() -> None:
    freeze = Freeze(date(2026, 11, 27), date(2026, 11, 30))

    frozen = [rules.freeze_on(date(2026, 11, day), (freeze,)) for day in (26, 27, 30)]

    assert frozen == [None, freeze, freeze]
    assert rules.shop_day(NOW.replace(hour=23), "Asia/Tokyo") == date(2026, 11, 22)
    assert rules.shop_day(NOW.replace(hour=4), "America/Los_Angeles") == date(2026, 11, 20)
    assert rules.shop_day(NOW, "") == rules.shop_day(NOW, "Nowhere/At all") == TODAY


def test_no_move_leaves_the_table() -> None:
    """Whatever is known, when, and whatever a person asks for."""
    judgements = (GOOD, BAD, BROKEN, TOO_LITTLE, NEITHER, SUSPECT)
    half_at_once = replace(SHADOW, plan=HALF_AT_ONCE)
    paused = (PAUSED, PAUSED_SHADOW, PAUSED_TEST)
    places = (DRAFT, SHADOW, half_at_once, a_rollout(), HALF_WAY, EVERYBODY, HELD, *paused, UNDECIDED)
    places += (BEFORE_MIXED, MIXED, MIXED_PAUSED)
    known = [
        Verdicts(*three, lists=lists, interleaving=three[-1])
        for three in product(judgements, repeat=3)
        for lists in (GOOD, TOO_LITTLE)
    ]

    for rollout, said, settings, days in product(places, known, (ON, OFF, FROZEN), (0, 8, 61)):
        outcomes = [rules.next_move(rollout, settings, said, a_moment(days))]
        outcomes += [
            rules.asked_move(act, rollout, settings, said, a_moment(days), reason="") for act in RolloutAction
        ]
        for outcome in outcomes:
            if isinstance(outcome, Move):
                assert outcome.to.state in rules.MOVES[rollout.state]
                assert 0 <= outcome.to.percent <= 100
                is_wider = outcome.to.percent > rollout.percent
                assert not (is_wider and (settings is OFF or said.shadow.verdict is not Verdict.SUCCESS)) or (
                    rollout.shown_at is not None and settings is not OFF
                )
                assert not is_wider or said.lists is GOOD


def test_what_ended_stays_so_and_what_visitors_saw_does_not_end_as_if_they_had_not() -> None:
    ends = {state: rules.MOVES[state] for state in ENDED_STATES}
    seen = {state: rules.MOVES[state] for state in (RolloutState.CANARY, RolloutState.HOLD)}

    assert {state: moves for state, moves in ends.items() if moves} == {
        RolloutState.PROMOTED: {RolloutState.ROLLED_BACK}
    }
    for moves in seen.values():
        assert not moves & {RolloutState.SUPERSEDED, RolloutState.ABORTED}


def test_the_last_step_is_told_in_the_words_of_orders_and_others_in_those_of_answers() -> None:
    known = verdicts(
        guards=judged(Verdict.SUCCESS, "Answers are well."), business=judged(Verdict.SUCCESS, "No worse.")
    )

    told = [rules.next_move(one, ON, known, a_moment(1)).words for one in (a_rollout(), HALF_WAY)]

    assert told == ["Answers are well.", "No worse."]


@pytest.mark.parametrize(
    ("act", "rollout", "becomes"),
    [
        (RolloutAction.START, DRAFT, Stop(RolloutState.SHADOW, -1, 0)),
        (RolloutAction.START, SHADOW, None),
        (RolloutAction.PAUSE, a_rollout(), Stop(RolloutState.PAUSED, 0, 5)),
        (RolloutAction.PAUSE, PAUSED, None),
        (RolloutAction.RESUME, PAUSED, Stop(RolloutState.CANARY, 1, 25)),
        (RolloutAction.RESUME, a_rollout(), None),
        (RolloutAction.STEP, a_rollout(), Stop(RolloutState.CANARY, 1, 25)),
        (RolloutAction.STEP, EVERYBODY, Stop(RolloutState.PROMOTED, 3, 100)),
        (RolloutAction.STEP, PAUSED, None),
        (RolloutAction.PROMOTE, a_rollout(), Stop(RolloutState.PROMOTED, 0, 100)),
        (RolloutAction.PROMOTE, UNDECIDED, Stop(RolloutState.PROMOTED, 1, 100)),
        (RolloutAction.PROMOTE, PAUSED, None),
        (RolloutAction.PROMOTE, SHADOW, None),
        (RolloutAction.UNDO, PAUSED, Stop(RolloutState.ROLLED_BACK, 1, 0)),
        (RolloutAction.UNDO, a_rollout(RolloutState.PROMOTED, step=3), Stop(RolloutState.ROLLED_BACK, 3, 0)),
        (RolloutAction.UNDO, DRAFT, None),
        (RolloutAction.ABORT, DRAFT, Stop(RolloutState.ABORTED, -1, 0)),
        (RolloutAction.ABORT, SHADOW, Stop(RolloutState.ABORTED, -1, 0)),
        (RolloutAction.ABORT, PAUSED, None),
        (RolloutAction.ABORT, PAUSED_SHADOW, Stop(RolloutState.ABORTED, -1, 0)),
        (RolloutAction.RESUME, PAUSED_SHADOW, Stop(RolloutState.SHADOW, -1, 0)),
        (RolloutAction.RESUME, PAUSED_TEST, Stop(RolloutState.HOLD, 2, 50)),
        (RolloutAction.PAUSE, SHADOW, Stop(RolloutState.PAUSED, -1, 0)),
        (RolloutAction.PAUSE, HELD, Stop(RolloutState.PAUSED, 2, 50)),
        (RolloutAction.STEP, SHADOW, Stop(RolloutState.CANARY, 0, 5)),
        (RolloutAction.STEP, HELD, Stop(RolloutState.CANARY, 3, 100)),
        (RolloutAction.PROMOTE, HELD, Stop(RolloutState.PROMOTED, 2, 100)),
        (RolloutAction.UNDO, SHADOW, Stop(RolloutState.ROLLED_BACK, -1, 0)),
        (RolloutAction.UNDO, HELD, Stop(RolloutState.ROLLED_BACK, 2, 0)),
        (RolloutAction.UNDO, UNDECIDED, Stop(RolloutState.ROLLED_BACK, 1, 0)),
        (RolloutAction.STEP, BEFORE_MIXED, Stop(RolloutState.INTERLEAVED, -1, 0)),
        (RolloutAction.STEP, MIXED, Stop(RolloutState.CANARY, 0, 5)),
        (RolloutAction.PAUSE, MIXED, Stop(RolloutState.PAUSED, -1, 0)),
        (RolloutAction.RESUME, MIXED_PAUSED, Stop(RolloutState.INTERLEAVED, -1, 0)),
        (RolloutAction.UNDO, MIXED, Stop(RolloutState.ROLLED_BACK, -1, 0)),
        (RolloutAction.ABORT, MIXED, None),
        (RolloutAction.ABORT, MIXED_PAUSED, None),
        (RolloutAction.PROMOTE, MIXED, None),
    ],
)
def test_what_a_person_may_ask_of_a_rollout(act: RolloutAction, rollout: Any, becomes: Stop | None) -> None:
    outcome = rules.asked_move(act, rollout, ON, HEALTHY, a_moment(), reason="Because.")

    assert place(outcome) == becomes


def test_a_person_may_go_on_without_proof_but_not_without_a_shadow() -> None:
    unproven = Verdicts(TOO_LITTLE, TOO_LITTLE, TOO_LITTLE, ("A sale began.",), GOOD)

    on = rules.asked_move(RolloutAction.STEP, HALF_WAY, ON, unproven, a_moment(), reason="")
    first = rules.asked_move(RolloutAction.STEP, MIXED, ON, unproven, a_moment(), reason="")
    shown = [
        rules.asked_move(RolloutAction.STEP, one, ON, unproven, a_moment(), reason="")
        for one in (SHADOW, BEFORE_MIXED)
    ]

    assert place(on) == Stop(RolloutState.CANARY, 3, 100)
    assert place(first) == Stop(RolloutState.CANARY, 0, 5)
    assert shown == [Wait("It has not passed its shadow yet. Is not_enough.")] * 2


def test_what_visitors_saw_in_mixed_lists_is_seen() -> None:
    """No newer candidate takes its place, and nobody calls it off as if it had never been shown."""
    assert [rules.supersedes(one) for one in (SHADOW, BEFORE_MIXED, MIXED)] == [True, True, False]
    assert [rules.is_interleaved(one) for one in (BEFORE_MIXED, MIXED, MIXED_PAUSED, a_rollout())] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("rollout", [SHADOW, a_rollout(), HALF_WAY, EVERYBODY], ids=lambda one: one.percent)
def test_nothing_widens_before_the_pages_hold_its_lists(rollout: Any) -> None:
    """Personal answers and the default list come from one version, whoever asks for the step."""
    waits = Wait("3 of 41 pages are written.")

    assert rules.next_move(rollout, ON, UNLISTED, a_moment(8)) == waits
    assert rules.asked_move(RolloutAction.STEP, rollout, ON, UNLISTED, a_moment(8), reason="") == waits
    assert isinstance(rules.next_move(rollout, ON, HEALTHY, a_moment(8)), Move)


@pytest.mark.parametrize(
    ("act", "rollout"),
    [(RolloutAction.UNDO, EVERYBODY), (RolloutAction.PAUSE, HALF_WAY), (RolloutAction.RESUME, PAUSED)],
)
def test_what_shows_it_to_nobody_new_asks_nothing_of_the_pages(act: RolloutAction, rollout: Any) -> None:
    assert isinstance(rules.asked_move(act, rollout, ON, UNLISTED, a_moment(), reason=""), Move)


@pytest.mark.parametrize("act", [RolloutAction.STEP, RolloutAction.PROMOTE])
def test_a_freeze_holds_people_too(act: RolloutAction) -> None:
    outcome = rules.asked_move(act, a_rollout(), FROZEN, HEALTHY, a_moment(), reason="")

    assert outcome == Wait("Nothing widens until 21 November 2026 is over (Black Friday).")


def test_who_may_promote() -> None:
    chosen = RolloutSettings(promoters=("7",))

    may = {
        (kind, account, settings is chosen): rules.may_promote(settings, kind=kind, account=account)
        for kind, account in (
            (ActorKind.MERCHANT, "7"),
            (ActorKind.MERCHANT, "8"),
            (ActorKind.STAFF, "7"),
            (ActorKind.SYSTEM, ""),
        )
        for settings in (ON, chosen)
    }

    assert may == {
        (ActorKind.MERCHANT, "7", False): True,
        (ActorKind.MERCHANT, "7", True): True,
        (ActorKind.MERCHANT, "8", False): True,
        (ActorKind.MERCHANT, "8", True): False,
        (ActorKind.STAFF, "7", False): False,
        (ActorKind.STAFF, "7", True): False,
        (ActorKind.SYSTEM, "", False): True,
        (ActorKind.SYSTEM, "", True): True,
    }


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("steps", {"steps": ()}),
        ("steps", {"steps": (100,)}),
        ("steps", {"steps": (5, 25)}),
        ("steps", {"steps": (25, 5, 100)}),
        ("steps", {"steps": (0, 100)}),
        ("steps", {"steps": (*range(1, 11), 100)}),
        ("ab_days", {"ab_days": 3}),
        ("ab_days", {"ab_days": 14, "steps": (60, 100)}),
        ("ab_days", {"ab_days": 30, "max_days": 20}),
        ("interleave_days", {"interleave_days": 61}),
        ("interleave_days", {"interleave_days": 30, "max_days": 20}),
        ("dwell_hours", {"dwell_hours": 0.5}),
        ("min_orders", {"min_orders": 50}),
        ("margin_percent", {"margin_percent": 40.0}),
        ("alpha", {"alpha": float("nan")}),
        ("max_days", {"max_days": 500}),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadPlan) as refused:
        rules.check_plan(RolloutPlan(**changes))

    assert refused.value.field == field


def test_a_demo_may_be_quicker_and_no_less_orderly() -> None:
    short = timedelta(seconds=12)
    quick = RolloutPlan(steps=(50, 100), dwell_hours=0.1, min_orders=10, margin_percent=40)

    rules.check_plan(quick, day=short)

    with pytest.raises(BadPlan):
        rules.check_plan(quick)
    with pytest.raises(BadPlan):
        rules.check_plan(replace(quick, steps=(100,)), day=short)


def test_a_kept_plan_is_read_back_and_an_older_one_gets_the_defaults_of_what_it_lacks() -> None:
    plan = RolloutPlan(steps=(10, 100), interleave_days=14, ab_days=7, autonomy=Autonomy.HALF)

    assert rules.read_plan(rules.storable_plan(plan)) == plan
    assert rules.read_plan({"steps": [10, 100], "of_another_time": 1}) == RolloutPlan(steps=(10, 100))


def test_evidence_of_any_kind_can_be_kept() -> None:
    odd = {
        "nan": float("nan"),
        "day": TODAY,
        3: (1, {"x": float("inf")}),
        "nul": "a\x00b",
        "ok": [True],
    }

    assert rules.storable_evidence(odd) == {
        "nan": "nan", "day": "2026-11-21", "3": [1, {"x": "inf"}], "nul": "ab", "ok": [True]
    }  # fmt: skip

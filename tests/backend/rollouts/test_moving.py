"""What a move of a rollout leaves as it is, and that none is made that was decided on something older."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.queue import Job
from backend.registry.values import Version
from backend.rollouts import models, queries, rules, services
from backend.rollouts.services import moving
from backend.rollouts.values import (
    CANDIDATE,
    Autonomy,
    ForbiddenRolloutMove,
    Move,
    Rollout,
    RolloutPlan,
    RolloutState,
    Standing,
    Stop,
    Verdict,
    Verdicts,
)
from backend.shops.models import Shop
from tests.backend.history import NOW

from .rollouts import (
    ASKED,
    HEALTHY,
    LATER,
    OWNER,
    SAID,
    SUPPORT,
    a_candidate,
    advance,
    an_open_rollout,
    at_step,
    judged,
    saying,
)

UNKNOWN = Verdicts(guards=judged(Verdict.NOT_ENOUGH, "Too few answers."))
HARM: dict[str, Any] = {"reason": "Too slow.", "evidence": {}, "now": LATER}


def row_of(shop: Shop, rollout: Rollout) -> models.Rollout:
    return (
        models.Rollout.objects.for_shop(shop.id).select_related("candidate", "champion").get(uuid=rollout.id)
    )


def stands(shop: Shop, rollout: Rollout) -> tuple[Any, ...]:
    """Return all that a move writes."""
    told = len(queries.moves_of(shop.id, rollout.id)), len(audit.events(shop.id))
    return queries.get_rollout(shop.id, rollout.id), queries.fresh_arms(shop.id), *told


def test_a_move_that_the_table_does_not_have_is_not_made(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    services.roll_back(shop.id, rollout.id, **HARM)
    before = stands(shop, rollout)

    with pytest.raises(ForbiddenRolloutMove):
        moving.move(row_of(shop, rollout), Move(Stop(RolloutState.CANARY, 1, 25), "On."), now=LATER)

    assert stands(shop, rollout) == before


def test_a_move_that_was_decided_on_an_older_row_is_not_made(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    older = row_of(shop, rollout)
    services.pause(shop.id, rollout.id, **ASKED)
    before = stands(shop, rollout)

    with pytest.raises(LostRace):
        moving.move(older, Move(Stop(RolloutState.CANARY, 1, 25), "On."), now=LATER)

    assert stands(shop, rollout) == before


def test_a_person_who_was_overtaken_by_a_step_makes_no_second_one(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)

    def judge_while_somebody_steps(seen: Rollout, now: datetime) -> Verdicts:
        services.step(shop.id, seen.id, **ASKED)
        return HEALTHY

    with pytest.raises(LostRace):
        services.step(shop.id, rollout.id, **SAID, judge=judge_while_somebody_steps)

    assert queries.get_rollout(shop.id, rollout.id).percent == 25


def test_a_pause_writes_no_pointer_and_asks_for_no_pages(
    shop: Shop, artifact: Path, champion: Version, enqueued: Any, committed: Any
) -> None:
    rollout = at_step(shop, artifact, 0)
    before = queries.fresh_arms(shop.id)
    enqueued.clear()

    with committed():
        services.pause(shop.id, rollout.id, **ASKED)
        services.resume(shop.id, rollout.id, **ASKED)

    assert queries.fresh_arms(shop.id) == before
    assert enqueued.names == []


def test_visitors_have_seen_it_since_its_first_step_and_a_step_waits_for_nothing_old(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    shown = at_step(shop, artifact, 0)
    advance(shop, days=2, verdicts=UNKNOWN)

    wider = advance(shop, days=3)

    kept = queries.get_rollout(shop.id, wider.id)
    assert (kept.percent, kept.waits_for) == (25, "")
    assert kept.shown_at == shown.shown_at == NOW + timedelta(days=1)
    assert kept.entered_at == NOW + timedelta(days=3)


def test_what_a_person_let_go_on_stays_looked_at_and_other_acts_look_at_nothing(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    stepped = services.step(shop.id, rollout.id, **ASKED)
    services.pause(shop.id, rollout.id, **ASKED)
    services.resume(shop.id, rollout.id, **ASKED)

    on = services.step(shop.id, rollout.id, **ASKED)

    assert (stepped.is_looked_at, on.is_looked_at) == (False, True)


def test_a_note_comes_to_nothing_where_the_rollout_has_moved(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)

    def judge_while_it_is_taken_back(seen: Rollout, now: datetime) -> Verdicts:
        services.roll_back(shop.id, seen.id, **HARM)
        return UNKNOWN

    services.advance(shop.id, now=LATER, judge=judge_while_it_is_taken_back)

    kept = queries.get_rollout(shop.id, rollout.id)
    assert (kept.state, kept.waits_for) == (RolloutState.ROLLED_BACK, "")


def test_the_version_that_stands_by_stays_when_a_rollout_is_taken_back(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    promoted = at_step(shop, artifact, 0)
    services.promote(shop.id, promoted.id, **ASKED)
    taken_back = an_open_rollout(shop, artifact)

    done = services.roll_back(shop.id, taken_back.id, **HARM, actor=SUPPORT)

    live = queries.fresh_arms(shop.id)
    assert live.standby is not None
    assert (live.arms[0].version_id, live.standby.version_id) == (promoted.candidate_id, champion.id)
    assert done.state is RolloutState.ROLLED_BACK
    assert queries.moves_of(shop.id, taken_back.id)[-1].actor == SUPPORT


def test_what_waits_is_superseded_without_a_word_to_the_one_that_is_shown(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    shown = at_step(shop, artifact, 0)
    waiting = an_open_rollout(shop, artifact)
    before = queries.fresh_arms(shop.id)

    an_open_rollout(shop, artifact)

    assert queries.get_rollout(shop.id, waiting.id).state is RolloutState.SUPERSEDED
    assert queries.fresh_arms(shop.id) == before
    assert queries.find_live_rollout(shop.id) == shown


def test_a_promotion_is_undone_only_while_its_former_champion_stands_by(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    first = at_step(shop, artifact, 0)
    services.promote(shop.id, first.id, **ASKED)
    second = an_open_rollout(shop, artifact)
    advance(shop, days=1)
    services.promote(shop.id, second.id, **ASKED)
    services.go_back(shop.id, first.candidate_id, **SAID)
    before = stands(shop, first)

    with pytest.raises(ForbiddenRolloutMove, match="Another version went live since"):
        services.undo(shop.id, first.id, **ASKED)

    assert stands(shop, first) == before


def test_going_back_to_what_is_live_changes_nothing(shop: Shop, artifact: Path, champion: Version) -> None:
    rollout = at_step(shop, artifact, 0)
    before = stands(shop, rollout)

    services.go_back(shop.id, champion.id, **SAID)

    assert stands(shop, rollout) == before


def test_by_hand_a_version_starts_whatever_its_plan_says_and_is_opened_once(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    version = a_candidate(shop, artifact)
    ask: dict[str, Any] = {"now": NOW, "actor": OWNER, "by_hand": True}
    nothing_alone = RolloutPlan(autonomy=Autonomy.NOTHING)

    started = services.open_rollout(shop.id, version.id, plan=nothing_alone, **ask)
    again = services.open_rollout(shop.id, version.id, **ask)
    services.undo(shop.id, started.id, **ASKED)
    anew = services.open_rollout(shop.id, version.id, **ask)

    assert (started.state, again) == (RolloutState.SHADOW, started)
    assert (anew.number, services.open_rollout(shop.id, version.id, **ask)) == (2, anew)


def test_nobody_starts_what_waits_while_another_one_lives(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    at_step(shop, artifact, 0)
    waiting = an_open_rollout(shop, artifact)

    with pytest.raises(ForbiddenRolloutMove, match="rollout before it"):
        services.start(shop.id, waiting.id, **ASKED)

    assert queries.get_rollout(shop.id, waiting.id).state is RolloutState.DRAFT


def test_what_became_the_champion_meanwhile_is_rolled_out_no_more(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    at_step(shop, artifact, 0)
    waiting = an_open_rollout(shop, artifact)
    services.set_champion(shop.id, waiting.candidate_id, reason="For a test.", now=LATER)

    found = services.advance(shop.id, now=LATER, judge=saying(HEALTHY))

    assert found is not None
    assert (found.id, found.state) == (waiting.id, RolloutState.SUPERSEDED)
    assert found.words == "Its version answers already."
    assert queries.standings(shop.id, [waiting.candidate_id])[waiting.candidate_id] is Standing.LIVE


def test_the_run_log_follows_the_candidate_and_then_the_champion(
    shop: Shop, artifact: Path, champion: Version, enqueued: Any, committed: Any
) -> None:
    with committed():
        rollout = at_step(shop, artifact, 0)
    begun = [job["version_id"] for job in enqueued.of(Job.TRACK_RELEASE)]
    enqueued.clear()

    with committed():
        services.step(shop.id, rollout.id, **ASKED)
        services.promote(shop.id, rollout.id, **ASKED)
        services.undo(shop.id, rollout.id, **ASKED)

    told = [job["version_id"] for job in enqueued.of(Job.TRACK_RELEASE)]
    assert begun[-1] == str(rollout.candidate_id)
    assert told == [str(rollout.candidate_id), str(champion.id)]
    pointed = max(audit.events(shop.id, event=Event.SURFACE_POINTED), key=lambda act: act.id)
    assert (pointed.new, pointed.actor) == ({"version": str(champion.id)}, OWNER)


def test_the_end_that_a_move_names_is_made_whatever_was_known(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    """A guardrail may read its figures from what no JSON can hold."""
    rollout = at_step(shop, artifact, 1)
    evidence = {"rate": float("nan"), "answers": {"worst": float("inf")}}

    services.roll_back(shop.id, rollout.id, reason="NaN.", evidence=evidence, now=LATER)

    assert queries.moves_of(shop.id, rollout.id)[-1].evidence == rules.storable_evidence(evidence)
    assert [arm.name for arm in queries.fresh_arms(shop.id).arms if arm.name == CANDIDATE] == []

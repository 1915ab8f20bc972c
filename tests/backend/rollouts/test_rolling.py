"""Rollouts are opened, moved and taken back, with the pointer and both ledgers."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.queue import Job
from backend.registry import gateway
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import models, queries, rules, services
from backend.rollouts.values import (
    CANDIDATE,
    CHAMPION,
    CONTROL,
    Autonomy,
    BadPlan,
    DamagedVersion,
    ForbiddenRolloutMove,
    Freeze,
    NotAllowedToPromote,
    NotReleasable,
    OldPage,
    ReleasesOff,
    Rollout,
    RolloutAction,
    RolloutPlan,
    RolloutSettings,
    RolloutState,
    Standing,
    Verdict,
    Verdicts,
)
from backend.shops.models import Shop
from celery_worker.tasks import rollouts as tasks
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import a_live_version, an_array_of

from .rollouts import (
    ASKED,
    HEALTHY,
    LATER,
    OUTSIDER,
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

HARM = Verdicts(guards=judged(Verdict.FAILED, "Empty lists."))


def shares(shop: Shop) -> dict[str, int]:
    return {arm.name: arm.weight for arm in queries.fresh_arms(shop.id).arms}


def refuse(shop: Shop, ask: Any, rollout: Rollout, error: type[Exception], **changes: Any) -> None:
    """Ask for what is refused; nothing may have happened then."""
    before = queries.get_rollout(shop.id, rollout.id), queries.fresh_arms(shop.id)

    with pytest.raises(error):
        ask(shop.id, rollout.id, **ASKED | changes)

    assert (queries.get_rollout(shop.id, rollout.id), queries.fresh_arms(shop.id)) == before


def test_a_rollout_begins_with_a_shadow_that_answers_nobody(
    shop: Shop, artifact: Path, champion: Version, enqueued: Any, committed: Any
) -> None:
    with committed():
        rollout = an_open_rollout(shop, artifact)

    assert (rollout.state, rollout.number, rollout.percent) == (RolloutState.SHADOW, 1, 0)
    live = queries.fresh_arms(shop.id)
    assert shares(shop) == {CHAMPION: 100, CANDIDATE: 0, CONTROL: 0}
    assert live.draw is not None
    assert (live.draw.rollout_id, live.draw.percent, live.draw.shadow_percent) == (rollout.id, 0, 10)
    assert live.draw.salt == f"rollout:{rollout.id}"
    assert enqueued.of(Job.PUBLISH) == [{"shop_id": shop.id}]


def test_it_comes_to_everybody_step_by_step(shop: Shop, artifact: Path, champion: Version) -> None:
    rollout = an_open_rollout(shop, artifact)

    seen = [(advance(shop, days=days).percent, shares(shop)) for days in range(1, 5)]
    promoted = advance(shop, days=5)

    assert seen == [
        (5, {CHAMPION: 90, CANDIDATE: 5, CONTROL: 5}),
        (25, {CHAMPION: 50, CANDIDATE: 25, CONTROL: 25}),
        (50, {CHAMPION: 0, CANDIDATE: 50, CONTROL: 50}),
        (100, {CHAMPION: 0, CANDIDATE: 100, CONTROL: 0}),
    ]
    assert (promoted.state, promoted.ended_at) == (RolloutState.PROMOTED, NOW + timedelta(days=5))
    live = queries.fresh_arms(shop.id)
    assert [arm.version_id for arm in live.arms] == [rollout.candidate_id]
    assert live.standby is not None
    assert (live.standby.version_id, live.draw) == (champion.id, None)
    assert queries.standings(shop.id, [champion.id, rollout.candidate_id]) == {
        champion.id: Standing.RETIRED,
        rollout.candidate_id: Standing.LIVE,
    }


def test_every_move_stands_in_both_ledgers(shop: Shop, artifact: Path, champion: Version) -> None:
    rollout = at_step(shop, artifact, 0)
    services.pause(shop.id, rollout.id, **ASKED)
    advance(shop, days=21, verdicts=HARM)

    moves = queries.moves_of(shop.id, rollout.id)
    told = {Event.ROLLOUT_OPENED, Event.ROLLOUT_MOVED}
    acts = sorted((one for one in audit.events(shop.id) if one.event in told), key=lambda one: one.id)

    assert [(move.state, move.percent, move.actor) for move in moves] == [
        (RolloutState.DRAFT, 0, "system"),
        (RolloutState.SHADOW, 0, "system"),
        (RolloutState.CANARY, 5, "system"),
        (RolloutState.PAUSED, 5, OWNER),
        (RolloutState.ROLLED_BACK, 0, "system"),
    ]
    assert moves[-1].words == "Empty lists."
    assert moves[-1].evidence["decided"] == "guards"
    assert [act.reason for act in acts] == [move.words for move in moves]
    assert acts[-1].old == {"state": "PAUSED", "step": 0, "share": 5}
    assert acts[-1].new == {"state": "ROLLED_BACK", "step": 0, "share": 0}


def test_looking_again_changes_nothing(shop: Shop, artifact: Path, champion: Version) -> None:
    at_step(shop, artifact, 0)
    before = queries.find_live_rollout(shop.id), queries.fresh_arms(shop.id), len(audit.events(shop.id))

    for _ in range(3):
        advance(shop, days=1.5)

    now = queries.find_live_rollout(shop.id), queries.fresh_arms(shop.id), len(audit.events(shop.id))
    assert now == before


def test_a_move_decided_on_what_has_changed_since_is_not_made(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)

    def judge_while_somebody_pauses(seen: Rollout, now: Any) -> Verdicts:
        services.pause(shop.id, seen.id, **ASKED)
        return HEALTHY

    with pytest.raises(LostRace):
        services.advance(shop.id, now=LATER, judge=judge_while_somebody_pauses)

    assert queries.get_rollout(shop.id, rollout.id).state is RolloutState.PAUSED
    assert shares(shop)[CANDIDATE] == 5


def test_what_it_waits_for_is_remembered_and_is_no_move(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    at_step(shop, artifact, 0)
    unknown = Verdicts(guards=judged(Verdict.NOT_ENOUGH, "Too few answers."))

    waiting = advance(shop, days=9, verdicts=unknown)

    kept = queries.get_rollout(shop.id, waiting.id)
    assert (kept.waits_for, kept.percent, len(queries.moves_of(shop.id, kept.id))) == (
        "Too few answers.",
        5,
        3,
    )


def test_a_promotion_of_what_nobody_had_seen_is_offered_to_be_undone(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = an_open_rollout(shop, artifact)
    undecided = advance(shop, days=61, verdicts=Verdicts())
    later = SAID | {"now": NOW + timedelta(days=62), "judge": saying(HEALTHY)}

    promoted = services.promote(shop.id, rollout.id, **later)

    assert (undecided.state, undecided.shown_at) == (RolloutState.INCONCLUSIVE, None)
    assert rules.offered_actions(promoted, may_widen=True, is_champion=True) == (RolloutAction.UNDO,)
    assert services.undo(shop.id, rollout.id, **later).state is RolloutState.ROLLED_BACK
    assert queries.champion_id(shop.id) == champion.id


def test_rolling_back_is_one_write_and_may_come_twice(shop: Shop, artifact: Path, champion: Version) -> None:
    rollout = at_step(shop, artifact, 1)
    harm: dict[str, Any] = {"reason": "Too slow.", "evidence": {"p": 1e-9}, "now": LATER}
    before = queries.fresh_arms(shop.id).revision

    once = services.roll_back(shop.id, rollout.id, **harm)
    twice = services.roll_back(shop.id, rollout.id, **harm)

    assert (once.state, once.percent, once.words) == (RolloutState.ROLLED_BACK, 0, "Too slow.")
    assert twice == once
    live = queries.fresh_arms(shop.id)
    assert ([arm.version_id for arm in live.arms], live.revision) == ([champion.id], before + 1)
    assert queries.standings(shop.id, [rollout.candidate_id]) == {rollout.candidate_id: Standing.ROLLED_BACK}


def test_a_newer_candidate_takes_the_place_of_one_that_nobody_saw(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    older = an_open_rollout(shop, artifact)

    newer = an_open_rollout(shop, artifact)

    assert queries.get_rollout(shop.id, older.id).state is RolloutState.SUPERSEDED
    assert (newer.state, queries.find_live_rollout(shop.id)) == (RolloutState.SHADOW, newer)
    draw = queries.fresh_arms(shop.id).draw
    assert draw is not None
    assert draw.rollout_id == newer.id


def test_once_visitors_see_one_only_the_newest_waits(shop: Shop, artifact: Path, champion: Version) -> None:
    shown = at_step(shop, artifact, 0)
    waited = an_open_rollout(shop, artifact)

    newest = an_open_rollout(shop, artifact)

    assert (newest.state, newest.waits_for) == (
        RolloutState.DRAFT,
        "The rollout before it has not ended yet.",
    )
    assert queries.get_rollout(shop.id, waited.id).state is RolloutState.SUPERSEDED
    assert queries.standings(shop.id, [newest.candidate_id]) == {newest.candidate_id: Standing.WAITING}
    services.undo(shop.id, shown.id, **ASKED)
    started = advance(shop, days=21)
    assert (started.id, started.state) == (newest.id, RolloutState.SHADOW)


def test_what_waited_is_compared_with_the_champion_of_its_start(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    shown = at_step(shop, artifact, 0)
    waiting = an_open_rollout(shop, artifact)
    services.promote(shop.id, shown.id, **ASKED)

    started = advance(shop, days=21)

    assert (started.id, started.champion_id) == (waiting.id, shown.candidate_id)


def test_a_version_that_was_rolled_back_is_not_rolled_out_again_by_itself(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    services.undo(shop.id, rollout.id, **ASKED)

    again = services.open_rollout(shop.id, rollout.candidate_id, now=LATER)
    by_hand = services.open_rollout(shop.id, rollout.candidate_id, now=LATER, actor=OWNER, by_hand=True)

    assert (again.id, again.state) == (rollout.id, RolloutState.ROLLED_BACK)
    assert (by_hand.number, by_hand.state) == (2, RolloutState.SHADOW)


def test_a_plan_that_goes_nowhere_alone_is_started_by_a_person(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = an_open_rollout(shop, artifact, plan=RolloutPlan(autonomy=Autonomy.NOTHING))
    assert (rollout.state, shares(shop)) == (RolloutState.DRAFT, {CHAMPION: 100})

    started = services.start(shop.id, rollout.id, **ASKED)

    assert started.state is RolloutState.SHADOW


def test_damaged_files_are_never_rolled_out(shop: Shop, artifact: Path, champion: Version) -> None:
    version = a_candidate(shop, artifact)
    an_array_of(gateway.locate(version.artifact)).write_bytes(b"not what was registered")

    with pytest.raises(DamagedVersion):
        services.open_rollout(shop.id, version.id, now=NOW)

    assert queries.rollouts(shop.id) == []


def test_what_answers_already_and_what_replaces_nothing_need_no_rollout(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    other = a_shop("other.myshopify.com")
    alone = a_live_version(a_shop("third.myshopify.com"), artifact)

    with pytest.raises(NotReleasable, match="answers already"):
        services.open_rollout(shop.id, champion.id, now=NOW)

    assert queries.rollouts(shop.id) == queries.rollouts(other.id) == queries.rollouts(alone.shop_id) == []


def test_a_pause_keeps_the_share_and_only_resuming_goes_on(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 1)
    paused = services.pause(shop.id, rollout.id, **ASKED)
    assert (paused.state, shares(shop)[CANDIDATE]) == (RolloutState.PAUSED, 25)
    assert advance(shop, days=30).state is RolloutState.PAUSED
    refuse(shop, services.step, rollout, ForbiddenRolloutMove)
    refuse(shop, services.promote, rollout, ForbiddenRolloutMove)

    resumed = services.resume(shop.id, rollout.id, **ASKED)

    assert (resumed.state, resumed.step, resumed.is_looked_at) == (RolloutState.CANARY, 1, True)


def test_a_click_that_comes_twice_moves_once(shop: Shop, artifact: Path, champion: Version) -> None:
    seen = at_step(shop, artifact, 0)

    services.step(shop.id, seen.id, **ASKED, revision=seen.revision)

    refuse(shop, services.step, seen, OldPage, revision=seen.revision)
    refuse(shop, services.step, seen, OldPage, revision=0)
    assert shares(shop)[CANDIDATE] == 25


def test_promoting_and_undoing_that(shop: Shop, artifact: Path, champion: Version) -> None:
    rollout = at_step(shop, artifact, 0)
    services.promote(shop.id, rollout.id, **ASKED)
    assert queries.champion_id(shop.id) == rollout.candidate_id

    undone = services.undo(shop.id, rollout.id, **ASKED)

    assert undone.state is RolloutState.ROLLED_BACK
    live = queries.fresh_arms(shop.id)
    assert live.standby is not None
    assert (live.arms[0].version_id, live.standby.version_id) == (champion.id, rollout.candidate_id)


def test_undoing_a_promotion_takes_the_next_rollout_back_too(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    promoted = at_step(shop, artifact, 0)
    services.promote(shop.id, promoted.id, **ASKED)
    next_one = an_open_rollout(shop, artifact)

    services.undo(shop.id, promoted.id, **ASKED)

    assert queries.get_rollout(shop.id, next_one.id).state is RolloutState.ROLLED_BACK
    assert shares(shop) == {CHAMPION: 100}


def test_a_promotion_that_another_one_followed_is_not_undone(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    first = at_step(shop, artifact, 0)
    services.promote(shop.id, first.id, **ASKED)
    second = an_open_rollout(shop, artifact)
    advance(shop, days=1)
    services.promote(shop.id, second.id, **ASKED)

    refuse(shop, services.undo, first, ForbiddenRolloutMove)


def test_going_back_to_any_version_that_was_live(shop: Shop, artifact: Path, champion: Version) -> None:
    middle = at_step(shop, artifact, 0)
    services.promote(shop.id, middle.id, **ASKED)
    newest = an_open_rollout(shop, artifact)
    before = queries.fresh_arms(shop.id).revision

    services.go_back(shop.id, champion.id, **SAID)

    live = queries.fresh_arms(shop.id)
    assert ([arm.version_id for arm in live.arms], live.revision) == ([champion.id], before + 1)
    assert queries.get_rollout(shop.id, newest.id).state is RolloutState.ROLLED_BACK
    assert queries.was_live(shop.id) == [champion.id, middle.candidate_id]
    pointed = audit.events(shop.id, event=Event.SURFACE_POINTED)[0]
    assert (pointed.reason, pointed.actor) == ("Because.", OWNER)


def test_nobody_goes_back_to_what_never_was_live_or_is_damaged(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    with pytest.raises(ForbiddenRolloutMove, match="never live"):
        services.go_back(shop.id, rollout.candidate_id, **SAID)
    services.promote(shop.id, rollout.id, **ASKED)
    an_array_of(gateway.locate(champion.artifact)).write_bytes(b"not what was registered")

    with pytest.raises(DamagedVersion):
        services.go_back(shop.id, champion.id, **SAID)

    assert queries.champion_id(shop.id) == rollout.candidate_id


FROZEN = Freeze(LATER.date(), LATER.date(), "Black Friday")


def withdrawn(shop: Shop, artifact: Path) -> Version:
    """Promote a version, and undo that."""
    rollout = at_step(shop, artifact, 0)
    services.promote(shop.id, rollout.id, **ASKED)
    services.undo(shop.id, rollout.id, **ASKED)
    return registry.get_version(shop.id, rollout.candidate_id)


def standing_of(shop: Shop, version: Version) -> Standing:
    return queries.standings(shop.id, [version.id])[version.id]


@pytest.mark.parametrize(
    ("said", "actor", "error"),
    [
        (RolloutSettings(promoters=("7",)), OUTSIDER, NotAllowedToPromote),
        (RolloutSettings(), SUPPORT, NotAllowedToPromote),
        (RolloutSettings(is_off=True), OWNER, ReleasesOff),
        (RolloutSettings(freezes=(FROZEN,)), OWNER, ForbiddenRolloutMove),
    ],
)
def test_what_was_withdrawn_answers_again_only_as_a_promotion_would(
    said: RolloutSettings,
    actor: str,
    error: type[Exception],
    shop: Shop,
    artifact: Path,
    champion: Version,
) -> None:
    version = withdrawn(shop, artifact)
    services.set_rollout_settings(shop.id, said, now=NOW, actor=OWNER)

    with pytest.raises(error):
        services.go_back(shop.id, version.id, **SAID | {"actor": actor})

    assert queries.champion_id(shop.id) == champion.id
    assert standing_of(shop, version) is Standing.ROLLED_BACK


def test_by_hand_what_was_withdrawn_is_rolled_out_anew(shop: Shop, artifact: Path, champion: Version) -> None:
    version = withdrawn(shop, artifact)

    services.release_by_hand(shop.id, version.id, **SAID)

    assert queries.champion_id(shop.id) == champion.id
    assert standing_of(shop, version) is Standing.ROLLING_OUT


def test_who_may_promote_goes_back_to_what_was_withdrawn_and_others_do_from_then_on(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    version = withdrawn(shop, artifact)
    later = LATER + timedelta(days=1)
    services.go_back(shop.id, version.id, **SAID | {"now": later})
    services.set_rollout_settings(shop.id, RolloutSettings(promoters=("7",)), now=later, actor=OWNER)
    assert standing_of(shop, version) is Standing.LIVE

    for back in (champion, version):
        services.go_back(shop.id, back.id, **SAID | {"now": later, "actor": OUTSIDER})

        assert queries.champion_id(shop.id) == back.id


@pytest.mark.parametrize(
    "said", [RolloutSettings(is_off=True, promoters=("7",)), RolloutSettings(freezes=(FROZEN,))]
)
def test_the_way_back_is_everybodys_at_any_time_and_no_ones_of_ours(
    said: RolloutSettings, shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    services.promote(shop.id, rollout.id, **ASKED)
    services.set_rollout_settings(shop.id, said, now=NOW, actor=OWNER)

    with pytest.raises(NotAllowedToPromote):
        services.go_back(shop.id, champion.id, **SAID | {"actor": SUPPORT})
    assert queries.champion_id(shop.id) == rollout.candidate_id
    services.go_back(shop.id, champion.id, **SAID | {"actor": OUTSIDER})

    assert queries.champion_id(shop.id) == champion.id


@pytest.mark.parametrize("actor", [OUTSIDER, SUPPORT])
def test_who_may_not_promote_may_stop_all_the_same(
    actor: str, shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    services.set_rollout_settings(shop.id, RolloutSettings(promoters=("7",)), now=NOW, actor=OWNER)

    for ask in (services.step, services.promote, services.resume, services.start):
        refuse(shop, ask, rollout, NotAllowedToPromote, actor=actor)
    with pytest.raises(NotAllowedToPromote):
        services.open_rollout(shop.id, champion.id, now=NOW, actor=actor, by_hand=True)
    with pytest.raises(NotAllowedToPromote):
        services.set_rollout_settings(shop.id, RolloutSettings(), now=NOW, actor=actor)
    services.pause(shop.id, rollout.id, **ASKED | {"actor": actor})
    undone = services.undo(shop.id, rollout.id, **ASKED | {"actor": actor})

    assert undone.state is RolloutState.ROLLED_BACK


def test_one_switch_takes_every_rollout_back_and_opens_none(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    shown = at_step(shop, artifact, 1)
    waiting = an_open_rollout(shop, artifact)

    services.set_rollout_settings(shop.id, RolloutSettings(is_off=True), now=LATER, actor=SUPPORT)

    assert queries.get_rollout(shop.id, shown.id).state is RolloutState.ROLLED_BACK
    assert queries.get_rollout(shop.id, waiting.id).state is RolloutState.ABORTED
    assert shares(shop) == {CHAMPION: 100}
    with pytest.raises(ReleasesOff):
        an_open_rollout(shop, artifact)
    [act] = audit.events(shop.id, event=Event.ROLLOUT_SETTINGS_CHANGED)
    assert (act.reason, act.actor, act.source) == ("Releases were switched off.", SUPPORT, "command")
    assert act.old is not None
    assert act.new is not None
    assert (act.old["is_off"], act.new["is_off"]) == (False, True)


def test_settings_that_make_no_sense_are_refused(shop: Shop) -> None:
    backwards = Freeze(LATER.date(), NOW.date())

    for settings in (RolloutSettings(plan=RolloutPlan(steps=(7,))), RolloutSettings(freezes=(backwards,))):
        with pytest.raises(BadPlan):
            services.set_rollout_settings(shop.id, settings, now=NOW, actor=OWNER)

    assert queries.settings(shop.id) == RolloutSettings()


def test_settings_come_back_as_they_were_given(shop: Shop) -> None:
    settings = RolloutSettings(
        plan=RolloutPlan(steps=(10, 50, 100), autonomy=Autonomy.HALF, ab_days=14),
        freezes=(Freeze(NOW.date(), LATER.date(), "Black Friday"),),
        promoters=("7", "9"),
    )

    services.set_rollout_settings(shop.id, settings, now=NOW, actor=OWNER)

    assert queries.settings(shop.id) == settings


def test_a_freeze_holds_what_goes_by_itself_and_never_the_way_back(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    freeze = Freeze(NOW.date(), LATER.date(), "Black Friday")
    services.set_rollout_settings(shop.id, RolloutSettings(freezes=(freeze,)), now=NOW, actor=OWNER)

    held = advance(shop, days=5)
    back = advance(shop, days=6, verdicts=HARM)

    assert held.waits_for == "Nothing widens until 11 December 2026 is over (Black Friday)."
    refuse(shop, services.step, rollout, ForbiddenRolloutMove)
    assert back.state is RolloutState.ROLLED_BACK


def test_a_day_of_a_plan_may_be_short(shop: Shop, artifact: Path, champion: Version, settings: Any) -> None:
    settings.ROLLOUT_DAY_SECONDS = 60
    an_open_rollout(shop, artifact)

    shown = services.advance(shop.id, now=NOW + timedelta(seconds=3), judge=saying(HEALTHY))

    assert shown is not None
    assert shown.state is RolloutState.CANARY


def test_the_timetable_looks_at_what_has_not_ended_and_no_data_moves_nothing(
    shop: Shop, artifact: Path, champion: Version, enqueued: Any, committed: Any
) -> None:
    rollout = an_open_rollout(shop, artifact)
    a_live_version(a_shop("quiet.myshopify.com"), artifact)

    with committed():
        tasks.sweep_rollouts()
    tasks.advance_rollout(shop_id=shop.id)

    assert enqueued.of(Job.ROLLOUT_ADVANCE) == [{"shop_id": shop.id}]
    assert queries.get_rollout(shop.id, rollout.id).state is RolloutState.SHADOW


def test_postgresql_refuses_two_live_rollouts_and_a_changed_past(
    shop: Shop, artifact: Path, champion: Version
) -> None:
    rollout = at_step(shop, artifact, 0)
    waiting = an_open_rollout(shop, artifact)
    rows = models.Rollout.objects.for_shop(shop.id)

    with pytest.raises(IntegrityError, match="one_live"), transaction.atomic():
        rows.filter(uuid=waiting.id).update(state=RolloutState.SHADOW)
    with pytest.raises(IntegrityError, match="one_waits"), transaction.atomic():
        rows.filter(uuid=rollout.id).update(state=RolloutState.DRAFT)
    for ledger in (models.RolloutMove, models.PointerMove):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            ledger.objects.for_shop(shop.id).update(words="Never mind.")


def test_an_erasure_takes_rollouts_and_their_moves(shop: Shop, artifact: Path, champion: Version) -> None:
    at_step(shop, artifact, 0)
    services.set_rollout_settings(shop.id, RolloutSettings(promoters=("7",)), now=NOW, actor=OWNER)

    services.erase_shop(shop.id)

    tables = (models.Pointer, models.PointerMove, models.Rollout, models.RolloutMove, models.RolloutSettings)
    assert [table.objects.for_shop(shop.id).count() for table in tables] == [0] * 5

"""Open rollouts, and let people and the timetable move them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version
from backend.rollouts import models, queries, rules
from backend.rollouts.queries.rollouts import rollout_of
from backend.rollouts.services import moving
from backend.rollouts.services.pointing import Aim, hold_pointer, point
from backend.rollouts.values import (
    OPENABLE,
    DamagedVersion,
    ForbiddenRolloutMove,
    Move,
    NotAllowedToPromote,
    NotReleasable,
    OldPage,
    ReleasesOff,
    Rollout,
    RolloutAction,
    RolloutPlan,
    RolloutState,
    Standing,
    Verdicts,
    Wait,
)

Judge = Callable[[Rollout, datetime], Verdicts]

# What anybody of a shop may go back to: it answered everybody and was not withdrawn since.
WAYS_BACK = frozenset({Standing.LIVE, Standing.RETIRED})

# Of what a rollout may be opened: what the gate or a person let through. What came back from one was, and is
# rolled out anew by a person only: by itself its former rollout stands.
LET_THROUGH = OPENABLE - {Standing.HELD}
WHY_NOT = {
    Standing.CANDIDATE: "The gate has not judged version {number} yet.",
    Standing.REJECTED: "The files of version {number} are damaged.",
    Standing.HELD: "The gate held version {number}, and nobody let it through.",
    Standing.LIVE: "Version {number} answers already.",
    Standing.RETIRED: "Version {number} answered everybody before: it is gone back to.",
}

NEWER = "A newer version takes its place before anybody saw it."
ALREADY_LIVE = "Its version answers already."
WAITS = "The rollout before it has not ended yet."
OFF = "Releases are switched off in this shop."
WENT_BACK = "Another version was gone back to."


def open_rollout(
    shop_id: int,
    version_id: UUID,
    *,
    now: datetime,
    actor: str = audit.SYSTEM,
    by_hand: bool = False,
    plan: RolloutPlan | None = None,
    reason: str = "",
) -> Rollout:
    """
    Open the rollout of a version, and start it unless it has to wait; one that is open already stays.

    A newer candidate takes the place of one that nobody saw. Once visitors see one it waits for the end of
    that, and only the newest waits. Without a person a version is rolled out once.

    :param by_hand: a person asks for it, so it starts whatever its plan says of going on alone
    :param plan: in place of the shop's
    :raises ReleasesOff: if the shop has switched its releases off
    :raises NotReleasable: if neither the gate nor a person let the version through, or it answered everybody
    :raises ForbiddenRolloutMove: if nothing answers yet
    :raises DamagedVersion: if its files can't be opened
    :raises NotAllowedToPromote: if this person may not
    """
    if by_hand:
        check_may_promote(shop_id, actor)
    version = _opened(shop_id, version_id)
    with transaction.atomic():
        pointer = hold_pointer(shop_id)
        known = _known(shop_id, version, by_hand=by_hand)
        if known is not None:
            return known
        _check_may_open(shop_id, version)
        if pointer is None:
            raise ForbiddenRolloutMove("Nothing is live yet: the first version needs no rollout.")
        _make_way(shop_id, now=now, actor=actor)
        opened = _create(shop_id, version, pointer, plan=plan, reason=reason, now=now, actor=actor)
        return _start_alone(opened, by_hand=by_hand, now=now, actor=actor)


def _opened(shop_id: int, version_id: UUID) -> Version:
    """Return a version whose files were read, every byte of them."""
    version = registry.get_version(shop_id, version_id)
    try:
        registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    except ArtifactRefused as error:
        raise DamagedVersion(f"Version {version.number} can't be used: its files are damaged.") from error
    return version


def _known(shop_id: int, version: Version, *, by_hand: bool) -> Rollout | None:
    """Return the rollout of a version that makes another one needless, or None."""
    rows = models.Rollout.objects.for_shop(shop_id).filter(candidate__uuid=version.id)
    row = rows.select_related("candidate", "champion").order_by("-number").first()
    if row is None or (by_hand and row.ended_at is not None):
        return None
    return rollout_of(row)


def _check_may_open(shop_id: int, version: Version) -> None:
    if queries.settings(shop_id).is_off:
        raise ReleasesOff(OFF)
    standing = queries.standings(shop_id, [version.id])[version.id]
    if standing not in LET_THROUGH:
        raise NotReleasable(WHY_NOT[standing].format(number=version.number))


def _make_way(shop_id: int, *, now: datetime, actor: str) -> None:
    """End what a newer candidate supersedes: what waits, and what lives and was seen by nobody."""
    live, waiting = moving.hold_live(shop_id), moving.hold_waiting(shop_id)
    for row in (live, waiting):
        if row is not None and rules.supersedes(rollout_of(row)):
            superseded = Move(rules.end(rollout_of(row), RolloutState.SUPERSEDED), NEWER)
            moving.move(row, superseded, now=now, actor=actor)


def _create(
    shop_id: int,
    version: Version,
    pointer: models.Pointer,
    *,
    plan: RolloutPlan | None,
    reason: str,
    now: datetime,
    actor: str,
) -> Rollout:
    newest = models.Rollout.objects.for_shop(shop_id).aggregate(number=Max("number"))["number"]
    words = reason or f"Version {version.number} is to be rolled out."
    row = models.Rollout.objects.for_shop(shop_id).create(
        number=(newest or 0) + 1,
        candidate_id=registry.row_id(shop_id, version.id),
        champion_id=pointer.champion_id,
        state=RolloutState.DRAFT,
        plan=rules.storable_plan(plan or queries.settings(shop_id).plan),
        opened_at=now,
        entered_at=now,
        words=words,
    )
    opened = queries.get_rollout(shop_id, row.uuid)
    moving.write_move(row.id, opened, evidence={}, now=now, actor=actor)
    audit.record(
        Event.ROLLOUT_OPENED,
        shop_id=shop_id,
        subject=f"rollout {row.number}",
        reason=words,
        now=now,
        actor=actor,
        details={"rollout": str(row.uuid), "version": str(version.id), "plan": row.plan},
    )
    return opened


def _start_alone(opened: Rollout, *, by_hand: bool, now: datetime, actor: str) -> Rollout:
    """Start a rollout that was just opened, if nothing stands in its way."""
    if queries.find_live_rollout(opened.shop_id) is not None:
        return _note(opened, WAITS)
    found = queries.settings(opened.shop_id), Verdicts(), queries.moment(opened.shop_id, now)
    start = rules.asked_move(RolloutAction.START, opened, *found, reason=opened.words) if by_hand else None
    return _follow(opened, start or rules.next_move(opened, *found), now=now, actor=actor)


def _follow(rollout: Rollout, outcome: Move | Wait, *, now: datetime, actor: str) -> Rollout:
    """Make a move that was decided from a rollout as it was, or note what it waits for."""
    if isinstance(outcome, Wait):
        return _note(rollout, outcome.words)
    with transaction.atomic():
        row = moving.hold_rollout(rollout.shop_id, rollout.id)
        if row.revision != rollout.revision:
            raise LostRace(f"Rollout {rollout.number} moved past revision {rollout.revision}.")
        return moving.move(row, outcome, now=now, actor=actor)


def _note(rollout: Rollout, words: str) -> Rollout:
    """Remember what a rollout waits for, if it is still where it was; that is no move."""
    if words != rollout.waits_for:
        rows = models.Rollout.objects.for_shop(rollout.shop_id)
        rows.filter(uuid=rollout.id, revision=rollout.revision).update(waits_for=words)
    return replace(rollout, waits_for=words)


def advance(shop_id: int, *, now: datetime, judge: Judge = queries.verdicts_on) -> Rollout | None:
    """
    Look at a shop's rollout, and make the move that follows from what is known, if one does.

    It may come twice, late, and from two workers at once: each move is decided on one revision of the rollout
    and made on that only.

    :returns: the rollout as it stands, or None where none is open
    """
    live = queries.find_live_rollout(shop_id)
    rollout = live or queries.find_waiting_rollout(shop_id)
    if rollout is None:
        return None
    if rollout.candidate_id == queries.champion_id(shop_id):
        superseded = Move(rules.end(rollout, RolloutState.SUPERSEDED), ALREADY_LIVE)
        return _follow(rollout, superseded, now=now, actor=audit.SYSTEM)
    outcome = rules.next_move(
        rollout, queries.settings(shop_id), judge(rollout, now), queries.moment(shop_id, now)
    )
    return _follow(rollout, outcome, now=now, actor=audit.SYSTEM)


def ask(
    act: RolloutAction,
    shop_id: int,
    rollout_id: UUID,
    *,
    reason: str,
    now: datetime,
    actor: str,
    revision: int | None = None,
    judge: Judge = queries.verdicts_on,
) -> Rollout:
    """
    Let a person move a rollout.

    :param revision: of the rollout that the person saw; a click that comes twice moves nothing twice
    :raises NotAllowedToPromote: if this person may not widen one
    :raises ForbiddenRolloutMove: if the rollout can't be asked for this now
    :raises OldPage: if it moved since the person saw it
    :raises LostRace: if it moved in this moment, where no revision is given
    """
    if act in rules.WIDENING:
        check_may_promote(shop_id, actor)
    seen = queries.get_rollout(shop_id, rollout_id)
    verdicts = judge(seen, now)
    with transaction.atomic():
        row = moving.hold_rollout(shop_id, rollout_id)
        if revision is not None and row.revision != revision:
            raise OldPage(f"Rollout {row.number} has moved since. Look at it again.")
        if row.revision != seen.revision:
            raise LostRace(f"Rollout {row.number} moved past revision {seen.revision}.")
        if act is RolloutAction.START and moving.hold_live(shop_id) is not None:
            raise ForbiddenRolloutMove(WAITS)
        if act is RolloutAction.UNDO and row.state == RolloutState.PROMOTED:
            _end_live(shop_id, WENT_BACK, now=now, actor=actor)
        known = queries.settings(shop_id), verdicts, queries.moment(shop_id, now)
        outcome = rules.asked_move(act, rollout_of(row), *known, reason=reason)
        if isinstance(outcome, Wait):
            raise ForbiddenRolloutMove(outcome.words)
        return moving.move(row, outcome, now=now, actor=actor, is_looked_at=act is RolloutAction.RESUME)


start = partial(ask, RolloutAction.START)
pause = partial(ask, RolloutAction.PAUSE)
resume = partial(ask, RolloutAction.RESUME)
step = partial(ask, RolloutAction.STEP)
promote = partial(ask, RolloutAction.PROMOTE)
undo = partial(ask, RolloutAction.UNDO)
abort = partial(ask, RolloutAction.ABORT)


def check_may_promote(shop_id: int, actor: str) -> None:
    """Refuse whoever may not show a candidate to more visitors. :raises NotAllowedToPromote: then"""
    if not queries.may_promote(shop_id, actor):
        raise NotAllowedToPromote("The shop's settings leave this to others.")


def _end_live(shop_id: int, words: str, *, now: datetime, actor: str, aim: Aim | None = None) -> bool:
    """Take the live rollout of a shop back; whether there was one."""
    row = moving.hold_live(shop_id)
    if row is None:
        return False
    back = Move(rules.end(rollout_of(row), RolloutState.ROLLED_BACK), words)
    moving.move(row, back, now=now, actor=actor, aim=aim)
    return True


@transaction.atomic
def set_champion(
    shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str = audit.SYSTEM
) -> None:
    """
    Let one version answer every visitor of a shop at once; the one it replaces stays warm behind it.

    For a shop's first version, and for going back. A rollout that lives ends: what it was compared with is
    no longer the champion. It is one write of the pointer all the same.
    """
    pointer = hold_pointer(shop_id)
    champion = registry.row_id(shop_id, version_id)
    if pointer is not None and pointer.champion_id == champion:
        return
    aim = Aim(champion, former_id=pointer.champion_id if pointer else None)
    if not _end_live(shop_id, reason, now=now, actor=actor, aim=aim):
        revision = pointer.revision if pointer else 0
        point(shop_id, aim, revision=revision, words=reason, now=now, actor=actor)


def go_back(shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str) -> None:
    """
    Let a version answer again that was live before. Its files are opened first.

    The way back is open to all of the merchant's people, in a freeze and with releases off too. One that was
    withdrawn, or is rolled out at the moment, comes to more visitors by this: it asks what promoting asks.

    :raises ForbiddenRolloutMove: if it never was live, or a freeze holds what was withdrawn
    :raises DamagedVersion: if its files can't be opened
    :raises NotAllowedToPromote: if this person may not
    :raises ReleasesOff: if the shop has switched its releases off, and it was withdrawn
    """
    version = _opened(shop_id, version_id)
    if version_id not in queries.was_live(shop_id):
        raise ForbiddenRolloutMove(f"Version {version.number} was never live: it has to be rolled out.")
    if queries.is_staff(actor):
        raise NotAllowedToPromote("People of ours change no version that answers everybody.")
    with transaction.atomic():
        hold_pointer(shop_id)
        if queries.standings(shop_id, [version_id])[version_id] not in WAYS_BACK:
            _check_may_widen(shop_id, now=now, actor=actor)
        set_champion(shop_id, version_id, reason=reason, now=now, actor=actor)


def _check_may_widen(shop_id: int, *, now: datetime, actor: str) -> None:
    check_may_promote(shop_id, actor)
    settings = queries.settings(shop_id)
    if settings.is_off:
        raise ReleasesOff(OFF)
    frozen = rules.why_frozen(settings, queries.moment(shop_id, now))
    if frozen:
        raise ForbiddenRolloutMove(frozen)

"""
Who works on a shop's lists, and how far they are. The only writer of ``Publisher`` and ``Comparison``.

One worker at a time: whoever claims a shop's row has it until it falls silent.
Who finds the row claimed may go, because the holder reads the pointer once more,
under a lock on the row, before it lets go: a pointer that moved before that is
seen there, and whoever moves it later finds the row free.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.catalog import queries as catalog
from backend.core import leases
from backend.core.errors import LostRace
from backend.core.ids import uuid7
from backend.core.queue import Job
from backend.publishing import queries, rules
from backend.publishing.models import Comparison, Publication, Publisher
from backend.publishing.rules import Places
from backend.publishing.values import HOME, POPULAR, REFRESH, START, Claim, HeldSlot, Slot, Switch
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CANDIDATE, CHAMPION, HoldoutPolicy, LiveArm, LiveArms, Pointed, Verdict
from backend.shops import queries as shops
from backend.shops.values import ShopState


@dataclass(frozen=True, slots=True)
class Goal:
    """The version whose lists a slot should hold, and the last page that is known to hold its own."""

    slot: Slot
    arm: LiveArm
    cursor: int
    written: int


@dataclass(frozen=True, slots=True)
class PageChanges:
    """
    What pages came and went since the slots were compared.

    :param gone: products without a page, of which lists are noted still
    :param come: pages of which a slot has no list that holds those of all others, by slot and its version
    """

    gone: tuple[int, ...]
    come: tuple[tuple[Slot, LiveArm, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Work:
    """
    What is to be done next for a shop's pages.

    :param switch: what the switch has to say, before anything else is written; None where it says so
    :param holdout: who is held out, where their list is to be compared then
    :param changes: which pages came and went, which is seen to after that; None where none did
    :param goal: the slot that is to be compared at last; None where both hold what they should
    """

    arms: LiveArms
    switch: Switch | None = None
    holdout: HoldoutPolicy | None = None
    changes: PageChanges | None = None
    goal: Goal | None = None

    @property
    def is_none(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.switch or self.holdout or self.changes or self.goal)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a comparison came to. ``is_new`` says whether the slot held another version's lists before."""

    written: int
    is_new: bool


def claim(shop_id: int, *, now: datetime) -> Claim | None:
    """Return the right to write a shop's lists, or None while another worker has it."""
    with transaction.atomic():
        row = _locked(shop_id, now=now)
        # Under the job's lease this worker is known to be the only one: whoever had the claim is dead.
        is_alone = leases.is_held_here(Job.PUBLISH.value, shop_id=shop_id)
        if not is_alone and not rules.may_claim(heard_at=row.heard_at, now=now):
            return None
        row.claim, row.heard_at = uuid7(), now
        row.attempts += 1
        row.retry_at = now + rules.pause(row.attempts)
        row.save()
    return Claim(shop_id, row.claim)


def next_work(held: Claim, *, now: datetime, are_pages_known: bool) -> Work | None:
    """
    Return what is to be done next, or let go of the shop and return None where nothing is.

    Nothing is live, or the app is gone, or the pages hold what they should. A version whose lists were being
    written is gone on with; another one begins at the first page.

    :param are_pages_known: which pages came and went was seen to already; some may have nothing to show
    """
    # Before the lock: only a hint, which a wrong one makes a page expire early at worst.
    is_healthy = _is_healthy(held.shop_id)
    with transaction.atomic():
        row = _held(held)
        arms, shop = rollouts.fresh_arms(held.shop_id), shops.get_fresh_shop(held.shop_id)
        if not arms.arms or shop.state is not ShopState.INSTALLED:
            # Nothing failed: what is released later is not to wait for that.
            row.attempts, row.retry_at = 0, now
            _let_go(row)
            return None
        if row.installed_at != shop.installed_at:
            _forget(row)
            row.installed_at = shop.installed_at
        row.heard_at = now
        work = _work(row, arms, is_healthy=is_healthy, are_pages_known=are_pages_known, now=now)
        if work.is_none:
            row.attempts, row.failure, row.retry_at = 0, "", now
            _let_go(row)
            return None
        row.save()
    return work


def _work(row: Publisher, arms: LiveArms, *, is_healthy: bool, are_pages_known: bool, now: datetime) -> Work:
    slots, held, pointed = _slots(row.shop_id), Switch.from_json(row.switch), pointed_by(arms)
    known = {slot: queries.held_slot(one) for slot, one in slots.items()}
    switch = rules.next_switch(held, known, pointed, is_healthy=is_healthy, now=now)
    if switch != held or not row.is_switch_confirmed:
        return Work(arms, switch=switch)
    holdout = rollouts.fresh_holdout(row.shop_id)
    if _is_holdout_due(row, holdout, now=now):
        return Work(arms, holdout=holdout)
    places = rules.place(known, held, pointed)
    changes = None if are_pages_known else _page_changes(row.shop_id, arms, known, places)
    if changes is not None:
        return Work(arms, changes=changes)
    slot = rules.next_slot(known, held, pointed, now=now)
    if slot is None:
        return Work(arms)
    name = CHAMPION if slot is places.champion else CANDIDATE
    return Work(arms, goal=_begin(slots[slot], arms.get(name)))


def _page_changes(
    shop_id: int, arms: LiveArms, known: Mapping[Slot, HeldSlot], places: Places
) -> PageChanges | None:
    pages = {HOME, *catalog.listed_products(shop_id)}
    noted: dict[Slot, set[int]] = {slot: set() for slot in Slot}
    for name, product_id in Publication.objects.for_shop(shop_id).values_list("slot", "product_id"):
        noted[Slot(name)].add(product_id)
    gone = set().union(*noted.values()) - pages - {POPULAR}
    come = []
    for slot, arm in ((places.champion, arms.find(CHAMPION)), (places.candidate, arms.find(CANDIDATE))):
        if slot is None or arm is None or known[slot].version_id != arm.version_id:
            continue
        if pages - noted[slot]:
            come.append((slot, arm, tuple(sorted(pages - noted[slot]))))
    return PageChanges(tuple(sorted(gone)), tuple(come)) if gone or come else None


def _is_holdout_due(row: Publisher, holdout: HoldoutPolicy, *, now: datetime) -> bool:
    # A holdout that ended is told to the pages too; a shop that never had one needs no list for it.
    if holdout.since is None:
        return False
    compared_at = row.holdout_compared_at
    return row.holdout != policy_of(holdout) or compared_at is None or now - compared_at > REFRESH


def policy_of(holdout: HoldoutPolicy) -> str:
    """Return what a list says of who is held out."""
    return json.dumps({"percent": holdout.percent, "salt": holdout.salt})


def _begin(row: Comparison, arm: LiveArm) -> Goal:
    """Go on with the comparison of a slot, or begin one."""
    if row.goal_id != arm.version_id:
        row.goal_id, row.cursor, row.written = arm.version_id, START, 0
    if row.version_id != arm.version_id:
        # From the first write on the slot holds some lists of each.
        row.version_id = None
    row.save()
    return Goal(Slot(row.slot), arm, row.cursor, row.written)


def pointed_by(arms: LiveArms) -> Pointed:
    """Return what a shop's arms say of its pointer."""
    champion, candidate, draw = arms.get(CHAMPION), arms.find(CANDIDATE), arms.draw
    if candidate is None or draw is None:
        return Pointed(champion.version_id)
    return Pointed(
        champion.version_id, candidate.version_id, draw.rollout_id, salt=draw.salt, percent=draw.percent
    )


def _is_healthy(shop_id: int) -> bool:
    rollout = rollouts.find_live_rollout(shop_id)
    if rollout is None:
        return True
    return rollouts.judge_guards(rollout).verdict not in {Verdict.FAILED, Verdict.ERROR}


def is_moved(shop_id: int, arms: LiveArms) -> bool:
    """Return whether a shop's pointer says something else by now."""
    return rollouts.fresh_arms(shop_id).revision != arms.revision


def finish_holdout(held: Claim, holdout: HoldoutPolicy, *, now: datetime) -> None:
    """Note that held-out visitors see what they should."""
    hear(held, now=now, holdout=policy_of(holdout), holdout_compared_at=now, attempts=0, failure="")


def announce(held: Claim, switch: Switch, *, now: datetime) -> None:
    """Note what the switch is about to say, of which nobody knows yet whether it does."""
    hear(held, now=now, switch=switch.to_json(), is_switch_confirmed=False)


def confirm(held: Claim, *, now: datetime) -> None:
    """
    Note that the switch says what was announced.

    :raises LostRace: if another worker has the shop's lists by now; then nobody knows what it says
    """
    try:
        hear(held, now=now, is_switch_confirmed=True, attempts=0, failure="")
    except LostRace:
        Publisher.objects.for_shop(held.shop_id).update(is_switch_confirmed=False)
        raise


def hear(held: Claim, *, now: datetime, **values: Any) -> None:
    """
    Write a sign of life, and what else is new.

    :raises LostRace: if another worker has the shop's lists by now
    """
    rows = Publisher.objects.for_shop(held.shop_id).filter(claim=held.token)
    if rows.update(heard_at=now, **values) != 1:
        raise LostRace(f"Another worker has the lists of shop {held.shop_id}.")


@transaction.atomic
def advance(held: Claim, goal: Goal, *, cursor: int, written: int, now: datetime) -> None:
    """Note that a slot's pages are compared up to one."""
    # Progress: whatever ended earlier tries is over.
    hear(held, now=now, attempts=0, failure="")
    rows = Comparison.objects.for_shop(held.shop_id).filter(slot=goal.slot)
    rows.update(cursor=cursor, written=written)


@transaction.atomic
def finish(held: Claim, goal: Goal, *, now: datetime) -> Finished | None:
    """
    Note that a slot holds the lists of its goal.

    :returns: None if they have to be compared once more: the app was installed anew, or a list is in doubt
    """
    _held(held)
    row = _slots(held.shop_id)[goal.slot]
    is_new = row.version_id != goal.arm.version_id
    written, row.goal_id = row.written, None
    if _is_outdated(held.shop_id, goal.slot):
        row.save()
        return None
    row.version_id, row.cursor, row.written = goal.arm.version_id, START, 0
    row.compared_at = now
    row.save()
    return Finished(written, is_new)


def _is_outdated(shop_id: int, slot: Slot) -> bool:
    installed_at = Publisher.objects.for_shop(shop_id).values_list("installed_at", flat=True).get()
    if installed_at != shops.get_fresh_shop(shop_id).installed_at:
        return True
    return Publication.objects.for_shop(shop_id).filter(slot=slot, is_confirmed=False).exists()


def release(held: Claim, *, failure: str = "") -> None:
    """Let go of a shop before its lists are done; a claim that was lost meanwhile is not ours to release."""
    rows = Publisher.objects.for_shop(held.shop_id).filter(claim=held.token)
    rows.update(claim=None, heard_at=None, failure=failure)


def doubt(shop_id: int, slot: Slot) -> None:
    """Note that a slot may hold something else than was noted, so that it is compared again."""
    Comparison.objects.for_shop(shop_id).filter(slot=slot).update(version_id=None)


def ask_later(shop_id: int, *, now: datetime) -> None:
    """Keep the sweep from asking for a shop in every minute in which the queue is long."""
    with transaction.atomic():
        row = _locked(shop_id, now=now)
        row.retry_at = now + rules.pause(row.attempts + 1)
        row.save(update_fields=["retry_at"])


def forget(shop_id: int, *, now: datetime) -> None:
    """Note that a shop holds nothing of ours any more; whoever is writing some of it loses their claim."""
    with transaction.atomic():
        row = _locked(shop_id, now=now)
        _forget(row)
        _let_go(row)


def _forget(row: Publisher) -> None:
    Publication.objects.for_shop(row.shop_id).delete()
    Comparison.objects.for_shop(row.shop_id).delete()
    row.switch, row.is_switch_confirmed = {}, True
    row.holdout, row.holdout_compared_at = "", None


def _let_go(row: Publisher) -> None:
    row.claim = row.heard_at = None
    row.save()


def _held(held: Claim) -> Publisher:
    row = Publisher.objects.for_shop(held.shop_id).select_for_update().filter(claim=held.token).first()
    if row is None:
        raise LostRace(f"Another worker has the lists of shop {held.shop_id}.")
    return row


def _slots(shop_id: int) -> Mapping[Slot, Comparison]:
    rows = Comparison.objects.for_shop(shop_id)
    rows.bulk_create([Comparison(slot=slot) for slot in Slot], ignore_conflicts=True)
    return {Slot(row.slot): row for row in rows.all()}


def _locked(shop_id: int, *, now: datetime) -> Publisher:
    rows = Publisher.objects.for_shop(shop_id)
    rows.bulk_create([Publisher(retry_at=now)], ignore_conflicts=True)
    return rows.select_for_update().get()

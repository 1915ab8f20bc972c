"""
Who works on a shop's lists, and how far they are. The only writer of ``Comparison``.

One worker at a time: whoever claims a shop's row has it until it falls silent.
Who finds the row claimed may go, because the holder reads the pointer once more,
under a lock on the row, before it lets go: a pointer that moved before that is
seen there, and whoever moves it later finds the row free.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from backend.core import leases
from backend.core.errors import LostRace
from backend.core.ids import uuid7
from backend.core.queue import Job
from backend.publishing import rules
from backend.publishing.models import Comparison, Publication
from backend.publishing.values import START, Claim
from backend.rollouts import queries as rollouts
from backend.rollouts.values import LiveArm
from backend.shops import queries as shops
from backend.shops.values import ShopState


@dataclass(frozen=True, slots=True)
class Goal:
    """The version whose lists a shop should hold, and the last page that is known to hold its own."""

    arm: LiveArm
    cursor: int
    written: int


@dataclass(frozen=True, slots=True)
class Finished:
    """What a comparison came to. ``is_new`` says whether the pages held another version's lists before."""

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


def aim(held: Claim, *, now: datetime) -> Goal | None:
    """
    Return what is to be written next, or None where nothing is live or the app is gone.

    A version that was being written is gone on with; another one begins at the first page.
    """
    arm = find_live(held.shop_id)
    shop = shops.get_fresh_shop(held.shop_id)
    if arm is None or shop.state is not ShopState.INSTALLED:
        return None
    with transaction.atomic():
        row = _held(held)
        if row.installed_at != shop.installed_at:
            _forget(row)
            row.installed_at = shop.installed_at
        if row.goal_id != arm.version_id:
            row.goal_id, row.cursor, row.written = arm.version_id, START, 0
        if row.version_id != arm.version_id:
            # From the first write on the pages hold some lists of each.
            row.version_id = None
        row.heard_at = now
        row.save()
    return Goal(arm, row.cursor, row.written)


def find_live(shop_id: int) -> LiveArm | None:
    """Return the version that answers a shop now."""
    arms = rollouts.fresh_arms(shop_id).arms
    return arms[0] if arms else None


def hear(held: Claim, *, now: datetime, **values: Any) -> None:
    """
    Write a sign of life, and what else is new.

    :raises LostRace: if another worker has the shop's lists by now
    """
    rows = Comparison.objects.for_shop(held.shop_id).filter(claim=held.token)
    if rows.update(heard_at=now, **values) != 1:
        raise LostRace(f"Another worker has the lists of shop {held.shop_id}.")


def finish(held: Claim, version_id: UUID, *, now: datetime) -> Finished | None:
    """
    Let go of a shop whose pages hold the lists of a version, if that version is still the live one.

    :returns: None if there is more to do: the pointer moved, the app was installed anew, or a page's
        list is in doubt
    """
    with transaction.atomic():
        row = _held(held)
        if _is_outdated(row, version_id):
            row.goal_id, row.heard_at = None, now
            row.save()
            return None
        finished = Finished(row.written, is_new=row.version_id != version_id)
        row.version_id, row.goal_id, row.cursor = version_id, None, START
        row.attempts, row.failure = 0, ""
        row.compared_at = row.retry_at = now
        _let_go(row)
    return finished


def _is_outdated(row: Comparison, version_id: UUID) -> bool:
    live = find_live(row.shop_id)
    if live is None or live.version_id != version_id:
        return True
    if row.installed_at != shops.get_fresh_shop(row.shop_id).installed_at:
        return True
    return Publication.objects.for_shop(row.shop_id).filter(is_confirmed=False).exists()


def release(held: Claim, *, failure: str = "") -> None:
    """Let go of a shop before its lists are done; a claim that was lost meanwhile is not ours to release."""
    rows = Comparison.objects.for_shop(held.shop_id).filter(claim=held.token)
    rows.update(claim=None, heard_at=None, failure=failure)


def doubt(shop_id: int) -> None:
    """Note that a shop's pages may hold something else than was noted, so that they are compared again."""
    Comparison.objects.for_shop(shop_id).update(version_id=None)


def ask_later(shop_id: int, *, now: datetime) -> None:
    """Keep the sweep from asking for a shop in every minute in which the queue is long."""
    with transaction.atomic():
        row = _locked(shop_id, now=now)
        row.retry_at = now + rules.pause(row.attempts + 1)
        row.save(update_fields=["retry_at"])


def forget(shop_id: int, *, now: datetime) -> None:
    """Note that a shop holds no list of ours any more; whoever is writing some loses their claim."""
    with transaction.atomic():
        row = _locked(shop_id, now=now)
        _forget(row)
        _let_go(row)


def _forget(row: Comparison) -> None:
    Publication.objects.for_shop(row.shop_id).delete()
    row.version_id = row.goal_id = row.compared_at = None
    row.cursor, row.written = START, 0


def _let_go(row: Comparison) -> None:
    row.claim = row.heard_at = None
    row.save()


def _held(held: Claim) -> Comparison:
    row = Comparison.objects.for_shop(held.shop_id).select_for_update().filter(claim=held.token).first()
    if row is None:
        raise LostRace(f"Another worker has the lists of shop {held.shop_id}.")
    return row


def _locked(shop_id: int, *, now: datetime) -> Comparison:
    rows = Comparison.objects.for_shop(shop_id)
    rows.bulk_create([Comparison(retry_at=now)], ignore_conflicts=True)
    return rows.select_for_update().get()

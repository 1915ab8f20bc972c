"""Pure decisions of publishing: which slot holds what, what its switch says, and when to look again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from backend.publishing.values import (
    FIRST_PAUSE,
    LEASE,
    LONGEST_PAUSE,
    REFRESH,
    SWITCH_LIFE,
    SWITCH_RENEWAL,
    Held,
    HeldSlot,
    Progress,
    Slot,
    Switch,
)
from backend.rollouts.values import Judged, Pointed, Rollout, Verdict


def may_claim(*, heard_at: datetime | None, now: datetime) -> bool:
    """Return whether nobody works on a shop's lists, or whoever did has fallen silent."""
    return heard_at is None or now - heard_at > LEASE


@dataclass(frozen=True, slots=True)
class Places:
    """The slots that a shop's versions belong into; None for a candidate that has to wait for one."""

    champion: Slot
    candidate: Slot | None = None


def place(slots: Mapping[Slot, HeldSlot], switch: Switch, pointed: Pointed) -> Places:
    """
    Return where the lists of each version belong.

    A slot that everybody sees is not rewritten with another version's lists while it holds one's completely:
    these are written into the other slot and shown at once when they are all there. Where the other slot
    holds them already, to show them is one write.
    """
    shown = switch.default
    champion = _champion_slot(slots, shown, pointed.champion_id)
    # Until the champion is shown, the other slot is what is being left.
    has_room = pointed.candidate_id is not None and champion is shown
    return Places(champion, champion.other if has_room else None)


def _champion_slot(slots: Mapping[Slot, HeldSlot], shown: Slot, champion: UUID) -> Slot:
    for slot in (shown, shown.other):
        if slots[slot].version_id == champion:
            return slot
    # What is shown is no version's whole: nothing is lost by writing over it.
    return shown if slots[shown].version_id is None else shown.other


def next_switch(
    held: Switch, slots: Mapping[Slot, HeldSlot], pointed: Pointed, *, is_healthy: bool, now: datetime
) -> Switch:
    """
    Return what the switch should say now.

    A candidate is named only while both versions' lists are there completely. Its expiry moves on only while
    it is healthy: what stands in pages that nobody can call back then ends by itself.
    """
    places = place(slots, held, pointed)
    is_champion_there = slots[places.champion].version_id == pointed.champion_id
    bare = Switch(places.champion if is_champion_there else held.default)
    if not is_champion_there or not _shows_candidate(places, slots, pointed):
        return bare
    named = Switch(
        default=places.champion,
        candidate=places.candidate,
        share=pointed.percent,
        rollout_id=pointed.rollout_id,
        salt=pointed.salt,
        expires_at=held.expires_at,
    )
    if named == held and not _is_due(held, now=now):
        return held
    if is_healthy:
        return replace(named, expires_at=now + SWITCH_LIFE)
    is_over = held.expires_at is None or now >= held.expires_at
    return bare if is_over or held.rollout_id != pointed.rollout_id else held


def _shows_candidate(places: Places, slots: Mapping[Slot, HeldSlot], pointed: Pointed) -> bool:
    if places.candidate is None or pointed.percent == 0:
        return False
    return slots[places.candidate].version_id == pointed.candidate_id


def _is_due(switch: Switch, *, now: datetime) -> bool:
    return switch.expires_at is not None and switch.expires_at - now <= SWITCH_LIFE - SWITCH_RENEWAL


def next_slot(
    held: Mapping[Slot, HeldSlot], switch: Switch, pointed: Pointed, *, now: datetime
) -> Slot | None:
    """Return the slot that is to be compared next with what its version would show, or None."""
    places = place(held, switch, pointed)
    if _needs(held[places.champion], pointed.champion_id, now=now):
        return places.champion
    if places.candidate and _needs(held[places.candidate], pointed.candidate_id, now=now):
        return places.candidate
    return None


def _needs(slot: HeldSlot, version_id: UUID | None, *, now: datetime) -> bool:
    if slot.version_id != version_id or slot.goal_id is not None:
        return True
    return slot.compared_at is None or now - slot.compared_at > REFRESH


def is_due(held: Held, pointed: Pointed, *, installed_at: datetime | None, now: datetime) -> bool:
    """
    Return whether the sweep should ask for a comparison.

    :param installed_at: when the shop installed the app, this time
    """
    if not may_claim(heard_at=held.heard_at, now=now):
        return False
    if held.retry_at is not None and now < held.retry_at:
        return False
    if held.installed_at != installed_at or not held.is_switch_known:
        return True
    # Whether it is healthy is asked by who does the work.
    wanted = next_switch(held.switch, held.slots, pointed, is_healthy=True, now=now)
    return wanted != held.switch or next_slot(held.slots, held.switch, pointed, now=now) is not None


def judge_lists(held: Held, rollout: Rollout, progress: Progress | None, *, now: datetime) -> Judged:
    """
    Tell whether a shop's pages are where its rollout is, so that the rollout may be shown to more visitors.

    Every page holds both versions' lists, and once visitors see the candidate the switch says to how many.
    """
    if not {rollout.champion_id, rollout.candidate_id} <= {slot.version_id for slot in held.slots.values()}:
        return Judged(Verdict.NOT_ENOUGH, _unwritten(held, progress))
    if rollout.percent and not _is_told(held, rollout, now=now):
        words = "The shop's pages are not told of its last step yet."
        return Judged(Verdict.NOT_ENOUGH, f"{words} {held.failure}".strip())
    return Judged(Verdict.SUCCESS, "Its lists are on the shop's pages.")


def _unwritten(held: Held, progress: Progress | None) -> str:
    words = "Its lists are not on all of the shop's pages yet."
    if progress:
        words = f"{words} {progress.done:,} of {progress.pages:,} are written."
    return f"{words} {held.failure}".strip()


def _is_told(held: Held, rollout: Rollout, *, now: datetime) -> bool:
    said = held.switch
    is_alive = said.expires_at is not None and now < said.expires_at
    is_same = (said.rollout_id, said.share) == (rollout.id, rollout.percent)
    return held.is_switch_known and is_alive and is_same


def is_sound(items: Sequence[int], *, page: int) -> bool:
    """Return whether a list names no product twice, nor the one whose page it is."""
    return len(set(items)) == len(items) and page not in items


def pause(attempts: int) -> timedelta:
    """Return how long the sweep leaves a shop alone after so many claims without progress."""
    # The exponent is bounded first: a shop that failed for a year must not ask for 2 to the thousandth.
    doublings = min(max(attempts - 1, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)

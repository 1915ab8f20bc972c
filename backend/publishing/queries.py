"""Reads of publishing."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from backend.catalog import queries as catalog
from backend.publishing import rules
from backend.publishing.models import Comparison, Publication, Publisher
from backend.publishing.values import EMPTY, HOME, NOTHING, Held, HeldSlot, Progress, Slot, Switch
from backend.rollouts import queries as rollouts
from backend.rollouts.values import Rollout, Verdicts
from backend.serving.values import NOTHING_AHEAD, MadeAhead


def held(shop_id: int) -> Held:
    """Return what a shop's pages hold."""
    row = Publisher.objects.for_shop(shop_id).first()
    if row is None:
        return NOTHING
    slots = {Slot(one.slot): held_slot(one) for one in Comparison.objects.for_shop(shop_id)}
    return _held(row, slots)


def progress(shop_id: int, version_id: UUID) -> Progress | None:
    """Return how far the writing of a version's lists has come, or None while nobody is at it."""
    row = Comparison.objects.for_shop(shop_id).filter(goal_id=version_id).first()
    if row is None:
        return None
    pages = [HOME, *catalog.listed_products(shop_id)]
    return Progress(sum(page <= row.cursor for page in pages), len(pages))


def verdicts_with_lists(rollout: Rollout, now: datetime) -> Verdicts:
    """Return what all judges say of a rollout, of the lists on the shop's pages too."""
    lists = rules.judge_lists(
        held(rollout.shop_id), rollout, progress(rollout.shop_id, rollout.candidate_id), now=now
    )
    return replace(rollouts.verdicts_on(rollout, now), lists=lists)


def has_lists(shop_id: int) -> bool:
    """Tell whether a shop's pages show lists of ours, of whatever version."""
    shown = held(shop_id).switch.default
    return Publication.objects.for_shop(shop_id).filter(slot=shown, is_confirmed=True).exists()


def published_list(shop_id: int, product_id: int | None) -> MadeAhead:
    """Return what a page shows everybody, a product's or the home page; nothing where it holds no list."""
    row = Publisher.objects.for_shop(shop_id).first()
    if row is None:
        return NOTHING_AHEAD
    page = HOME if product_id is None else product_id
    slot = Switch.from_json(row.switch).default
    found = Publication.objects.for_shop(shop_id).filter(slot=slot, product_id=page).first()
    return MadeAhead(tuple(found.items), found.decision_id, found.version_number) if found else NOTHING_AHEAD


def held_by_shop() -> dict[int, Held]:
    """Return what the pages of each shop hold that was ever written to."""
    slots: dict[int, dict[Slot, HeldSlot]] = defaultdict(dict)
    for one in Comparison.objects.across_shops(reason="the sweep looks at every shop"):
        slots[one.shop_id][Slot(one.slot)] = held_slot(one)
    rows = Publisher.objects.across_shops(reason="the sweep looks at every shop")
    return {row.shop_id: _held(row, slots[row.shop_id]) for row in rows}


def held_slot(row: Comparison) -> HeldSlot:
    """Return what one slot holds."""
    return HeldSlot(row.version_id, row.goal_id, row.compared_at)


def _held(row: Publisher, slots: Mapping[Slot, HeldSlot]) -> Held:
    return Held(
        slots={slot: slots.get(slot, EMPTY) for slot in Slot},
        switch=Switch.from_json(row.switch),
        is_switch_known=row.is_switch_confirmed,
        installed_at=row.installed_at,
        heard_at=row.heard_at,
        retry_at=row.retry_at,
        failure=row.failure,
    )

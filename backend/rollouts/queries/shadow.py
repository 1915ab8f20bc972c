"""What candidates would have shown, and whether that lets them be shown."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Avg, Count, F, Q, QuerySet

from backend.rollouts import models
from backend.rollouts.queries.arms import live_arms
from backend.rollouts.queries.rollouts import moment
from backend.rollouts.rules import pooling
from backend.rollouts.rules import shadow as judging
from backend.rollouts.rules.moves import days_since
from backend.rollouts.values import CANDIDATE, CHAMPION, Judged, Rollout
from backend.rollouts.values.shadow import (
    Diff,
    DiffSummary,
    PageDiff,
    PageLists,
    Shadow,
    ShadowFigures,
    ShadowProgress,
    ShadowReading,
)

# Products that a summary names on each side.
MOST_NAMED: Final = 20
NO_PAGES: Final = DiffSummary(0, 0, None, None, (), (), is_complete=False)


class DiffOrder(StrEnum):
    """In which order pages are shown."""

    MOST_SOLD = "MOST_SOLD"
    MOST_CHANGED = "MOST_CHANGED"


def shadows() -> list[Shadow]:
    """Return the rollouts whose candidate answers some requests again for nobody to see."""
    pointers = models.Pointer.objects.across_shops(reason="one process looks after every shop's shadow")
    rows = pointers.filter(shadow_percent__gt=0).order_by("shop_id")
    found = (_shadow(*one) for one in rows.values_list("shop_id", "rollout__entered_at"))
    return [one for one in found if one is not None]


def _shadow(shop_id: int, since: Any) -> Shadow | None:
    arms = live_arms(shop_id)
    champion, candidate = arms.find(CHAMPION), arms.find(CANDIDATE)
    # It may have ended since its pointer was read.
    if arms.draw is None or champion is None or candidate is None or not arms.draw.shadow_percent:
        return None
    return Shadow(arms.draw.rollout_id, shop_id, arms.draw.shadow_percent, since, champion, candidate)


def shadow_progress(shop_id: int, rollout_id: UUID) -> ShadowProgress:
    """Return how far a shadow has come."""
    row = models.ShadowCursor.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id).first()
    if row is None:
        return ShadowProgress()
    return ShadowProgress(row.until, row.looked_at, row.pages)


def compared_pages(shop_id: int, rollout_id: UUID) -> tuple[int, set[int | None]]:
    """Return the rank of the next page to compare, and the products whose pages were compared."""
    ranks = dict(_pages(shop_id, rollout_id).values_list("rank", "product_id"))
    return max(ranks, default=-1) + 1, set(ranks.values())


def shadow_readings(shop_id: int, rollout_id: UUID) -> list[ShadowReading]:
    """Return what each hour of a shadow has shown, the first one first."""
    rows = models.ShadowReading.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)
    return [
        ShadowReading(
            row.hour, pooling.from_json(row.sums), bytes(row.champion_seen), bytes(row.candidate_seen)
        )
        for row in rows.order_by("hour")
    ]


def shadow_figures(shop_id: int, rollout_id: UUID) -> ShadowFigures:
    """Return what a shadow has shown so far."""
    readings = shadow_readings(shop_id, rollout_id)
    return pooling.figures(
        pooling.pool(one.sums for one in readings),
        champion_seen=pooling.merge(one.champion_seen for one in readings),
        candidate_seen=pooling.merge(one.candidate_seen for one in readings),
    )


def judge_shadow(rollout: Rollout, figures: ShadowFigures | None = None) -> Judged:
    """
    Return whether what a candidate answered for nobody to see lets it be shown. No data is never success.

    The hours are those that the shadow process has looked at: while it is down, none pass.

    :param figures: of its shadow, where they were read already
    """
    figures = figures or shadow_figures(rollout.shop_id, rollout.id)
    looked_at = shadow_progress(rollout.shop_id, rollout.id).looked_at
    days = days_since(rollout.entered_at, moment(rollout.shop_id, looked_at)) if looked_at else 0.0
    return judging.judge(
        figures,
        diff_summary(rollout.shop_id, rollout.id),
        rollout.plan,
        hours=max(0.0, days) * 24,
        hours_needed=rollout.plan.shadow_hours,
    )


# Product by product


def diff(
    shop_id: int,
    rollout_id: UUID,
    *,
    limit: int = 50,
    offset: int = 0,
    order: DiffOrder = DiffOrder.MOST_SOLD,
) -> Diff:
    """Return what would change on some of a shop's pages, with the summary of all that were compared."""
    keys = {DiffOrder.MOST_SOLD: ["rank"], DiffOrder.MOST_CHANGED: ["alike", "rank"]}[order]
    rows = _pages(shop_id, rollout_id).order_by(*keys)[offset : offset + limit]
    return Diff(diff_summary(shop_id, rollout_id), tuple(_page_diff(row) for row in rows))


def find_page_diff(shop_id: int, rollout_id: UUID, product_id: int | None) -> PageDiff | None:
    """Return what would change on one page, None where it was not compared yet."""
    row = _pages(shop_id, rollout_id).filter(product_id=product_id).first()
    return _page_diff(row) if row else None


def diff_summary(shop_id: int, rollout_id: UUID) -> DiffSummary:
    """Return the summary of the pages that were compared, as it was last counted."""
    rows = models.ShadowCursor.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)
    kept: Mapping[str, Any] | None = rows.values_list("summary", flat=True).first()
    if not kept:
        return NO_PAGES
    named = {side: tuple((one, by) for one, by in kept[side]) for side in ("gains", "losses")}
    return DiffSummary(**{**kept, **named})


def summarize(shop_id: int, rollout_id: UUID) -> DiffSummary:
    """Count what would change on all pages that were compared so far."""
    rows = _pages(shop_id, rollout_id)
    told = rows.aggregate(
        pages=Count("id"),
        changed=Count("id", filter=~Q(champion=F("candidate"))),
        overlap=Avg("overlap"),
        alike=Avg("alike"),
    )
    gains, losses = _gains_and_losses(rows)
    cursor = models.ShadowCursor.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id).first()
    is_complete = cursor is not None and cursor.pages is not None and told["pages"] >= cursor.pages
    return DiffSummary(**told, gains=gains, losses=losses, is_complete=is_complete)


PLACES = """
    SELECT product_id, sum(places) AS by FROM (
        SELECT unnest(candidate) AS product_id, 1 AS places FROM rollouts_shadowpage WHERE {own}
        UNION ALL
        SELECT unnest(champion), -1 FROM rollouts_shadowpage WHERE {own}
    ) each GROUP BY product_id HAVING sum(places) <> 0
"""


def _gains_and_losses(rows: QuerySet[models.ShadowPage]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return the products that stand on more lists, and those on fewer, by how many."""
    ids = rows.values_list("rollout_id", flat=True).order_by()[:1]
    with connection.cursor() as cursor:
        cursor.execute(PLACES.format(own="rollout_id = %s"), [*ids, *ids] or [None, None])
        by = Counter({product_id: int(places) for product_id, places in cursor.fetchall()})
    ranked = by.most_common()
    gains = tuple(one for one in ranked[:MOST_NAMED] if one[1] > 0)
    losses = tuple((one, -places) for one, places in reversed(ranked[-MOST_NAMED:]) if places < 0)
    return gains, losses


def _page_diff(row: models.ShadowPage) -> PageDiff:
    return judging.page_diff(PageLists(row.rank, row.product_id, tuple(row.champion), tuple(row.candidate)))


def _pages(shop_id: int, rollout_id: UUID) -> QuerySet[models.ShadowPage]:
    return models.ShadowPage.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)

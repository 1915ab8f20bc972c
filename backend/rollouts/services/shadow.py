"""Keep what a shadow has shown. Only the shadow process writes here, and each decision counts once."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from backend.rollouts import models
from backend.rollouts.queries.shadow import summarize
from backend.rollouts.rules import pooling
from backend.rollouts.rules.shadow import page_diff
from backend.rollouts.values.shadow import (
    Compared,
    PageLists,
    Reanswer,
    ShadowReading,
    ShadowSums,
    Skipped,
)


@transaction.atomic
def add_shadow(
    shop_id: int,
    rollout_id: UUID,
    requests: Sequence[Compared | Skipped],
    *,
    dropped: int,
    since: datetime,
    until: datetime,
    now: datetime,
) -> bool:
    """
    Add what was compared since the cursor, and move it on; return whether it stood where it was read.

    Where it did not, another process has counted the same decisions, and nothing is added.

    :param dropped: how many were too old when their turn came
    :param since: where the cursor stood when the decisions were looked for
    """
    _commit_without_waiting()
    row = models.Rollout.objects.for_shop(shop_id).get(uuid=rollout_id)
    cursors = models.ShadowCursor.objects.for_shop(shop_id)
    cursor, _ = cursors.select_for_update().get_or_create(
        rollout=row, defaults={"until": since, "looked_at": now}
    )
    if cursor.until != since:
        return False
    for reading in pooling.readings(requests):
        _add(row, reading)
    if dropped:
        _add(row, ShadowReading(pooling.hour_of(now), ShadowSums(drawn=dropped, dropped=dropped)))
    cursor.until, cursor.looked_at = until, now
    cursor.save(update_fields=["until", "looked_at"])
    return True


def _commit_without_waiting() -> None:
    """
    Let this transaction end before the disk has it.

    Shoppers' decisions wait for the same disk. Should the server break down, sums and cursor are lost
    together, and what they told of is looked at again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _add(rollout: models.Rollout, reading: ShadowReading) -> None:
    rows = models.ShadowReading.objects.for_shop(rollout.shop_id)
    row = rows.filter(rollout=rollout, hour=reading.hour).first()
    if row is None:
        rows.create(
            rollout=rollout,
            hour=reading.hour,
            sums=asdict(reading.sums),
            champion_seen=reading.champion_seen,
            candidate_seen=reading.candidate_seen,
        )
        return
    row.sums = asdict(pooling.add(pooling.from_json(row.sums), reading.sums))
    changed = ["sums"]
    for name in ("champion_seen", "candidate_seen"):
        before = bytes(getattr(row, name))
        merged = pooling.merge([before, getattr(reading, name)])
        # 8 kB that rarely change any more are not written again each second.
        if merged != before:
            setattr(row, name, merged)
            changed.append(name)
    row.save(update_fields=changed)


@transaction.atomic
def add_pages(
    shop_id: int,
    rollout_id: UUID,
    pages: Sequence[tuple[PageLists, Reanswer, Reanswer]],
    *,
    total: int,
    now: datetime,
) -> None:
    """
    Keep what some pages show everybody under both versions; a page that is there already stays as it is.

    :param pages: each with how the champion and the candidate answered for it
    :param total: how many pages the shop has
    """
    _commit_without_waiting()
    row = models.Rollout.objects.for_shop(shop_id).get(uuid=rollout_id)
    models.ShadowPage.objects.for_shop(shop_id).bulk_create(
        [_page(row, lists) for lists, *_ in pages], ignore_conflicts=True
    )
    _add(row, pooling.reading_of_pages([answers for _, *answers in pages], now=now))
    cursors = models.ShadowCursor.objects.for_shop(shop_id)
    cursors.get_or_create(rollout=row, defaults={"until": row.entered_at, "looked_at": now})
    cursors.filter(rollout=row).update(pages=total)


def _page(rollout: models.Rollout, lists: PageLists) -> models.ShadowPage:
    found = page_diff(lists)
    return models.ShadowPage(
        shop_id=rollout.shop_id,
        rollout=rollout,
        rank=lists.rank,
        product_id=lists.product_id,
        champion=list(lists.champion),
        candidate=list(lists.candidate),
        overlap=found.overlap,
        alike=found.alike,
    )


def summarize_pages(shop_id: int, rollout_id: UUID) -> None:
    """Keep the summary of the pages that were compared so far, so that nobody who looks waits for it."""
    cursor = models.ShadowCursor.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)
    cursor.update(summary=asdict(summarize(shop_id, rollout_id)))


def drop_former_pages(shop_id: int, rollout_id: UUID) -> int:
    """Delete the lists of the pages of a shop's rollouts before this one; their summaries stay."""
    rows = models.ShadowPage.objects.for_shop(shop_id)
    deleted, _ = rows.exclude(rollout__uuid=rollout_id).delete()
    return deleted

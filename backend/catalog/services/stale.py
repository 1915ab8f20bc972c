"""
Which products the Admin API has to be asked about.

The row is the question and a job is only a hint: hundreds of updates of one
product make one row and one read, a lost message costs a turn of the sweep,
and what is asked while an answer is under way is asked again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from backend.catalog.models import StaleProduct
from backend.core.queue import Job, enqueue

# Updates of one product come in bursts; the read waits for a burst to end.
DEBOUNCE_SECONDS: Final = 5.0
# A worker that has not answered by then is gone.
IN_HAND_FOR: Final = timedelta(minutes=5)
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """A product in hand: how often it was asked about, and how often Shopify did not have it since."""

    askings: int
    absences: int


def ask(shop_id: int, product_ids: Collection[int]) -> None:
    """Ask about products, soon, and once for all who ask meanwhile."""
    wanted = sorted(set(product_ids))
    if ask_again(shop_id, wanted) == len(wanted):
        return
    rows = [StaleProduct(product_id=product_id) for product_id in wanted]
    StaleProduct.objects.for_shop(shop_id).bulk_create(rows, ignore_conflicts=True)
    enqueue(Job.PRODUCTS_READ, countdown=DEBOUNCE_SECONDS, shop_id=shop_id)


def ask_again(shop_id: int, product_ids: Collection[int]) -> int:
    """
    Say that products changed, so that an answer that is under way does not count as the last one.

    :returns: how many of them are asked about
    """
    rows = StaleProduct.objects.for_shop(shop_id).filter(product_id__in=list(product_ids))
    return rows.update(askings=F("askings") + 1, absences=0)


@transaction.atomic
def claim(shop_id: int, *, most: int, now: datetime) -> dict[int, Question]:
    """Take some questions in hand, which no other worker takes then; by product."""
    due = StaleProduct.objects.for_shop(shop_id).filter(_is_due(now)).order_by("id")
    rows = list(due.select_for_update(skip_locked=True)[:most])
    taken = StaleProduct.objects.for_shop(shop_id).filter(id__in=[row.id for row in rows])
    taken.update(due_at=now + IN_HAND_FOR, attempts=F("attempts") + 1)
    return {row.product_id: Question(row.askings, row.absences) for row in rows}


def is_last_asking(shop_id: int, product_id: int, askings: int) -> bool:
    """Tell whether nobody asked again since a question was claimed."""
    return StaleProduct.objects.for_shop(shop_id).filter(product_id=product_id, askings=askings).exists()


def note_absence(shop_id: int, product_id: int) -> None:
    """Count an answer by which Shopify does not have a product. What failed on the way there is none."""
    rows = StaleProduct.objects.for_shop(shop_id).filter(product_id=product_id)
    rows.update(absences=F("absences") + 1)


def close(shop_id: int, product_id: int, *, askings: int) -> None:
    """Strike a question off; one that was asked again since it was claimed is to be claimed again."""
    rows = StaleProduct.objects.for_shop(shop_id).filter(product_id=product_id)
    if not rows.filter(askings=askings).delete()[0]:
        rows.update(due_at=None)


def close_all(shop_id: int) -> None:
    """Strike all questions off: of a shop without the app nothing can be asked."""
    StaleProduct.objects.for_shop(shop_id).delete()


def put_back(shop_id: int, product_ids: Collection[int], *, now: datetime) -> None:
    """Let questions wait that could not be answered, the longer the more often that happened."""
    rows = StaleProduct.objects.for_shop(shop_id).filter(product_id__in=list(product_ids))
    for row in rows.order_by("id"):
        wait = min(FIRST_WAIT * (1 << min(row.attempts, 16)), LONGEST_WAIT)
        StaleProduct.objects.for_shop(shop_id).filter(id=row.id).update(due_at=now + wait)


def release(shop_id: int, product_ids: Collection[int]) -> None:
    """Let questions be claimed again at once."""
    StaleProduct.objects.for_shop(shop_id).filter(product_id__in=list(product_ids)).update(due_at=None)


def shops_due(*, now: datetime) -> list[int]:
    """Return the shops with questions that nobody has in hand."""
    rows = StaleProduct.objects.across_shops(reason="the sweep serves all shops").filter(_is_due(now))
    return list(rows.order_by("shop_id").values_list("shop_id", flat=True).distinct())


def _is_due(now: datetime) -> Q:
    return Q(due_at=None) | Q(due_at__lte=now)

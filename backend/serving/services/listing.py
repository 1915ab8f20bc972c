"""What would change page by page: the lists of every page under the champion and under the candidate."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from uuid import UUID

import structlog

from backend.audit.values import DecisionRecord
from backend.catalog import queries as catalog
from backend.features import queries as features
from backend.rollouts.queries import shadow as rollouts
from backend.rollouts.services import shadow as rollout_services
from backend.rollouts.values.shadow import PageLists, Reanswer, Shadow
from backend.serving.services.general import GeneralLists
from backend.serving.services.shadowing import ShadowScorer, fault

log = structlog.get_logger(__name__)

# Between two looks at the ledger; the requests of shoppers come first.
SLICE_SECONDS: Final = 0.4
# Pages that are written together.
BATCH: Final = 20
# So many are summed up before all are there: the most sold, which people look at.
FIRST_PAGES: Final = 200
# A larger shop's least sold pages change nobody's mind about a version.
MOST_PAGES: Final = 20_000


@dataclass(slots=True)
class _Left:
    """The pages of a shop that were not compared yet, the most sold first; None stands for the home page."""

    products: list[int | None]
    total: int
    rank: int
    lists: tuple[GeneralLists, GeneralLists] = field(repr=False)

    def take(self) -> list[tuple[int, int | None]]:
        """Return the next pages, each with its rank."""
        return list(enumerate(islice(self.products, BATCH), start=self.rank))

    def strike_off(self, count: int) -> None:
        """Leave out the first pages: they were compared."""
        del self.products[:count]
        self.rank += count


class PageLister:
    """Compares the pages of every shop with a shadow in what the shoppers' requests leave of a moment."""

    def __init__(self, scorer: ShadowScorer) -> None:
        self._scorer = scorer
        self._left: dict[UUID, _Left] = {}

    def look(self) -> None:
        """Compare some more pages of one shop after the other, until the moment is over."""
        ends_at = time.monotonic() + SLICE_SECONDS
        shadows = rollouts.shadows()
        self._left = {
            id_: left for id_, left in self._left.items() if id_ in {one.rollout_id for one in shadows}
        }
        for shadow in shadows:
            try:
                self._look_at(shadow, ends_at)
            except Exception:
                # Of this shop nothing more for now: the others go on, and it is begun again.
                log.exception("shadow_pages_wait", shop_id=shadow.shop_id)
                self._left.pop(shadow.rollout_id, None)

    def _look_at(self, shadow: Shadow, ends_at: float) -> None:
        left = self._left.get(shadow.rollout_id) or self._begin(shadow)
        while left.products and time.monotonic() < ends_at:
            self._compare(shadow, left)

    def _begin(self, shadow: Shadow) -> _Left:
        rollout_services.drop_former_pages(shadow.shop_id, shadow.rollout_id)
        rank, compared = rollouts.compared_pages(shadow.shop_id, shadow.rollout_id)
        pages = list(islice(_pages(shadow.shop_id), MOST_PAGES))
        clock, models = self._scorer.clock, self._scorer.models
        champion, candidate = (
            GeneralLists(arm, clock=clock, models=models) for arm in (shadow.champion, shadow.candidate)
        )
        left = [one for one in pages if one not in compared]
        found = _Left(left, total=rank + len(left), rank=rank, lists=(champion, candidate))
        self._left[shadow.rollout_id] = found
        return found

    def _compare(self, shadow: Shadow, left: _Left) -> None:
        some = left.take()
        pages = [self._page(rank, product_id, left.lists) for rank, product_id in some]
        shop_id, rollout_id = shadow.shop_id, shadow.rollout_id
        now = self._scorer.clock()
        rollout_services.add_pages(shop_id, rollout_id, pages, total=left.total, now=now)
        left.strike_off(len(some))
        if any(
            all(one.milliseconds is None for one in answers) for answers in list(zip(*pages, strict=True))[1:]
        ):
            # A version that has no list for so many pages has none for the others, and was convicted for it.
            left.products.clear()
        if not left.products or left.rank == FIRST_PAGES or left.rank % (10 * FIRST_PAGES) == 0:
            rollout_services.summarize_pages(shop_id, rollout_id)

    def _page(
        self, rank: int, product_id: int | None, lists: tuple[GeneralLists, GeneralLists]
    ) -> tuple[PageLists, Reanswer, Reanswer]:
        (shown, champion), (would, candidate) = (_answer(one, product_id) for one in lists)
        return PageLists(rank, product_id, shown, would), champion, candidate


def _answer(lists: GeneralLists, product_id: int | None) -> tuple[tuple[int, ...], Reanswer]:
    try:
        record = lists.decide(product_id)
    except Exception as error:  # noqa: BLE001 -- whatever a sick model raises is what is looked for
        return (), fault(lists.arm, error)
    return tuple(item.product_id for item in record.items), _told(record)


def _told(record: DecisionRecord) -> Reanswer:
    scores = [item.score for item in record.items if item.score is not None]
    return Reanswer(
        milliseconds=record.latency_ms,
        is_finite=all(map(math.isfinite, scores)),
        is_empty=record.fallback == "model_empty",
        is_short=bool(record.fallback),
    )


def _pages(shop_id: int) -> Iterator[int | None]:
    """Yield the home page and then the products that have a page, the most sold first."""
    listed = catalog.listed_products(shop_id)
    popular = features.popular(shop_id)
    has_page = set(listed)
    yield None
    yield from (one for one in popular if one in has_page)
    yield from sorted(has_page - set(popular), reverse=True)

"""What a page shows everybody: the same for every visitor, and so fit to be written ahead."""

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Final

from backend.audit.values import Channel, DecisionRecord, Surface
from backend.core.ids import uuid7
from backend.rollouts.values import HOLDOUT, LiveArm
from backend.serving import rules
from backend.serving.gateway import Models
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.loading import open_models
from backend.serving.values import NO_OPINION, Opinion, Query

# Longer than the longest carousel, because Liquid leaves out what has sold out since.
LIST_LENGTH: Final = 16


class GeneralLists:
    """
    The lists of one version, one for each page. It opens the version's files once.

    :param models: those of a process that has opened it already
    """

    def __init__(self, arm: LiveArm, *, clock: Callable[[], datetime], models: Models | None = None) -> None:
        self.arm = arm
        self.clock = clock
        self._models = models or open_models(clock)

    def decide(self, product_id: int | None, *, without: AbstractSet[int] = frozenset()) -> DecisionRecord:
        """
        Return what one page shows, complete enough for the ledger, which has not seen it yet.

        :param product_id: the product whose page it is; None for the home page
        :param without: products that may not be shown, whatever the catalogue says of them
        :raises ArtifactRefused: if the version's files can't be trusted
        """
        started = time.perf_counter()
        query = Query(
            surface=Surface.HOME_PAGE if product_id is None else Surface.PRODUCT_PAGE,
            limit=LIST_LENGTH,
            now=self.clock(),
            context_product_id=product_id,
            exclude=tuple(sorted(without)),
        )
        # A place for a new product is kept for whom it suits, and here nobody is known.
        world = LiveWorld(self.arm.shop_id, shows_new_products=False)
        opinion = self._models.opinion(self.arm, rules.to_model(query, world))
        record = self._record(query, world, opinion, reason="", started=started)
        return replace(
            record,
            arm=self.arm.name,
            version_id=self.arm.version_id,
            version_number=self.arm.version_number,
        )

    def decide_held_out(self, *, without: AbstractSet[int] = frozenset()) -> DecisionRecord:
        """Return what visitors see who are held out, on whatever page: the popular products of their shop."""
        started = time.perf_counter()
        exclude = tuple(sorted(without))
        query = Query(Surface.HOME_PAGE, LIST_LENGTH, self.clock(), exclude=exclude, is_held_out=True)
        world = LiveWorld(self.arm.shop_id, shows_new_products=False)
        return self._record(query, world, NO_OPINION, reason=HOLDOUT, started=started)

    def _record(
        self, query: Query, world: LiveWorld, opinion: Opinion, *, reason: str, started: float
    ) -> DecisionRecord:
        decided = rules.decide(query, world, opinion, reason=reason)
        return DecisionRecord(
            id=uuid7(query.now),
            shop_id=self.arm.shop_id,
            at=query.now,
            surface=query.surface,
            channel=Channel.METAFIELD,
            arm=HOLDOUT,
            items=decided.items,
            requested=query.limit,
            latency_ms=(time.perf_counter() - started) * 1000,
            context_product_id=query.context_product_id,
            fallback=decided.fallback,
            **world.recorded(query, opinion, decided, reason=reason),
        )

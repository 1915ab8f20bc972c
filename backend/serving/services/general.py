"""What a page shows everybody: the same for every visitor, and so fit to be written ahead."""

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from backend.audit.values import Channel, DecisionRecord, Surface
from backend.core.ids import uuid7
from backend.rollouts.values import LiveArm
from backend.serving.services.answering import SLACK, fill_list, open_models, with_cards

# Longer than the longest carousel, because Liquid leaves out what has sold out since.
LIST_LENGTH: Final = 16


class GeneralLists:
    """The lists of one version, one for each page. It opens the version's files once."""

    def __init__(self, arm: LiveArm, *, clock: Callable[[], datetime]) -> None:
        self.arm = arm
        self.clock = clock
        self._models = open_models(clock)

    def decide(self, product_id: int | None, *, without: AbstractSet[int] = frozenset()) -> DecisionRecord:
        """
        Return what one page shows, complete enough for the ledger, which has not seen it yet.

        :param product_id: the product whose page it is; None for the home page
        :param without: products that may not be shown, whatever the catalogue says of them
        :raises ArtifactRefused: if the version's files can't be trusted
        """
        started = time.perf_counter()
        k = LIST_LENGTH + SLACK
        preferences = tuple(
            self._models.popular(self.arm, k=k)
            if product_id is None
            else self._models.related(self.arm, product_id, k=k)
        )
        exclude = without if product_id is None else {*without, product_id}
        filled = fill_list(self.arm.shop_id, preferences, context=product_id, k=LIST_LENGTH, exclude=exclude)
        items = with_cards(self.arm.shop_id, filled, preferences, now=self.clock())
        return DecisionRecord(
            id=uuid7(),
            shop_id=self.arm.shop_id,
            at=self.clock(),
            surface=Surface.HOME_PAGE if product_id is None else Surface.PRODUCT_PAGE,
            channel=Channel.METAFIELD,
            arm=self.arm.name,
            items=tuple(item for item, _ in items),
            requested=LIST_LENGTH,
            latency_ms=(time.perf_counter() - started) * 1000,
            version_id=self.arm.version_id,
            version_number=self.arm.version_number,
            context_product_id=product_id,
            fallback=filled.fallback,
        )

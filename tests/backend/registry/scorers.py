"""Scorers of which a test says what they give: they stand for whatever an artifact may hold."""

from typing import Any

from models.recommender.api import RankedList, Scored


class FakeScorer:
    """Ranks by its ``score``, as a real one does, and knows of no arrival."""

    arrival_ids: frozenset[int] = frozenset()

    def score(self, *_: Any, **__: Any) -> list[Scored]:
        """Return the best products, best first."""
        raise NotImplementedError

    def rank(self, *asked: Any, **said: Any) -> RankedList:
        """Return the same with the reasons apart."""
        found = self.score(*asked, **said)
        return RankedList(
            [one.item for one in found],
            [one.score for one in found],
            lambda places: [found[place].reason for place in places],
            is_general=False,
        )

    def arrival(self, *_: Any, **__: Any) -> None:
        """Return no new product."""
        return

    def with_products(self, _: Any) -> "FakeScorer":
        """Return a scorer that was told of new products, as much as that is to it."""
        return self

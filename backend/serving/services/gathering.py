"""What goes into an answer, as this process sees it."""

from collections.abc import Collection, Mapping, Sequence

from backend.serving import queries, rules
from backend.serving.values import Card, Mates


class CardWords:
    """What cards call their products."""

    def __init__(self, cards: Mapping[int, Card]) -> None:
        self._cards = cards

    def has(self, product_id: int) -> bool:
        """Return whether the catalogue has the product."""
        return product_id in self._cards

    def title(self, product_id: int) -> str | None:
        """Return the name of a product, None of one that the catalogue lacks."""
        card = self._cards.get(product_id)
        return card.title if card else None

    def product_type(self, product_id: int) -> str:
        """Return what kind of thing a product is, empty where the shop does not say."""
        card = self._cards.get(product_id)
        return card.product_type if card else ""


class LiveWorld:
    """A shop as it is now, as far as one answer looks at it."""

    def __init__(self, shop_id: int, *, shows_new_products: bool) -> None:
        self.shop_id = shop_id
        self.shelf = queries.shelf(shop_id)
        self.shows_new_products = shows_new_products
        self.cards: Mapping[int, Card] = {}
        self._mates: Mates | None = None

    def mates(self, product_id: int) -> Sequence[int]:
        """Return the products that share a collection with one, the closest first."""
        # An answer is about one page, and the copy may be renewed between two looks.
        if self._mates is None:
            self._mates = queries.collection_mates(self.shop_id, product_id)
        return self._mates.product_ids

    def words(self, product_ids: Collection[int]) -> rules.Words:
        """Return what the shop calls some products."""
        self.cards = queries.cards(self.shop_id, product_ids)
        return CardWords(self.cards)

"""What goes into an answer, as this process sees it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from backend.rollouts import queries as rollouts
from backend.rollouts.values.interleaving import TEAMS
from backend.serving import queries, rules
from backend.serving.rules import recording
from backend.serving.services.code import fingerprint
from backend.serving.values import Card, Decided, Mates, Opinion, Query, Rival


class CardWords:
    """What cards call their products; notes what it was asked for."""

    def __init__(self, cards: Mapping[int, Card], noted: recording.NotedWords) -> None:
        self.noted = noted
        self._cards = cards

    def has(self, product_id: int) -> bool:
        """Return whether a product has a card, and note it where it has none."""
        is_there = product_id in self._cards
        if not is_there:
            self.noted.absent.add(product_id)
        return is_there

    def title(self, product_id: int) -> str | None:
        """Return the name of a product, None of one that the catalogue lacks."""
        card = self._cards.get(product_id)
        self.noted.titles[product_id] = card.title if card else ""
        return card.title if card else None

    def product_type(self, product_id: int) -> str:
        """Return what kind of thing a product is, empty where the shop does not say."""
        card = self._cards.get(product_id)
        found = self.noted.types[product_id] = card.product_type if card else ""
        return found


class LiveWorld:
    """A shop as it is now, as far as one answer looks at it."""

    def __init__(
        self,
        shop_id: int,
        *,
        shows_new_products: bool,
        find_last_answer: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        self.shop_id = shop_id
        self._find_last_answer = find_last_answer
        self._looked_at: dict[str, bytes] = {}
        self.shelf = queries.shelf(shop_id)
        self.shows_new_products = shows_new_products
        self.cards: Mapping[int, Card] = {}
        self._noted_words = recording.NotedWords()
        self._mates: Mates | None = None

    def mates(self, product_id: int) -> Sequence[int]:
        """Return the products that share a collection with one, the closest first."""
        # An answer is about one page, and the copy may be renewed between two looks.
        if self._mates is None:
            self._mates = queries.collection_mates(self.shop_id, product_id)
        return self._mates.product_ids

    @property
    def last_answer(self) -> Sequence[int]:
        """What the visitor was shown last on this page, best first; empty where that is not known."""
        return self._noted(recording.LAST_ANSWER, self._find_last_answer())

    def made_ahead(self, page: int | None) -> Sequence[int]:
        """Return the list made ahead for a product's page, or the home page; empty where there is none."""
        return self._noted(recording.MADE_AHEAD, queries.made_ahead(self.shop_id, page).product_ids)

    def _noted(self, name: str, product_ids: Sequence[int]) -> Sequence[int]:
        if product_ids:
            self._looked_at[name] = recording.pack_ids(product_ids)
        return product_ids

    @property
    def absent(self) -> AbstractSet[int]:
        """Products that were found to have no card."""
        return self._noted_words.absent

    def words(self, product_ids: Collection[int]) -> rules.Words:
        """Return what the shop calls some products."""
        self.cards = queries.cards(self.shop_id, product_ids)
        return CardWords(self.cards, self._noted_words)

    def recorded(
        self,
        query: Query,
        opinion: Opinion,
        decided: Decided,
        *,
        reason: str,
        rollout: str = "",
        rival: Rival | None = None,
    ) -> dict[str, Any]:
        """
        Return the fields of a decision that say what went in: enough to make it again.

        :param rollout: that chose the arm, empty where none did
        :param rival: the version that drafted the list with the decision's own
        """
        own = recording.pack_visitor(query, self._noted_words) | self._looked_at
        setting = recording.pack_setting(
            reason=reason,
            shows_new_products=self.shows_new_products,
            has_visitor=bool(recording.PERSONAL & own.keys()),
            rollout=rollout,
            candidate=str(rival.version_id) if rival else "",
            exploration=decided.exploration,
        )
        mates = self._mates.recorded if self._mates else {}
        shared = {**self.shelf.recorded, **opinion.recorded, **mates, **own, recording.SETTING: setting}
        if rival:
            shared |= {recording.OF_CANDIDATE + name: told for name, told in rival.opinion.recorded.items()}
            shared[TEAMS] = rollouts.pack_teams(decided.teams)
        personal = {name: shared.pop(name) for name in recording.PERSONAL & own.keys()}
        return {
            "feature_version": fingerprint(),
            "rules": decided.rules,
            "inputs": {name: content for name, content in shared.items() if content},
            "personal_inputs": personal,
        }

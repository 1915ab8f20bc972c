"""
The chain of fallbacks: what fills the places of a list that its model left.

Where the version of a visitor's arm can't answer, another may (``services.scoring``): the champion for a
candidate, the version before for the champion. Where none can, the list is filled, in this order, with

1. what the visitor was shown last on the page, within minutes (``services.remembering``);
2. the page's list made ahead, which its theme block shows (``queries.made_ahead``);
3. what shares a collection with the page's product;
4. what sells in the shop, and then what is new.

Whatever comes from here is left out where it is out of stock, in the cart or shown nearby, as what a model
chose. A decision keeps why its model was missing, and each list that was looked at as one of its inputs.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from backend.serving.rules.choosing import WHY_COLLECTION, WHY_FOR_YOU, WHY_NEWEST, WHY_POPULAR
from backend.serving.values import Ranked, Shelf

WHY_MADE_AHEAD: Final = "Recommended in this shop"


class Lists(Protocol):
    """The lists that stand in, each read when it is needed."""

    @property
    def shelf(self) -> Shelf:
        """What the shop may show."""

    @property
    def last_answer(self) -> Sequence[int]:
        """What the visitor was shown last on this page, best first; empty where that is not known."""

    def made_ahead(self, page: int | None) -> Sequence[int]:
        """Return the list made ahead for a product's page, or the home page; empty where there is none."""

    def mates(self, product_id: int) -> Sequence[int]:
        """Return the products that share a collection with one, the closest first."""


def fallbacks(
    lists: Lists, page: int | None, later: Iterable[Ranked], *, is_model_missing: bool
) -> Iterator[Iterable[Ranked]]:
    """
    Yield what fills the places that no model filled, best first, each list only when it is needed.

    :param page: the product whose page it is; None for others
    :param later: the model's list where it waited for the collection, else what is left of it: nothing
    :param is_model_missing: whether no version could answer
    """
    if is_model_missing:
        yield _ranked(lists.last_answer, WHY_FOR_YOU)
        yield _ranked(lists.made_ahead(page), WHY_MADE_AHEAD)
    if page is not None:
        yield _ranked(lists.mates(page), WHY_COLLECTION)
    yield later
    yield _ranked(lists.shelf.popular, WHY_POPULAR)
    yield _ranked(lists.shelf.newest, WHY_NEWEST)


def _ranked(product_ids: Iterable[int], why: str) -> Iterator[Ranked]:
    # A list is long and its first products fill a box.
    return (Ranked(one, None, why) for one in product_ids)

"""
What a storefront asks: pages of strangers and of known customers, a few of both far more often than others.

Popularity follows Zipf's law with an exponent below 1, as requests for pages do: Breslau et al. 1999, "Web
caching and Zipf-like distributions", table 1 (0.64 to 0.83).
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

EXPONENT: Final = 0.8
# Of each two pages one is the home page.
HOME_SHARE: Final = 0.5
# A small shop may not have as many pairs as are wanted: so many draws for each that is, and no more.
MOST_DRAWS: Final = 20
NAMESPACE: Final = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")

Ask = dict[str, str]


@dataclass(frozen=True)
class Pages:
    """What is asked by known customers and by strangers, each in an order of its own."""

    known: list[Ask]
    strangers: list[Ask]

    @property
    def different(self) -> int:
        """How many pairs of whoever asks and a page are among them."""
        return sum(len({(ask["visitor"], ask.get("product")) for ask in asks}) for asks in self)

    def __iter__(self) -> Iterator[list[Ask]]:
        return iter((self.known, self.strangers))

    def mixed(self) -> list[Ask]:
        """Return both in turn."""
        return [ask for pair in zip(self.known, self.strangers, strict=False) for ask in pair]


def draw_pages(customers: Sequence[str], products: Sequence[str], *, different: int) -> Pages:
    """
    Return pages until there are so many different pairs of visitor and page, half of them of strangers.

    :param customers: ids of known customers
    :param products: ids, the ones most looked at first
    """
    chance = random.Random(7)  # noqa: S311 -- the same pages in each run
    known = chance.sample(list(customers), len(customers))
    browsers = [""] * (different // 2)
    return Pages(
        known=_draw(known, products, different // 2, chance),
        strangers=_draw(browsers, products, different - different // 2, chance),
    )


def _draw(
    customers: Sequence[str], products: Sequence[str], different: int, chance: random.Random
) -> list[Ask]:
    who, what = _weights(len(customers)), _weights(len(products))
    asks: list[Ask] = []
    pairs: set[tuple[int, int | None]] = set()
    while len(pairs) < different and len(asks) < MOST_DRAWS * different:
        place = chance.choices(range(len(customers)), cum_weights=who)[0]
        page = None
        if chance.random() >= HOME_SHARE:
            page = chance.choices(range(len(products)), cum_weights=what)[0]
        pairs.add((place, page))
        asks.append(_ask(customers[place], place, None if page is None else products[page]))
    return asks


def _ask(customer: str, place: int, product: str | None) -> Ask:
    browser = uuid.uuid5(NAMESPACE, f"{'customer' if customer else 'stranger'} {place}")
    ask = {"surface": "home", "consent": "analytics,preferences", "visitor": str(browser)}
    if product is not None:
        ask |= {"surface": "product", "product": product}
    return ask | ({"logged_in_customer_id": customer} if customer else {})


def _weights(count: int) -> list[float]:
    """Return the running sums of what each rank weighs."""
    return list(accumulate((rank + 1) ** -EXPONENT for rank in range(count)))


def kind_of(head: bytes, body: bytes) -> str:
    """
    Tell what gave an answer: a model anew, a former answer, what stands in for the model, or nothing.

    Whatever answers from memory says so as RFC 9211 has it: ``Cache-Status: …; hit``.
    """
    told = body.replace(b": ", b":")
    if b'"items":[]' in told:
        return "empty"
    if b'"fallback":null' not in told or b'"version":null' in told:
        return "fallback"
    said = head.lower().partition(b"\r\ncache-status:")[2].partition(b"\r\n")[0]
    return "cached" if b"hit" in said.replace(b";", b" ").split() else "model"

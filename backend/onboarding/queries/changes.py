"""What would change under a rollout's new version, page by page, with the products' names and pictures."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.catalog import queries as catalog
from backend.catalog.values import FoundProduct
from backend.rollouts import queries
from backend.rollouts.queries import DiffOrder
from backend.rollouts.values.shadow import DiffSummary, PageDiff

PAGE: Final = 10


@dataclass(frozen=True, slots=True)
class Place:
    """
    One product of a list.

    :param rises: by how many places it stands higher under the new version; None where only one shows it
    """

    product: FoundProduct
    rises: int | None


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """One page under both versions. ``product`` is None for the home page."""

    product: FoundProduct | None
    overlap: float
    champion: tuple[Place, ...]
    candidate: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """A product that stands on more lists than before, or on fewer, and on how many."""

    product: FoundProduct
    lists: int


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What would change, and for how many pages that is known.

    :param next_page: counts from 1; None on the last
    """

    summary: DiffSummary
    gains: tuple[Shift, ...]
    losses: tuple[Shift, ...]
    pages: tuple[ChangedPage, ...]
    next_page: int | None


def changes(shop_id: int, rollout_id: UUID, *, order: DiffOrder, page: int) -> Changes:
    """Return a page of what would change. :raises UnknownRollout: if the shop has no such rollout"""
    queries.get_rollout(shop_id, rollout_id)
    offset = (page - 1) * PAGE
    found = queries.diff(shop_id, rollout_id, limit=PAGE + 1, offset=offset, order=order)
    shown = found.pages[:PAGE]
    products = catalog.found_products(shop_id, _named(shown, found.summary))
    return Changes(
        summary=found.summary,
        gains=_shifts(found.summary.gains, products),
        losses=_shifts(found.summary.losses, products),
        pages=tuple(_page(one, products) for one in shown),
        next_page=page + 1 if len(found.pages) > PAGE else None,
    )


def _named(pages: Iterable[PageDiff], summary: DiffSummary) -> set[int]:
    named = {product for product, _ in (*summary.gains, *summary.losses)}
    for one in pages:
        named |= {*one.lists.champion, *one.lists.candidate}
        named |= set() if one.lists.product_id is None else {one.lists.product_id}
    return named


def _page(diff: PageDiff, products: dict[int, FoundProduct]) -> ChangedPage:
    lists = diff.lists
    return ChangedPage(
        product=None if lists.product_id is None else _product(lists.product_id, products),
        overlap=diff.overlap,
        champion=tuple(Place(_product(one, products), diff.moved.get(one)) for one in lists.champion),
        candidate=tuple(Place(_product(one, products), diff.moved.get(one)) for one in lists.candidate),
    )


def _shifts(shifts: Iterable[tuple[int, int]], products: dict[int, FoundProduct]) -> tuple[Shift, ...]:
    return tuple(Shift(_product(product, products), lists) for product, lists in shifts)


def _product(product_id: int, products: dict[int, FoundProduct]) -> FoundProduct:
    # Shopify may have forgotten it since it was compared.
    return products.get(product_id) or FoundProduct(product_id, f"Product {product_id}", "", False)

"""
Reads of serving: the parts of a shop that every answer needs, kept in this process.

A copy is used for a few seconds. After that the first reader starts a refresh
and goes on with the old copy, so that no shopper waits for a query that only
freshness asks for; a copy that has become too old for that is read anew, and
used on while the database is away.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final, Generic, TypeVar

import structlog
from cachetools import LRUCache
from django.db import close_old_connections

from backend.catalog import queries as catalog
from backend.catalog.values import ServingProduct
from backend.core.database import ANSWER, DATABASE_DOWN, FRESHNESS, Patience
from backend.core.errors import describe
from backend.features import queries as features
from backend.serving.rules.packing import Series
from backend.serving.rules.recording import MATES, SHELF, pack_ids, pack_shelf
from backend.serving.values import MAX_ITEMS, MAX_LISTED, NOTHING_AHEAD, Card, MadeAhead, Mates, Shelf

log = structlog.get_logger(__name__)

Key = TypeVar("Key")
Value = TypeVar("Value")

# Sold out within these seconds of the last look may still be shown; Shopify's own cart has the last word.
FRESH_SECONDS: Final = 5.0
USABLE_SECONDS: Final = 30.0
MOST_KEPT: Final = 1_000
MOST_CARDS: Final = 50_000  # about 35 MB
# Products whose cards come with the shelf, in the order in which they fill a list: so many that one is full
# though cart, page and neighbours hide as many of them as a question may name.
STAPLES: Final = MAX_ITEMS + 2 * MAX_LISTED + 1


@dataclass(frozen=True, slots=True)
class _Copy(Generic[Value]):
    value: Value
    read_at: float


class Kept(Generic[Key, Value]):
    """
    Values by key that refresh themselves behind the reader's back.

    :param patience: of whoever needs one that nobody has read yet
    """

    def __init__(self, read: Callable[[Key], Value], *, patience: Patience = ANSWER) -> None:
        self._read = read
        self._patience = patience
        self._copies: dict[Key, _Copy[Value]] = {}
        self._refreshing: set[Key] = set()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value:
        """
        Return the value, at most ``USABLE_SECONDS`` old unless the database is away.

        :raises DatabaseError: if nothing is known of it, and it can't be read in time
        """
        copy = self._copies.get(key)
        if copy is None:
            return self._read_in_time(key, self._patience)
        age = time.monotonic() - copy.read_at
        if age > USABLE_SECONDS:
            return self._renew_if_possible(key, copy)
        if age > FRESH_SECONDS:
            self._refresh_behind(key)
        return copy.value

    def clear(self) -> None:
        """Forget everything; for tests."""
        self._copies.clear()

    def _refresh_behind(self, key: Key) -> None:
        if self._claims(key):
            _refreshers.submit(self._refresh, key)

    def _claims(self, key: Key) -> bool:
        with self._lock:
            if key in self._refreshing:
                return False
            self._refreshing.add(key)
            return True

    def _refresh(self, key: Key) -> None:
        try:
            close_old_connections()
            self._renew(key)
        except Exception:
            # The old copy goes on until it is too old; then a reader meets the error itself.
            log.warning("refresh_failed", key=str(key), exc_info=True)
        finally:
            self._refreshing.discard(key)

    def _renew_if_possible(self, key: Key, copy: _Copy[Value]) -> Value:
        try:
            return self._read_in_time(key, FRESHNESS)
        except DATABASE_DOWN as error:
            log.warning("old_copy_used", key=str(key), error=describe(error))
            return copy.value

    def _read_in_time(self, key: Key, patience: Patience) -> Value:
        try:
            with patience:
                return self._renew(key)
        except DATABASE_DOWN:
            # What takes longer than a shopper may wait would never be read by one.
            self._refresh_behind(key)
            raise

    def _renew(self, key: Key) -> Value:
        value = self._read(key)
        if len(self._copies) >= MOST_KEPT:
            self._copies.clear()
        self._copies[key] = _Copy(value, time.monotonic())
        return value


_refreshers = ThreadPoolExecutor(1, thread_name_prefix="refresh")


@dataclass(slots=True)
class _ReadShelf:
    """A shop's shelf as it was read last, when that was, and how it is recorded."""

    shelf: Shelf
    mark: str
    series: Series


def _read_shelf(shop_id: int) -> Shelf:
    former = _read_shelves.get(shop_id)
    # Before the products are read: what changes meanwhile is found by the next look.
    mark, changed = catalog.changed_products(shop_id, since=former.mark if former else None)
    popular = tuple(features.popular(shop_id))
    # To read the list takes many times what it takes to learn that nothing was written: 60 times of 20,000.
    if former and not changed and popular == former.shelf.popular:
        former.mark = mark
        return former.shelf
    newest = tuple(catalog.available_product_ids(shop_id))
    series = former.series if former else Series(SHELF)
    # Here and not when it is looked at: once for all the answers that it goes into.
    recorded = series.record(pack_shelf(newest, popular))
    shelf = Shelf(newest, frozenset(newest), popular, recorded)
    if len(_read_shelves) >= MOST_KEPT:
        _read_shelves.clear()
    _read_shelves[shop_id] = _ReadShelf(shelf, mark, series)
    return shelf


def _read_with_staples(shop_id: int) -> Shelf:
    former = _read_shelves.get(shop_id)
    known = former.shelf if former else None
    shelf = _read_shelf(shop_id)
    popular = (one for one in shelf.popular if one in shelf.available)
    filling = dict.fromkeys(chain(popular, shelf.newest[:STAPLES]))
    # On the same shelf no product was written since.
    _cards.keep_staples(shop_id, list(filling)[:STAPLES], is_same=shelf is known)
    return shelf


def _read_mates(key: tuple[int, int]) -> Mates:
    return _as_mates(tuple(features.collection_mates(*key)))


def _as_mates(product_ids: tuple[int, ...]) -> Mates:
    return Mates(product_ids, {MATES: pack_ids(product_ids)})


def _read_ahead(key: tuple[int, int | None]) -> MadeAhead:
    found = _find_ahead(*key) if _find_ahead else NOTHING_AHEAD
    # Whoever needs the list later may not be able to read its cards.
    _cards.find(key[0], found.product_ids)
    return found


_find_ahead: Callable[[int, int | None], MadeAhead] | None = None
_read_shelves: dict[int, _ReadShelf] = {}
_shelves: Kept[int, Shelf] = Kept(_read_with_staples)
_mates: Kept[tuple[int, int], Mates] = Kept(_read_mates, patience=FRESHNESS)
_ahead: Kept[tuple[int, int | None], MadeAhead] = Kept(_read_ahead, patience=FRESHNESS)


def shelf(shop_id: int) -> Shelf:
    """Return what a shop may show, at most half a minute old and usually at most five seconds."""
    return _shelves.get(shop_id)


def collection_mates(shop_id: int, product_id: int) -> Mates:
    """
    Return the products that share a collection with one, the closest first.

    None where the database is away and this process was never asked for the page: others fill its list.
    """
    try:
        return _mates.get((shop_id, product_id))
    except DATABASE_DOWN as error:
        log.warning("mates_unknown", error=describe(error))
        return _as_mates(())


def made_ahead(shop_id: int, product_id: int | None) -> MadeAhead:
    """
    Return the list that a page holds already, a product's or the home page; nothing where that can't be told.

    Whoever asks has no model, and must have a list even where the database is away, too.
    """
    try:
        return _ahead.get((shop_id, product_id))
    except DATABASE_DOWN as error:
        log.warning("list_made_ahead_unknown", error=describe(error))
        return NOTHING_AHEAD


def find_made_ahead_by(find: Callable[[int, int | None], MadeAhead]) -> None:
    """Name who knows the lists made ahead: the app that keeps them stands above this one."""
    global _find_ahead  # noqa: PLW0603 -- set once, where the process is put together
    _find_ahead = find


class _CardCache:
    """
    Cards of products as they were asked for, all missing ones of an answer in one query.

    They are good until their product is written again; every few seconds each shop is asked what was. Those
    of a shop's staples are there whatever else is not known while the database is away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # None of a product that the catalogue lacks.
        self._cards: LRUCache[tuple[int, int], Card | None] = LRUCache(MOST_CARDS)
        self._marks: dict[int, str] = {}
        self._staples: LRUCache[int, Mapping[int, Card]] = LRUCache(MOST_KEPT)
        self._wanted: dict[int, set[int]] = defaultdict(set)

    def find(self, shop_id: int, product_ids: Collection[int]) -> dict[int, Card]:
        _followed.get(shop_id)
        with self._lock:
            mark = self._marks.get(shop_id)
            found = {one: self._cards[shop_id, one] for one in product_ids if (shop_id, one) in self._cards}
        missing = [one for one in product_ids if one not in found]
        if missing:
            found |= self._read_if_possible(shop_id, missing, mark)
        return {one: card for one, card in found.items() if card is not None}

    def keep_staples(self, shop_id: int, product_ids: Collection[int], *, is_same: bool) -> None:
        """
        Hold on to the cards of a shop's staples until it has others.

        :param is_same: whether those that are held are as they were
        """
        with self._lock:
            held = self._staples.get(shop_id, {})
        if is_same and held.keys() >= set(product_ids):
            return
        staples = self.find(shop_id, product_ids)
        with self._lock:
            self._staples[shop_id] = staples

    def follow(self, shop_id: int) -> str:
        """Forget the cards of products that were written since the last look."""
        mark, changed = catalog.changed_products(shop_id, since=self._marks.get(shop_id))
        with self._lock:
            self._marks[shop_id] = mark
            for one in changed:
                self._cards.pop((shop_id, one), None)
        return mark

    def clear(self) -> None:
        with self._lock:
            self._cards.clear()
            self._marks.clear()
            self._staples.clear()
            self._wanted.clear()

    def _read_if_possible(
        self, shop_id: int, product_ids: list[int], mark: str | None
    ) -> Mapping[int, Card | None]:
        try:
            with FRESHNESS:
                return self._read(shop_id, product_ids, mark)
        except DATABASE_DOWN as error:
            log.warning("cards_unknown", shop_id=shop_id, error=describe(error))
        self._read_behind(shop_id, product_ids)
        with self._lock:
            staples = self._staples.get(shop_id, {})
        # What has neither is not shown: others take its place.
        return {one: staples[one] for one in product_ids if one in staples}

    def _read_behind(self, shop_id: int, product_ids: Iterable[int]) -> None:
        """Read what took longer than a shopper may wait, together with whatever else is wanted by then."""
        with self._lock:
            is_first = shop_id not in self._wanted
            self._wanted[shop_id].update(product_ids)
        if is_first:
            _refreshers.submit(self._read_wanted, shop_id)

    def _read_wanted(self, shop_id: int) -> None:
        with self._lock:
            wanted, mark = self._wanted.pop(shop_id, ()), self._marks.get(shop_id)
        try:
            close_old_connections()
            self._read(shop_id, wanted, mark)
        except Exception as error:
            # The next who needs one asks again.
            is_known = isinstance(error, DATABASE_DOWN)
            log.warning("cards_not_read", shop_id=shop_id, error=describe(error), exc_info=not is_known)

    def _read(
        self, shop_id: int, product_ids: Collection[int], mark: str | None
    ) -> Mapping[int, Card | None]:
        there = catalog.products_for_serving(shop_id, product_ids)
        found: dict[int, Card | None] = dict.fromkeys(product_ids)
        found |= {one.product_id: _card(one) for one in there}
        with self._lock:
            # Where somebody looked meanwhile, what was read may be from before a change that they saw.
            if self._marks.get(shop_id) == mark:
                self._cards.update({(shop_id, one): card for one, card in found.items()})
        return found


_cards = _CardCache()
_followed: Kept[int, str] = Kept(_cards.follow)


def cards(shop_id: int, product_ids: Collection[int]) -> Mapping[int, Card]:
    """Return the cards of those products that the catalogue has."""
    return _cards.find(shop_id, product_ids)


def _card(product: ServingProduct) -> Card:
    return Card(
        product_id=product.product_id,
        handle=product.handle,
        title=product.title,
        product_type=product.product_type,
        url=f"/products/{product.handle}",
        price=f"{product.price:.2f}",
        currency=product.currency,
        image_url=product.image_url,
        image_alt=product.image_alt,
        image_width=product.image_width,
        image_height=product.image_height,
    )


def forget_cached() -> None:
    """Drop this process's short-lived copies; for tests."""
    _shelves.clear()
    _read_shelves.clear()
    _mates.clear()
    _followed.clear()
    _ahead.clear()
    _cards.clear()

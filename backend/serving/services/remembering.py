"""What this process showed each visitor last: the first fallback where no version can answer."""

import threading
from typing import Final

from cachetools import TTLCache

from backend.serving.values import Query

# A visit's length: what was chosen for somebody before says less than the page's own list.
LAST_ANSWER_SECONDS: Final = 300.0
# At about 300 bytes each: 6 MB.
MOST_VISITORS_PAGES: Final = 20_000

_Key = tuple[int, str, str, int | None]


class LastAnswers:
    """The last lists that a model chose for visitors, by shop, visitor's pseudonym and page."""

    def __init__(self) -> None:
        self._lists: TTLCache[_Key, tuple[int, ...]] = TTLCache(MOST_VISITORS_PAGES, LAST_ANSWER_SECONDS)
        self._lock = threading.Lock()

    def find(self, shop_id: int, visitor_key: str | None, query: Query) -> tuple[int, ...]:
        """Return the products of a visitor's last list on a page; none of somebody unknown."""
        if visitor_key is None:
            return ()
        with self._lock:
            return self._lists.get(_key(shop_id, visitor_key, query), ())

    def keep(self, shop_id: int, visitor_key: str, query: Query, product_ids: tuple[int, ...]) -> None:
        """Remember the list that a visitor is shown."""
        with self._lock:
            self._lists[_key(shop_id, visitor_key, query)] = product_ids


def _key(shop_id: int, visitor_key: str, query: Query) -> _Key:
    return shop_id, visitor_key, query.surface, query.context_product_id

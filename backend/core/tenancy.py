"""
Tenancy that fails closed: no query on a shop's table without naming the shop.

``Model.objects.for_shop(shop_id)`` is the everyday door and
``Model.objects.across_shops(reason="…")`` the rare one; every other query
method raises. Django's own machinery (cascades, foreign-key checks) uses the
plain base manager and is not affected.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from graphlib import TopologicalSorter
from itertools import islice
from typing import Any, Final, NoReturn, Self, TypeVar

from django.apps import apps
from django.db import models, transaction

from .errors import Corrupt

M = TypeVar("M", bound=models.Model)

# A batch holds its locks for some ten milliseconds, and a kill repeats no more than this.
BATCH_ROWS: Final = 5_000


class UnscopedQuery(Corrupt):
    """Code asked a shop's table a question without naming the shop."""

    code = "unscoped_query"


class ScopedQuerySet(models.QuerySet[M]):
    """A query set that remembers its shop, so that rows made through it belong there."""

    _shop_id: int | None = None

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._shop_id = self._shop_id
        return clone

    def create(self, **values: Any) -> M:
        """Make a row of this query set's shop."""
        row = self.model(**values)
        self._claim(row)
        self._for_write = True
        row.save(force_insert=True, using=self.db)
        return row

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Make many rows of this query set's shop."""
        rows = list(objs)
        for row in rows:
            self._claim(row)
        return super().bulk_create(rows, *args, **kwargs)

    def _claim(self, row: M) -> None:
        if self._shop_id is None:
            return
        if row.shop_id is None:  # type: ignore[attr-defined]
            row.shop_id = self._shop_id  # type: ignore[attr-defined]
        if row.shop_id != self._shop_id:  # type: ignore[attr-defined]
            raise UnscopedQuery(
                f"A {self.model.__name__} of another shop cannot be made for shop {self._shop_id}."
            )


class ScopedManager(models.Manager[M]):
    """The only manager of a shop's table."""

    def for_shop(self, shop_id: int) -> ScopedQuerySet[M]:
        """Return the rows of one shop."""
        rows = self._rows().filter(shop_id=shop_id)
        rows._shop_id = shop_id  # noqa: SLF001 - the manager and its query set are one unit
        return rows

    def across_shops(self, *, reason: str) -> ScopedQuerySet[M]:
        """Return the rows of all shops; the reason is for the reader of the code."""
        if not reason:
            raise UnscopedQuery(f"A query on every shop's {self.model.__name__} needs a reason.")
        return self._rows()

    def get_queryset(self) -> NoReturn:
        """Refuse: every inherited method of the manager begins here."""
        raise UnscopedQuery(f"Use {self.model.__name__}.objects.for_shop(…) or .across_shops(reason=…).")

    def _rows(self) -> ScopedQuerySet[M]:
        return ScopedQuerySet(model=self.model, using=self._db)


class ShopScoped(models.Model):
    """A row that belongs to one shop and goes when the shop goes."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+")

    objects = ScopedManager()

    class Meta:
        abstract = True


def erase_rows(shop_id: int, *, on_progress: Callable[[int], None] = lambda _: None) -> dict[str, int]:
    """
    Delete every row of a shop from every table that belongs to shops, some at a time.

    It asks the registry of models, so a table that is added later cannot be
    forgotten. The ledgers refuse deletion; empty them by their own door first.

    :param on_progress: called with the number of rows that each batch deleted
    :returns: rows deleted, by table
    """
    return {
        model._meta.label: delete_in_batches(  # noqa: SLF001 - Django's public name
            ScopedQuerySet(model=model).filter(shop_id=shop_id), on_progress=on_progress
        )
        for model in _children_first()
    }


def delete_in_batches(
    rows: models.QuerySet[Any],
    *,
    within: Callable[[], AbstractContextManager[Any]] = transaction.atomic,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """
    Delete many rows in transactions of ``BATCH_ROWS``, so that no lock is long and a kill loses one batch.

    The rows that depend on them have to be gone. The keys are read once, by a
    cursor of the server: to look for the next rows each time would step over
    the dead entries of all batches before, which is quadratic.

    :param within: opens the transaction of each batch
    """
    deleted = 0
    for keys in in_batches(rows.order_by().values_list("pk", flat=True).iterator(chunk_size=BATCH_ROWS)):
        with within():
            some = rows.model._base_manager.filter(pk__in=keys)  # noqa: SLF001 - Django's name for the unscoped manager
            # The public delete() reads every row into memory to look for dependants; they are gone already.
            done = some._raw_delete(some.db)  # noqa: SLF001 - see above
        deleted += done
        on_progress(done)
    return deleted


def in_batches(keys: Iterator[Any], rows: int | None = None) -> Iterator[list[Any]]:
    """Yield lists of so many at most, ``BATCH_ROWS`` unless said."""
    while batch := list(islice(keys, rows or BATCH_ROWS)):
        yield batch


def _children_first() -> list[type[models.Model]]:
    owned = {model for model in apps.get_models() if issubclass(model, ShopScoped)}
    parents = {
        model: {field.related_model for field in model._meta.fields if field.related_model in owned}  # noqa: SLF001 - Django's public name
        - {model}
        for model in owned
    }
    return list(reversed(list(TopologicalSorter(parents).static_order())))

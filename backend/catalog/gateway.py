"""What the catalogue asks of Shopify: bulk operations with their results, and products by their ids."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backend.core.errors import describe
from backend.shopify import operations
from backend.shopify.gateway import AdminClient, open_result, refuse_user_errors
from backend.shopify.values import gid

from . import rules
from .rules import WholeProduct
from .values import Part

_OPERATIONS: Final = {Part.PRODUCTS: "bulk_products", Part.ORDERS: "bulk_orders"}


class ExportState(StrEnum):
    """Where a bulk operation stands, as far as we care."""

    RUNNING = "RUNNING"  # Shopify is at work
    READY = "READY"  # the result can be read; there is none if nothing matched
    LOST = "LOST"  # ended without a result; a new one may do better
    DENIED = "DENIED"  # a scope or an approval is missing; a new one would end the same


@dataclass(frozen=True)
class Export:
    """A bulk operation. ``url`` is a secret: who has it can read the result for a week."""

    state: ExportState
    roots: int
    started_at: datetime
    url: str | None
    error: str

    def __repr__(self) -> str:
        return f"Export({self.state}, roots={self.roots}, error={self.error!r})"


def start_export(client: AdminClient, part: Part, *, since: datetime | None) -> str:
    """
    Ask for all products or orders, or for those that changed since a moment.

    :returns: Shopify's id of the operation
    """
    query = operations.bulk_text(_OPERATIONS[part], since=since)
    result = client.execute("bulk_start", {"query": query})["bulkOperationRunQuery"]
    refuse_user_errors(result, what=f"the export of {part.lower()}")
    return str(result["bulkOperation"]["id"])


def read_export(client: AdminClient, operation_id: str) -> Export | None:
    """Return how a bulk operation is, or None if Shopify does not know it."""
    found = client.execute("bulk_status", {"id": operation_id})["bulkOperation"]
    if found is None:
        return None
    return Export(
        state=_state(found["status"], found.get("errorCode")),
        roots=int(found.get("rootObjectCount") or 0),
        started_at=datetime.fromisoformat(found["createdAt"]),
        url=found.get("url"),
        error=str(found.get("errorCode") or ""),
    )


def open_export(url: str) -> AbstractContextManager[Iterator[str]]:
    """Stream the lines of a result."""
    return open_result(url)


def _state(status: str, error_code: str | None) -> ExportState:
    if status in {"CREATED", "RUNNING", "CANCELING"}:
        return ExportState.RUNNING
    if status == "COMPLETED":
        return ExportState.READY
    return ExportState.DENIED if error_code == "ACCESS_DENIED" else ExportState.LOST


# Products by their ids

# Shopify takes 250 ids in one call and at most 1,000 points. A product with ten variants is asked at 27.
PRODUCTS_PER_READ: Final = 25


@dataclass(frozen=True)
class ReadProducts:
    """
    What the Admin API says of some products.

    :param found: the products that exist, with all their variants, by id
    :param missing: the products that do not exist, which is proof that they are gone
    :param unreadable: what could not be read, by id, and why
    """

    found: Mapping[int, WholeProduct]
    missing: frozenset[int]
    unreadable: Mapping[int, str]


def read_products(client: AdminClient, product_ids: Collection[int]) -> ReadProducts:
    """
    Ask for products by their ids, at most ``PRODUCTS_PER_READ`` at a time.

    :raises AdminApiUnavailable: if Shopify cannot be asked now; see :meth:`AdminClient.execute`
    """
    ids = list(product_ids)
    nodes = client.execute("products_by_ids", {"ids": [gid("Product", one) for one in ids]})["nodes"]
    found: dict[int, WholeProduct] = {}
    missing: set[int] = set()
    unreadable: dict[int, str] = {}
    for product_id, node in zip(ids, nodes, strict=True):
        variants = _all_variants(client, node) if node else None
        if variants is None:
            missing.add(product_id)
            continue
        try:
            found[product_id] = rules.read_whole_product(node, variants)
        except rules.UNREADABLE as error:
            unreadable[product_id] = describe(error)
    return ReadProducts(found, frozenset(missing), unreadable)


def _all_variants(client: AdminClient, node: Mapping[str, Any]) -> list[Any] | None:
    """
    Return a product's variants: the first came with it, of a long list the rest is asked for.

    :returns: None if the product was deleted meanwhile
    """
    page = node["variants"]
    variants = list(page["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        after = {"id": node["id"], "after": page["pageInfo"]["endCursor"]}
        product = client.execute("product_variants", after)["product"]
        if product is None:
            return None
        page = product["variants"]
        variants += page["nodes"]
    return variants

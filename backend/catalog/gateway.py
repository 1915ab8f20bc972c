"""Shopify's bulk operations: start one, ask how it is, read its result."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from backend.shopify import operations
from backend.shopify.gateway import AdminClient, open_result, refuse_user_errors

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

"""What publishing asks of Shopify: set metafields, and whether products are there."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from backend.core.errors import Unavailable
from backend.shopify.gateway import AdminClient, refuse_user_errors
from backend.shopify.values import gid, number_of
from backend.shops import services as shops


class WriteFailed(Unavailable):
    """Shopify could not write some metafields, and says that it was its own fault."""

    code = "shopify_unavailable"


class Sender:
    """Speaks to one shop's Admin API. Nothing is asked before there is something to write."""

    def __init__(self, shop_id: int, *, clock: Callable[[], datetime]) -> None:
        self.shop_id = shop_id
        self.clock = clock

    def send(self, metafields: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Set metafields in one call; return why Shopify took none of them, or nothing if it took all."""
        result = self._client.execute("metafields_set", {"metafields": metafields})["metafieldsSet"]
        refused: list[dict[str, Any]] = result["userErrors"]
        if any(error["code"] == "INTERNAL_ERROR" for error in refused):
            raise WriteFailed(f"Shopify could not write lists: {refused[0]['message']}")
        return refused

    def remove(self, identifiers: Sequence[dict[str, str]]) -> None:
        """
        Delete metafields in one call; one that is not there is none to delete.

        :raises UserErrors: if Shopify declines to
        """
        result = self._client.execute("metafields_delete", {"metafields": identifiers})["metafieldsDelete"]
        refuse_user_errors(result, what="the removal of recommendations")

    def missing(self, product_ids: Collection[int]) -> set[int]:
        """Return which products Shopify does not have."""
        ids = [gid("Product", one) for one in sorted(product_ids)]
        nodes = self._client.execute("nodes", {"ids": ids})["nodes"]
        return set(product_ids) - {number_of(node["id"]) for node in nodes if node}

    @cached_property
    def installation(self) -> str:
        """The app's own installation, which owns what belongs to no product."""
        found: str = self._client.execute("installation")["currentAppInstallation"]["id"]
        return found

    @cached_property
    def _client(self) -> AdminClient:
        return shops.admin_client(self.shop_id, now=self.clock())

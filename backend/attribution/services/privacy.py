"""Lawful erasure, the one change that joins and credits allow."""

from collections.abc import Callable, Collection

from backend.attribution.models import Credit, Join
from backend.audit.services import erasure
from backend.core.tenancy import delete_in_batches


def forget_orders(shop_id: int, order_ids: Collection[int]) -> int:
    """
    Cut the ties between a customer's orders and what they were shown.

    The credits stay: they are the shop's record of what a decision earned, and
    nobody can be found behind an order that was untied from its customer.

    :returns: how many ties were cut
    """
    with erasure():
        return Join.objects.for_shop(shop_id).filter(order_id__in=list(order_ids)).delete()[0]


def erase_shop(shop_id: int, *, on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Delete a shop's joins and credits, some at a time, as its redaction demands."""
    for rows in (Join.objects.for_shop(shop_id), Credit.objects.for_shop(shop_id)):
        delete_in_batches(rows, within=erasure, on_progress=on_progress)

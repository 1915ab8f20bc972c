"""What is forgotten of events: whose they were, when a customer asks; all of old days."""

from collections.abc import Callable, Collection, Iterable

from django.db.models import Q

from backend.audit import services as audit
from backend.core.tenancy import delete_in_batches
from backend.events import queries
from backend.events.models import BotEvent, Event
from backend.events.values import NOBODY


def forget_clients(shop_id: int, clients: Iterable[str], *, order_ids: Collection[int] = ()) -> int:
    """
    Cut the ties between events and some browsers, and those in which some orders were placed.

    What was seen and clicked stays, because it is the shop's record of its lists; no event names its
    browser, its checkout or its order any more.

    :returns: how many events were untied
    """
    return _untie(shop_id, set(clients), Q(order_id__in=list(order_ids)))


def forget_orders(shop_id: int, order_ids: Collection[int], *, checkout_tokens: Iterable[str]) -> int:
    """
    Cut the ties between events and the browsers in which some orders were placed.

    :param checkout_tokens: the checkouts of the orders: an event may name that alone
    :returns: how many events were untied
    """
    name = queries.checkout_namer(shop_id)
    checkouts = [name(token) for token in checkout_tokens]
    return _untie(shop_id, set(), Q(order_id__in=list(order_ids)) | Q(checkout_key__in=checkouts))


def _untie(shop_id: int, clients: set[str], placed: Q) -> int:
    kinds = [model.objects.for_shop(shop_id) for model in (Event, BotEvent)]
    for rows in kinds:
        clients |= {*rows.filter(placed).values_list("client_key", flat=True)}
    theirs = Q(client_key__in=clients - {NOBODY}) | placed
    nothing = {"client_key": NOBODY, "checkout_key": None, "order_id": None}
    with audit.erasure():
        return sum(rows.filter(theirs).update(**nothing) for rows in kinds)


def erase_shop(shop_id: int, *, on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Delete every event of a shop, as its redaction demands, some rows at a time."""
    for model in (Event, BotEvent):
        rows = model.objects.for_shop(shop_id)
        delete_in_batches(rows, within=audit.erasure, on_progress=on_progress)

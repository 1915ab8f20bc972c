"""What is forgotten of events: whose they were, when a customer asks; all of old days."""

from collections.abc import Callable, Collection, Iterable

from django.db.models import Q

from backend.audit import services as audit
from backend.core.tenancy import delete_in_batches
from backend.events.models import BotEvent, Event
from backend.events.values import NOBODY


def forget_clients(shop_id: int, clients: Iterable[str], *, order_ids: Collection[int] = ()) -> int:
    """
    Cut the ties between events and some browsers, and those in which some orders were placed.

    What was seen and clicked stays, because it is the shop's record of its lists; no event names its
    browser, its checkout or its order any more.

    :returns: how many events were untied
    """
    placed = Event.objects.for_shop(shop_id).filter(order_id__in=list(order_ids))
    named = {*clients, *placed.values_list("client_key", flat=True)} - {NOBODY}
    theirs = Q(client_key__in=named) | Q(order_id__in=list(order_ids))
    with audit.erasure():
        return sum(
            model.objects.for_shop(shop_id)
            .filter(theirs)
            .update(client_key=NOBODY, checkout_key=None, order_id=None)
            for model in (Event, BotEvent)
        )


def erase_shop(shop_id: int, *, on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Delete every event of a shop, as its redaction demands, some rows at a time."""
    for model in (Event, BotEvent):
        rows = model.objects.for_shop(shop_id)
        delete_in_batches(rows, within=audit.erasure, on_progress=on_progress)

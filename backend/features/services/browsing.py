"""
Views and carts: from what browsers told to steps of a visitor's sequence.

A browser is somebody's once it saw a decision that was made for them, which happens only where preferences
were allowed. What it told before is theirs as well. One worker at a time reads what came since it last read;
what it reads twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from backend.audit import queries as audit
from backend.catalog import queries as catalog
from backend.core import leases
from backend.core.queue import Job
from backend.core.tenancy import delete_in_batches, in_batches
from backend.events import queries as events
from backend.events.values import Heard, Topic
from backend.features import rules
from backend.features.gateway import cache
from backend.features.models import BrowsingStep, ClientLink, EventMark
from backend.features.services.locking import lock
from backend.features.values import Link
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopState

JOB: Final = Job.FEATURES_BROWSING.value

# Events carry the moment of their statement, which commits within seconds; two clocks differ by less.
OVERLAP: Final = timedelta(seconds=30)
# What a browser told before it was known as anybody's.
LOOK_BACK: Final = timedelta(days=90)

STEP_EVENTS: Final = {Topic.VIEW: "view", Topic.CART: "cart"}


def follow_events(*, now: datetime) -> int:
    """Turn what browsers told since the last time into steps, and return how many events were read."""
    with leases.alone(JOB) as is_alone:
        return _follow_all(now) if is_alone else 0


def sweep_steps(*, before: datetime) -> int:
    """Delete the steps whose events are no longer kept either."""
    old = BrowsingStep.objects.across_shops(reason="the timetable serves all shops")
    return delete_in_batches(old.filter(occurred_at__lt=before))


def _follow_all(now: datetime) -> int:
    mark = EventMark.objects.first() or EventMark(received_at=now - LOOK_BACK)
    read = 0
    for some in in_batches(events.received(since=mark.received_at - OVERLAP, until=now)):
        leases.ensure_held()
        by_shop = defaultdict(list)
        for one in some:
            by_shop[one.shop_id].append(one)
        for shop_id, heard in by_shop.items():
            if shops.get_fresh_shop(shop_id).state is not ShopState.REDACTED:
                _follow(shop_id, heard)
        read += len(some)
        if not _move(mark, some[-1].received_at):
            return read
    _move(mark, now)
    return read


def _move(mark: EventMark, received_at: datetime) -> bool:
    """Move the mark on; False where somebody has moved it back meanwhile, so that it must not."""
    former = mark.received_at
    mark.received_at = max(former, received_at)
    if not mark.pk:
        mark.save()
        return True
    return bool(EventMark.objects.filter(pk=mark.pk, received_at=former).update(received_at=mark.received_at))


def follow_again(*, since: datetime) -> None:
    """
    Have events read once more from a moment on, in the transaction that brings decisions late.

    Those that name one of them told of nobody before.
    """
    EventMark.objects.filter(received_at__gt=since).update(received_at=since)


def _follow(shop_id: int, heard: Sequence[Heard]) -> None:
    told = _links_told(shop_id, heard)
    with transaction.atomic():
        lock(shop_id, is_exclusive=False)
        # Whoever is redacted meanwhile waits for this, and finds all that it ties.
        shop_services.hold_suppressions(shop_id)
        former = _link(shop_id, told)
        clients = {one.client_key for one in heard}
        visitors = _visitors(shop_id, clients)
        before = events.browsing(shop_id, former, since=max(one.received_at for one in heard) - LOOK_BACK)
        _write(shop_id, [*before, *heard], visitors)
        _move_steps(shop_id, former, visitors)
        changed = {visitors[client] for client in clients if client in visitors} | {*former.values()}
        transaction.on_commit(lambda: cache.drop_pasts(shop_id, changed - {""}))


def _links_told(shop_id: int, heard: Sequence[Heard]) -> dict[str, Link]:
    """Return the best that these events tell of each browser."""
    named = {one.decision_id for one in heard if one.decision_id is not None}
    made_for = audit.visitor_keys(shop_id, named)
    customers = catalog.customers_among(shop_id, set(made_for.values()))
    best: dict[str, Link] = {}
    for one in heard:
        visitor = made_for.get(one.decision_id) if one.decision_id else None
        if visitor is None:
            continue
        link = Link(visitor, one.at, visitor in customers)
        if rules.supersedes(link, best.get(one.client_key)):
            best[one.client_key] = link
    return best


def _link(shop_id: int, told: Mapping[str, Link]) -> dict[str, str]:
    """Write what is new of the links, and return who each browser was known as before; empty of a new one."""
    suppressed, _ = shop_services.suppressed_among(
        shop_id, customer_keys={link.visitor_key for link in told.values()}
    )
    rows = ClientLink.objects.for_shop(shop_id).filter(client_key__in=list(told))
    held = {row.client_key: Link(row.visitor_key, row.seen_at, row.is_customer) for row in rows}
    new = {
        client: link
        for client, link in told.items()
        if link.visitor_key not in suppressed and rules.supersedes(link, held.get(client))
    }
    ClientLink.objects.for_shop(shop_id).bulk_create(
        [
            ClientLink(
                client_key=client,
                visitor_key=link.visitor_key,
                is_customer=link.is_customer,
                seen_at=link.seen_at,
            )
            for client, link in sorted(new.items())
        ],
        update_conflicts=True,
        unique_fields=["shop", "client_key"],
        update_fields=["visitor_key", "is_customer", "seen_at"],
    )
    return {
        client: held[client].visitor_key if client in held else ""
        for client, link in new.items()
        if client not in held or held[client].visitor_key != link.visitor_key
    }


def _visitors(shop_id: int, clients: Iterable[str]) -> dict[str, str]:
    rows = ClientLink.objects.for_shop(shop_id).filter(client_key__in=list(clients))
    return dict(rows.values_list("client_key", "visitor_key"))


def _write(shop_id: int, heard: Iterable[Heard], visitors: Mapping[str, str]) -> None:
    steps = [
        _step(one, one.product_id, STEP_EVENTS[one.topic], visitors[one.client_key])
        for one in heard
        if one.topic in STEP_EVENTS and one.client_key in visitors and one.product_id is not None
    ]
    # In one order for all, so that no two writers wait for each other.
    steps.sort(key=lambda step: (step.client_key, step.product_id, step.event, step.occurred_at))
    BrowsingStep.objects.for_shop(shop_id).bulk_create(steps, ignore_conflicts=True)


def _step(heard: Heard, product_id: int, event: str, visitor_key: str) -> BrowsingStep:
    visit = rules.visit_number(heard.at)
    return BrowsingStep(
        client_key=heard.client_key,
        visitor_key=visitor_key,
        product_id=product_id,
        event=event,
        visit=visit,
        basket_id=rules.visit_basket(heard.client_key, visit),
        # Orders come in whole seconds, too.
        occurred_at=heard.at.replace(microsecond=0),
    )


def _move_steps(shop_id: int, former: Mapping[str, str], visitors: Mapping[str, str]) -> None:
    """
    Give a customer what their browser did before they signed in.

    What it did in another customer's hands stays theirs.
    """
    named = {*former.values(), *(visitors[client] for client in former)} - {""}
    customers = catalog.customers_among(shop_id, named)
    for client, visitor in former.items():
        if not visitor or visitor in customers:
            continue
        steps = BrowsingStep.objects.for_shop(shop_id)
        theirs = steps.filter(client_key=client, visitor_key=visitor)
        if visitors[client] not in customers:
            # Nobody signed in: a machine may change its name all day, and all would be written each time.
            newest = theirs.order_by("-occurred_at", "-id").values("id")[: events.MOST_READ]
            theirs = steps.filter(id__in=newest)
        theirs.update(visitor_key=visitors[client])

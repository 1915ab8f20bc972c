"""Reads of storefront events. They inform: what was sold is read from signed orders only."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from uuid import UUID

from django.db.models import F, Min, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from backend.core.crypto import pseudonym_under
from backend.core.ids import first_id
from backend.events.models import Event, Tally
from backend.events.rules import DAY, WINDOW, day_start_key
from backend.events.values import (
    NOBODY,
    ClickRecord,
    Counts,
    DrawnClient,
    EventRecord,
    Exposed,
    Heard,
    Outcome,
    Topic,
)
from backend.shops import queries as shops

# Of one decision or one client more than these are a machine's.
MOST_READ = 1_000


def namer(shop_id: int) -> Callable[[str], str]:
    """Return a function that gives a browser's or a checkout's own id a name under a shop's key."""
    key = shops.pseudonym_key(shop_id)
    return lambda told: pseudonym_under(key, told)


def events_of_decision(
    shop_id: int, decision_id: UUID, *, since: datetime | None = None, until: datetime | None = None
) -> list[EventRecord]:
    """Return what was told of one decision, oldest first; with both bounds, of the days around them only."""
    rows = Event.objects.for_shop(shop_id).filter(decision_id=decision_id)
    if since is not None and until is not None:
        rows = rows.filter(days(since, until))
    return [_record(row) for row in rows.order_by("at", "id")[:MOST_READ]]


def client_of_checkout(shop_id: int, checkout_token: str, *, since: datetime, until: datetime) -> str | None:
    """
    Return the pseudonym of the browser that a checkout began or ended in, if it told; the newest's.

    :param since: with ``until``, when that can have happened; each day that it may be on is looked into
    """
    rows = Event.objects.for_shop(shop_id).filter(
        days(since, until), checkout_key=_checkout_key(shop_id, checkout_token)
    )
    return rows.order_by("-at").values_list("client_key", flat=True).first()


def clicks_of_client(shop_id: int, client_key: str, *, since: datetime, until: datetime) -> list[ClickRecord]:
    """Return what a browser followed or put into its cart in [since, until), oldest first."""
    rows = Event.objects.for_shop(shop_id).filter(
        days(since, until),
        client_key=client_key,
        topic__in=[Topic.CLICK, Topic.ADD],
        at__gte=since,
        at__lt=until,
    )
    newest = rows.order_by("-at", "-id")[:MOST_READ]
    return [
        ClickRecord(row.decision_id, row.product_ids[0], row.at, row.topic == Topic.ADD)
        for row in reversed(newest)
        if row.decision_id is not None
    ]


def first_clicks(shop_id: int, *, since: datetime, until: datetime, limit: int) -> list[ClickRecord]:
    """
    Return which products browsers followed of decisions made from a moment on, each once for its decision.

    In the order in which they were told of until another moment: that order stays whatever comes later. It is
    read day by day, so that of a shop with millions of clicks the first days are enough.

    :param limit: of the first ones
    """
    found: dict[tuple[UUID, int], ClickRecord] = {}
    since_told = since
    while since_told < until and len(found) < limit:
        until_told = min(since_told + DAY, until)
        for one in _clicks(shop_id, made_since=since, since=since_told, until=until_told, limit=limit):
            found.setdefault((one.decision_id, one.product_id), one)
        since_told = until_told
    return list(found.values())[:limit]


def _clicks(
    shop_id: int, *, made_since: datetime, since: datetime, until: datetime, limit: int
) -> Iterator[ClickRecord]:
    """Yield what was told of in [since, until) of decisions made from a moment on, the first told first."""
    rows = Event.objects.for_shop(shop_id).filter(
        days(since, until),
        topic=Topic.CLICK,
        decision_id__gte=first_id(made_since),
        received_at__gte=since,
        received_at__lt=until,
    )
    told = rows.values("decision_id", "product_ids").annotate(first_at=Min("received_at"))
    first = told.order_by("first_at", "decision_id", "product_ids")
    for decision, products, at in first.values_list("decision_id", "product_ids", "first_at")[:limit]:
        if decision is not None:
            yield ClickRecord(decision, products[0], at, is_add=False)


def impressions(
    shop_id: int, client_key: str, product_ids: Collection[int], *, since: datetime, until: datetime
) -> list[EventRecord]:
    """Return when a browser saw some of these products recommended in [since, until), oldest first."""
    rows = Event.objects.for_shop(shop_id).filter(
        days(since, until),
        client_key=client_key,
        topic=Topic.IMPRESSION,
        at__gte=since,
        at__lt=until,
        product_ids__overlap=list(product_ids),
    )
    return [_record(row) for row in rows.order_by("at", "id")[:MOST_READ]]


# What only our block's script tells.
OF_BLOCK = (Topic.IMPRESSION, Topic.CLICK, Topic.ADD, Topic.GROUP, Topic.EXPOSURE)


def met_recommendations(shop_id: int, client_key: str, *, since: datetime, until: datetime) -> bool:
    """Tell whether a browser told anything of our block in [since, until): then its script ran there."""
    rows = Event.objects.for_shop(shop_id).filter(days(since, until), client_key=client_key)
    told = rows.filter(at__gte=since, at__lt=until)
    return told.filter(topic__in=OF_BLOCK).exists()


def drawn_clients(shop_id: int, *, since: datetime, until: datetime) -> Iterator[DrawnClient]:
    """Return the browsers that told their bucket in [since, until), each with its first one."""
    rows = Event.objects.for_shop(shop_id).filter(
        days(since, until), topic=Topic.GROUP, at__gte=since, at__lt=until
    )
    first = rows.exclude(client_key=NOBODY).order_by("client_key", "at", "id").distinct("client_key")
    for client_key, bucket, at in first.values_list("client_key", "bucket", "at").iterator():
        if bucket is not None:
            yield DrawnClient(client_key, bucket, at)


def exposures(
    shop_id: int, rollout_id: UUID, *, until: datetime, since: datetime | None = None
) -> Iterator[Exposed]:
    """
    Return the browsers that met a rollout before a moment, each with its first time.

    The collector takes a browser's word for the rollout, so one that nothing was shown of yet may be named.

    :param since: when it was first shown; what is told of before is left out
    """
    rows = Event.objects.for_shop(shop_id).filter(
        topic=Topic.EXPOSURE, rollout_id=rollout_id, at__lt=until, id__lt=day_start_key(until + WINDOW + DAY)
    )
    if since is not None:
        rows = rows.filter(days(since, until), at__gte=since)
    first = rows.exclude(client_key=NOBODY).order_by("client_key", "at", "id").distinct("client_key")
    for client_key, bucket, at in first.values_list("client_key", "bucket", "at").iterator():
        if bucket is not None:
            yield Exposed(client_key, bucket, at)


def completed_checkouts(shop_id: int, *, since: datetime, until: datetime) -> dict[str, str]:
    """Return the browser of each checkout that was completed in [since, until): pseudonym by pseudonym."""
    rows = Event.objects.for_shop(shop_id).filter(
        days(since, until), topic=Topic.CHECKOUT_COMPLETED, at__gte=since, at__lt=until
    )
    found = rows.order_by("at").values_list("checkout_key", "client_key").iterator()
    return {checkout: client for checkout, client in found if checkout is not None}


def checkout_namer(shop_id: int) -> Callable[[str], str]:
    """Return a function that gives a checkout's token its pseudonym under a shop's key."""
    name = namer(shop_id)
    return lambda token: name(f"checkout:{token}")


# Of these, what is followed tells whose a browser is, or what it looked at.
FOLLOWED = (Topic.IMPRESSION, Topic.CLICK, Topic.ADD, Topic.VIEW, Topic.CART)
HEARD = ("shop_id", "topic", "at", "received_at", "client_key", "decision_id", "product_ids")


def received(*, since: datetime, until: datetime) -> Iterator[Heard]:
    """Return the events of all shops that arrived in [since, until) and may be followed, as they came."""
    rows = Event.objects.across_shops(reason="one job follows all shops' events").filter(
        days(since, until), received_at__gte=since, received_at__lt=until, topic__in=FOLLOWED
    )
    return _heard(rows.order_by("received_at", "id"))


def browsing(shop_id: int, clients: Iterable[str], *, since: datetime) -> list[Heard]:
    """
    Return what some browsers looked at or put into a cart since a moment, oldest first.

    Of each the newest: one that tells on and on must not fill a worker's memory.
    """
    place = Window(RowNumber(), partition_by=F("client_key"), order_by=[F("at").desc(), F("id").desc()])
    rows = Event.objects.for_shop(shop_id).filter(
        id__gte=day_start_key(since - WINDOW),
        client_key__in=list(clients),
        at__gte=since,
        topic__in=[Topic.VIEW, Topic.CART],
    )
    newest = rows.annotate(place=place).filter(place__lte=MOST_READ)
    return list(_heard(newest.order_by("at", "id")))


def told_by(shop_id: int, clients: Iterable[str]) -> Iterator[EventRecord]:
    """Return all that some browsers told, oldest first, read as it is asked for."""
    rows = Event.objects.for_shop(shop_id).filter(client_key__in=list(clients))
    return (_record(row) for row in rows.order_by("at", "id").iterator(chunk_size=500))


def _heard(rows: QuerySet[Event]) -> Iterator[Heard]:
    for shop_id, topic, at, received_at, client, decision, products in rows.values_list(*HEARD).iterator():
        product = products[0] if products else None
        yield Heard(shop_id, Topic(topic), at, received_at, client, decision, product)


def counts(shop_id: int, *, since: datetime, until: datetime) -> Counts:
    """Return how much was accepted on the days, in UTC, from that of ``since`` to that of ``until``."""
    told = tallies(shop_id, since=since, until=until)
    return _counts({topic: total for (topic, outcome), total in told.items() if outcome is Outcome.ACCEPTED})


def daily_counts(shop_id: int, *, since: datetime, until: datetime) -> dict[date, Counts]:
    """Return the same of each day, in UTC, on which anything was accepted."""
    rows = Tally.objects.for_shop(shop_id).filter(
        day__gte=_day(since), day__lte=_day(until), outcome=Outcome.ACCEPTED
    )
    told: dict[date, dict[Topic | None, int]] = defaultdict(dict)
    for day, topic, total in rows.values_list("day", "topic").annotate(total=Sum("count")):
        told[day][Topic(topic) if topic else None] = total
    return {day: _counts(accepted) for day, accepted in told.items()}


def _counts(accepted: Mapping[Topic | None, int]) -> Counts:
    return Counts(
        impressions=accepted.get(Topic.IMPRESSION, 0),
        clicks=accepted.get(Topic.CLICK, 0),
        adds=accepted.get(Topic.ADD, 0),
        checkouts=accepted.get(Topic.CHECKOUT_COMPLETED, 0),
    )


def tallies(shop_id: int, *, since: datetime, until: datetime) -> dict[tuple[Topic | None, Outcome], int]:
    """Return what became of a shop's events by topic, None where none could be read, and outcome."""
    rows = Tally.objects.for_shop(shop_id).filter(day__gte=_day(since), day__lte=_day(until))
    summed = rows.values_list("topic", "outcome").annotate(total=Sum("count")).order_by("topic", "outcome")
    return {(Topic(topic) if topic else None, Outcome(outcome)): total for topic, outcome, total in summed}


def has_events(shop_id: int, *, since: datetime) -> bool:
    """Tell whether any event of a shop was accepted on the day of ``since``, in UTC, or after."""
    rows = Tally.objects.for_shop(shop_id).filter(day__gte=_day(since), outcome=Outcome.ACCEPTED)
    return rows.exists()


def days(since: datetime, until: datetime) -> Q:
    """
    Return the condition that keeps a read to the partitions that may hold what happened in [since, until).

    A browser's clock may have been wrong by the whole window, and its key says its own day.
    """
    first, last = key_bounds(since, until)
    return Q(id__gte=first, id__lt=last)


def key_bounds(since: datetime, until: datetime) -> tuple[UUID, UUID]:
    """Return the same as the least key and the first beyond, for who reads the views of events in SQL."""
    return day_start_key(since - WINDOW), day_start_key(until + WINDOW + DAY)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _checkout_key(shop_id: int, checkout_token: str) -> str:
    return checkout_namer(shop_id)(checkout_token)


def _record(row: Event) -> EventRecord:
    return EventRecord(
        key=row.id,
        topic=Topic(row.topic),
        at=row.at,
        received_at=row.received_at,
        client_key=row.client_key,
        decision_id=row.decision_id,
        product_ids=tuple(row.product_ids),
        quantity=row.quantity,
        checkout_key=row.checkout_key,
        order_id=row.order_id,
        bucket=row.bucket,
        rollout_id=row.rollout_id,
    )

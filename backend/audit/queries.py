"""Reads of the ledgers."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet

from backend.audit import bodies, reading, rules
from backend.audit.models import Chain, Decision, LedgerEvent
from backend.audit.values import (
    ActFilter,
    ActorKind,
    Chains,
    ChainState,
    Channel,
    DecisionRecord,
    DecisionShare,
    Event,
    Ledger,
    LedgerEntry,
    ShownList,
    Surface,
)
from backend.core.errors import Corrupt, Refused
from backend.core.ids import first_id
from backend.core.tenancy import in_batches


class UnknownAct(Refused):
    """No act has this id in this shop."""

    code = "unknown_act"
    status = 404


def decisions(shop_id: int, ids: Collection[UUID]) -> list[DecisionRecord]:
    """Return those of ``ids`` that this shop made, oldest first; ids it never made are left out."""
    if not ids:
        return []
    return _records(Decision.objects.for_shop(shop_id).filter(id__in=set(ids)).order_by("id"))


def find_decision(shop_id: int, decision_id: UUID) -> DecisionRecord | None:
    """Return one decision of a shop, or None if it never made it."""
    return next(iter(decisions(shop_id, [decision_id])), None)


def inputs_of(shop_id: int, decision_id: UUID) -> dict[str, bytes]:
    """
    Return what went into a decision, by name; what was the visitor's own is missing after an erasure.

    :raises Corrupt: if some of it is gone or damaged
    """
    row = Decision.objects.for_shop(shop_id).filter(id=decision_id).first()
    if row is None:
        return {}
    read = bodies.Reader([row])
    read.load([row])
    return _inputs(row, read, None)


def _inputs(row: Decision, read: bodies.Reader, names: Collection[str] | None) -> dict[str, bytes]:
    if row.id in read.damage:
        raise read.damage[row.id]
    own = rules.unpack_named(rules.unpack(bytes(row.personal_packed))) if row.personal_packed else {}
    return {
        name: read.body(row, stored)
        for name, stored in {**read.named(row), **own}.items()
        if name not in {rules.APPLIED, rules.FEATURES} and (names is None or name in names)
    }


def recorded(
    shop_id: int, ids: Collection[UUID], *, names: Collection[str] | None = None
) -> Iterator[tuple[DecisionRecord, dict[str, bytes]]]:
    """
    Return some decisions of a shop with what went into each, oldest first, all bodies read together.

    Of one that is damaged nothing went in, and its record says what is wrong.

    :param names: of what is wanted of it; all that there is if not given
    """
    rows = list(Decision.objects.for_shop(shop_id).filter(id__in=set(ids)).order_by("id"))
    read = bodies.Reader(rows)
    read.load(rows, names)
    for row in rows:
        try:
            inputs = _inputs(row, read, names)
        except Corrupt as error:
            read.damage.setdefault(row.id, error)
            inputs = {}
        yield _record(row, read), inputs


# Identifiers of decisions end with chance, so their last 32 bits draw them: a share of them is a random one,
# the same for whoever draws, and PostgreSQL can draw it without sending the rest.
DRAWN: Final = """
    FROM audit_decision
    WHERE shop_id = %(shop)s AND version_id = %(version)s::uuid AND channel = %(channel)s::audit_channel
      AND id >= %(since)s::uuid AND id < %(until)s::uuid
      AND ('x' || right(id::text, 8))::bit(32)::bigint * 100 < %(percent)s::bigint << 32
"""


def drawn(share: DecisionShare, *, since: datetime, until: datetime) -> list[UUID]:
    """Return the decisions of a share that were made in [since, until), oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id {DRAWN} ORDER BY id", _drawn(share, since, until))
        return [id_ for (id_,) in cursor.fetchall()]


def count_drawn(share: DecisionShare, *, since: datetime, until: datetime) -> int:
    """Return how many :func:`drawn` would return."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {DRAWN}", _drawn(share, since, until))
        (count,) = cursor.fetchone()
        return int(count)


def _drawn(share: DecisionShare, since: datetime, until: datetime) -> dict[str, str | int]:
    return {
        "shop": share.shop_id,
        "version": str(share.version_id),
        "channel": share.channel.value,
        "percent": share.percent,
        "since": str(first_id(since)),
        "until": str(first_id(until)),
    }


def decisions_across_shops(ids: Collection[UUID]) -> list[DecisionRecord]:
    """Return those of ``ids`` that any shop made: what a browser says of one is held to whose it is."""
    if not ids:
        return []
    rows = Decision.objects.across_shops(reason="a browser's word is held to the ledger")
    return _records(rows.filter(id__in=set(ids)))


# As SQL, because it runs for every few events of a browser, and to build a query took longer than to run it.
SHOWN: Final = "SELECT id, shop_id, at, items FROM audit_decision WHERE id = ANY(%s::uuid[])"


def shown(ids: Collection[UUID]) -> list[ShownList]:
    """Return the lists of those of ``ids`` that any shop made: a browser's word is held to them."""
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(SHOWN, [[str(one) for one in ids]])
        # Without what went in, of which nothing is read then.
        rows = [
            Decision(id=id_, shop_id=shop_id, at=at, items_packed=items)
            for id_, shop_id, at, items in cursor.fetchall()
        ]
    read = bodies.Reader(rows)
    return [ShownList(row.id, row.shop_id, row.at, _product_ids(row, read)) for row in rows]


def _product_ids(row: Decision, read: bodies.Reader) -> frozenset[int]:
    return frozenset(item.product_id for item in read.items(row))


def visitor_keys(shop_id: int, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return for whom those of ``ids`` were made that this shop made for somebody."""
    rows = Decision.objects.for_shop(shop_id).filter(id__in=set(ids), visitor_key__isnull=False)
    found = rows.order_by().values_list("id", "visitor_key").iterator()
    return {id_: str(visitor_key) for id_, visitor_key in found}


def ids_for_visitor(visitor_key: str, *, limit: int) -> list[tuple[UUID, int]]:
    """
    Return some decisions made for a pseudonym, each with its shop: a pseudonym is of one shop.

    In no order, so that each day answers from its index of pseudonyms and none is walked through by id.
    """
    rows = Decision.objects.across_shops(reason="a pseudonym is of one shop").filter(visitor_key=visitor_key)
    return list(rows.order_by().values_list("id", "shop_id")[:limit])


def decisions_for_visitor(
    shop_id: int, visitor_key: str, *, since: datetime, until: datetime, limit: int = 200
) -> list[DecisionRecord]:
    """Return what one visitor was shown in [since, until), newest first."""
    rows = Decision.objects.for_shop(shop_id).filter(
        visitor_key=visitor_key,
        at__gte=since,
        at__lt=until,
        # Only the days in question are looked at.
        id__gte=first_id(since),
        id__lt=first_id(until + timedelta(milliseconds=1)),
    )
    return _records(rows.order_by("-id")[:limit])


def decisions_between(shop_id: int, *, since: datetime, until: datetime) -> Iterator[DecisionRecord]:
    """Return what a shop decided in [since, until), oldest first, read as it is asked for."""
    rows = Decision.objects.for_shop(shop_id).filter(
        at__gte=since,
        at__lt=until,
        # Only the days in question are looked at.
        id__gte=first_id(since),
        id__lt=first_id(until + timedelta(milliseconds=1)),
    )
    for some in in_batches(rows.order_by("id").iterator(chunk_size=2_000)):
        yield from _records(some)


def all_decisions_for_visitor(shop_id: int, visitor_key: str) -> Iterator[DecisionRecord]:
    """Return all that one visitor was ever shown, oldest first, read as it is asked for."""
    rows = Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key).order_by("id")
    for some in in_batches(rows.iterator(chunk_size=500)):
        yield from _records(some)


def count_decisions_for_visitor(shop_id: int, visitor_key: str) -> int:
    """Return how often one visitor was shown something."""
    return Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key).count()


# Of a block that is asked for less often than that beside the other nothing is known here.
NEWEST_ASKED: Final = 1_000
# How far back is looked, the shortest first: each finds a busy shop's before the next would read many rows.
ASKED_WITHIN: Final = (timedelta(minutes=10), timedelta(hours=2), timedelta(days=1), timedelta(days=31))

ASKED = """
    SELECT surface, MAX(at), COUNT(*) FROM audit_decision
    WHERE shop_id = %s AND channel = %s AND id >= %s
    GROUP BY surface
"""


def last_asked(shop_id: int, channel: Channel, *, now: datetime) -> dict[Surface, datetime]:
    """Return when each surface was last asked for by a channel, among a shop's decisions of a month."""
    last: dict[Surface, datetime] = {}
    for within in ASKED_WITHIN:
        with connection.cursor() as cursor:
            cursor.execute(ASKED, [shop_id, channel, first_id(now - within)])
            found = cursor.fetchall()
        last = {Surface(surface): at for surface, at, _ in found}
        if len(last) == len(Surface) or sum(count for *_, count in found) >= NEWEST_ASKED:
            break
    return last


def scores(
    shop_id: int,
    version_id: UUID,
    surface: Surface,
    *,
    channel: Channel,
    since: datetime,
    limit: int,
    without_arm: str,
) -> Iterator[tuple[datetime, str, float]]:
    """
    Return the moment, the visitor and the first place's score of one version's newest personal answers.

    Newest first; answers whose first place no model chose are left out.

    :param without_arm: whose answers are not the version's alone
    """
    rows = Decision.objects.for_shop(shop_id).filter(
        ~Q(arm=without_arm),
        version_id=version_id,
        surface=surface,
        channel=channel,
        visitor_key__isnull=False,
        at__gte=since,
        id__gte=first_id(since),
    )
    for some in in_batches(rows.order_by("-id")[:limit].iterator(chunk_size=2_000)):
        for record in _records(some):
            if record.visitor_key and record.items and record.items[0].score is not None:
                yield record.at, record.visitor_key, record.items[0].score


# Whoever sees so many has seen enough.
MOST_DAMAGED: Final = 20


def chain_state(shop_id: int) -> list[ChainState]:
    """Return for each ledger of a shop how far it is sealed and what its last verification found."""
    chains = {Ledger(chain.ledger): chain for chain in Chain.objects.for_shop(shop_id)}
    return [_chain_state(shop_id, ledger, chains.get(ledger)) for ledger in Ledger]


def _chain_state(shop_id: int, ledger: Ledger, chain: Chain | None) -> ChainState:
    seen, gaps = reading.looked_at(ledger)
    return ChainState(
        ledger=ledger,
        sealed_at=chain.sealed_at if chain else None,
        segments=chain.number if chain else 0,
        rows=chain.rows if chain else 0,
        unsealed=reading.unsealed(shop_id, ledger, seen=seen, gaps=gaps),
        verified_at=chain.verified_at if chain else None,
        finding=_found(chain) if chain else "",
    )


def chains(ledger: Ledger) -> Chains:
    """Return how the chains of all shops over one ledger stand, and what is wrong with some."""
    rows = Chain.objects.across_shops(reason="staff look at lists of every shop").filter(ledger=ledger)
    told = rows.aggregate(chains=Count("pk"), verified=Count("verified_at"), since=Min("verified_at"))
    damaged = rows.exclude(finding="", anchor_finding="").order_by("shop_id").select_related("shop")
    findings = tuple((chain.shop.domain, _found(chain)) for chain in damaged[:MOST_DAMAGED])
    return Chains(told["chains"], told["verified"], told["since"], findings)


def _found(chain: Chain) -> str:
    return " ".join(filter(None, [chain.finding, chain.anchor_finding]))


def chained_shop_ids() -> list[int]:
    """Return the shops that have a chain of seals, and those whose acts say that they should have one."""
    found: set[int] = set()
    for model in (Chain, LedgerEvent):
        rows = model.objects.across_shops(reason="the timetable verifies all shops")
        found.update(rows.order_by("shop_id").values_list("shop_id", flat=True).distinct())
    return sorted(found)


def events(shop_id: int, *, event: Event | None = None, limit: int = 50) -> list[LedgerEntry]:
    """Return the newest acts of one shop."""
    rows = LedgerEvent.objects.for_shop(shop_id).order_by("-at")
    if event:
        rows = rows.filter(event=event)
    return [_entry(row) for row in rows[:limit]]


# How the actors of each kind begin; whoever begins otherwise is the system.
ACTORS: Final = {ActorKind.MERCHANT: "user ", ActorKind.STAFF: "staff:"}


def acts(shop_id: int, wanted: ActFilter, *, before: UUID | None = None, limit: int) -> list[LedgerEntry]:
    """
    Return a page of the acts on one shop, newest first.

    :param before: the last act of the page before; those that come after it in this order are returned
    :raises UnknownAct: if the shop has no such act
    """
    rows = _wanted(LedgerEvent.objects.for_shop(shop_id), wanted)
    if before is not None:
        at = LedgerEvent.objects.for_shop(shop_id).filter(id=before).values_list("at", flat=True).first()
        if at is None:
            raise UnknownAct("This act is not in the shop's ledger.", field="before")
        # The moment first, by itself: that is what the index can find its place by.
        rows = rows.filter(at__lte=at).exclude(at=at, id__gte=before)
    return [_entry(row) for row in rows.order_by("-at", "-id")[:limit]]


def _wanted(rows: QuerySet[LedgerEvent], wanted: ActFilter) -> QuerySet[LedgerEvent]:
    if wanted.since is not None:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(at__lt=wanted.until)
    if wanted.events is not None:
        rows = rows.filter(event__in=wanted.events)
    if wanted.actor is ActorKind.SYSTEM:
        return rows.exclude(_by(*ACTORS.values()))
    return rows.filter(_by(ACTORS[wanted.actor])) if wanted.actor else rows


def _by(*beginnings: str) -> Q:
    condition = Q()
    for beginning in beginnings:
        condition |= Q(actor__startswith=beginning)
    return condition


def recent_subjects(
    event: Event, *, shop_ids: Collection[int], actor: str, since: datetime
) -> set[tuple[int, str]]:
    """Return to what one actor did one thing lately, as shop and subject."""
    rows = LedgerEvent.objects.across_shops(reason="one page may show several shops").filter(
        shop_id__in=list(shop_ids), at__gte=since, event=event, actor=actor
    )
    return set(rows.values_list("shop_id", "subject"))


def actor_kind(actor: str) -> ActorKind:
    """Return who a ledger means by an actor."""
    kinds = (kind for kind, beginning in ACTORS.items() if actor.startswith(beginning))
    return next(kinds, ActorKind.SYSTEM)


def _entry(row: LedgerEvent) -> LedgerEntry:
    return LedgerEntry(
        row.id,
        row.at,
        Event(row.event),
        row.actor,
        row.subject,
        row.reason,
        row.details,
        old=row.old,
        new=row.new,
        source=row.source,
        request_id=row.request_id,
    )


def _records(rows: Iterable[Decision]) -> list[DecisionRecord]:
    some = list(rows)
    read = bodies.Reader(some)
    return [_record(row, read) for row in some]


def _record(row: Decision, read: bodies.Reader) -> DecisionRecord:
    items, applied = read.items(row), read.words(row, rules.APPLIED)
    feature_version = "".join(read.words(row, rules.FEATURES))
    damage = read.damage.get(row.id)
    return DecisionRecord(
        id=row.id,
        shop_id=row.shop_id,
        at=row.at,
        surface=Surface(row.surface),
        channel=Channel(row.channel),
        arm=row.arm,
        items=items,
        requested=row.requested,
        latency_ms=row.latency_ms,
        visitor_key=row.visitor_key,
        version_id=row.version_id,
        version_number=row.version_number,
        context_product_id=row.context_product_id,
        fallback=row.fallback,
        request_id=str(row.request_id),
        feature_version=feature_version,
        rules=applied,
        erased_by=_erased_by(row),
        damage=damage.message if damage else "",
    )


def _erased_by(row: Decision) -> UUID | None:
    erased = bytes(row.erased or b"")
    return rules.act_of(erased) if rules.names_act(erased) else None

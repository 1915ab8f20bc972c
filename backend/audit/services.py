"""Writes to the ledgers: append, and nothing else but lawful erasure."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Q, Sum

from backend.audit import anchoring, gateway, rules, spooling
from backend.audit.anchoring import export_heads, kept_anchors, read_anchor
from backend.audit.models import CONTENTS, DECISIONS, Content, Decision, LedgerEvent, Retention, Segment
from backend.audit.sealing import seal
from backend.audit.spooling import is_spool_waiting, ship_spool
from backend.audit.values import Condition, DecisionRecord, Event, Ledger
from backend.audit.verifying import verifiable_shop_ids, verify, verify_and_remember, verify_shop
from backend.core import partitions
from backend.core.errors import Refused
from backend.core.fields import pack_request_id
from backend.core.ids import made_at, uuid7
from backend.core.tenancy import BATCH_ROWS, UnscopedQuery, delete_in_batches, in_batches

SYSTEM = "system"

__all__ = [
    "SYSTEM",
    "erase_shop",
    "erasure",
    "export_heads",
    "forget_visitor",
    "is_spool_waiting",
    "keep_decisions",
    "kept_anchors",
    "make_partitions",
    "read_anchor",
    "record",
    "record_decision",
    "record_decisions",
    "retire_decisions",
    "seal",
    "ship_spool",
    "spool_decision",
    "verifiable_shop_ids",
    "verify",
    "verify_and_remember",
    "verify_shop",
]

# Rows sent in one INSERT when a whole catalogue is published: about 1 MB of JSON.
BULK_ROWS = 500

SALT_BYTES = 16

# A century: more is a slip of the hand.
MOST_DAYS = 36_525


class BadRetention(Refused):
    """Decisions can't be kept for that long."""

    code = "bad_retention"


def record(  # noqa: PLR0913 -- an act has that many sides
    event: Event,
    *,
    shop_id: int,
    subject: str,
    reason: str,
    now: datetime,
    actor: str = SYSTEM,
    details: Mapping[str, object] | None = None,
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
    id: UUID | None = None,  # noqa: A002 -- the column's own name
) -> UUID:
    """
    Append one act to the ledger, inside the caller's transaction, and return its id.

    Where it comes from is read from what the request or the job bound for the log.

    :param subject: the thing acted on and its id, for example ``"version 7"``
    :param reason: a whole sentence for a person
    :param old: what the act changed, by name, as it was; None where there was nothing
    :param new: the same as it became; None where nothing is left
    :param id: the act's id, where rows that it changed name it already
    """
    if old is not None and new is not None and old.keys() != new.keys():
        raise ValueError(f"The act {event} names other things before ({[*old]}) than after ({[*new]}).")
    bound = structlog.contextvars.get_contextvars()
    row = LedgerEvent.objects.for_shop(shop_id).create(
        id=id or uuid7(),
        at=now,
        event=event,
        actor=actor,
        subject=subject,
        reason=reason,
        details=dict(details or {}),
        old=None if old is None else dict(old),
        new=None if new is None else dict(new),
        source=source_of(bound),
        request_id=bound.get("request_id") or "",
    )
    return row.id


def source_of(bound: Mapping[str, Any]) -> str:
    """Return where an act comes from, by what was bound for the log: a door, a job, or else a command."""
    job = str(bound.get("job") or "").removeprefix("tailorbird.")
    if job:
        return f"job {job}"
    return str(bound.get("door") or ("web" if bound.get("request_id") else "command"))


def record_decision(
    decision: DecisionRecord, *, untied_if: Condition | None = None, may_be_there: bool = False
) -> None:
    """
    Append one decision and return when it is on disk.

    Called outside a transaction it is one INSERT with its own commit, so that
    an answer never leaves before its record can survive a crash.

    :param untied_if: looked at by the same statement; where it is true, the decision names no visitor
    :param may_be_there: whether it was sent before, and nobody knows what became of it
    """
    new: dict[gateway.Place, bytes] = {}
    gateway.write(_row(decision, new), new, untied_if=untied_if, may_be_there=may_be_there)


def spool_decision(decision: DecisionRecord) -> None:
    """
    Keep one decision on disk while the ledger is away, and return when it is there.

    The ledger may have taken it all the same: a commit whose answer never came. It is written once.

    :raises SpoolUnavailable: if the disk doesn't take it either
    """
    new: dict[gateway.Place, bytes] = {}
    spooling.append(_row(decision, new), new)


def record_decisions(decisions: Iterable[DecisionRecord], *, shop_id: int) -> None:
    """Append many decisions of one shop in few statements."""
    new: dict[gateway.Place, bytes] = {}
    rows = [_row(decision, new) for decision in decisions if _is_of(shop_id, decision)]
    if rows:
        gateway.write_many(rows, new, page_rows=BULK_ROWS)


def erase_shop(shop_id: int, *, now: datetime, on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Delete everything the ledgers hold about one shop, as its redaction demands, some rows at a time."""
    for model in (Decision, Content, LedgerEvent):
        delete_in_batches(model.objects.for_shop(shop_id), within=erasure, on_progress=on_progress)
    anchoring.end_chains(shop_id, now=now)
    delete_in_batches(Segment.objects.for_shop(shop_id), within=erasure, on_progress=on_progress)


# As rules.personal_hash, by PostgreSQL.
ERASE = """
    UPDATE audit_decision
    SET erased = sha256(salt || uuid_send(visitor_key) || '\\x00'::bytea || COALESCE(personal, ''::bytea))
                 || uuid_send(%(act)s::uuid),
        visitor_key = NULL, personal = NULL, salt = NULL
    WHERE id = ANY(%(ids)s::uuid[]) AND visitor_key IS NOT NULL
"""


def forget_visitor(shop_id: int, visitor_key: str, *, act: UUID) -> int:
    """
    Cut the tie between one visitor and the decisions made for them, and wipe what of them was their own.

    The decisions stay, because what was shown is the shop's record; nobody can
    be found behind them any more. Each keeps the hash of what was wiped.

    :param act: the entry of the ledger of acts that tells of it, written before
    :returns: how many decisions were untied
    """
    rows = Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key).order_by()
    untied = 0
    for ids in in_batches(rows.values_list("id", flat=True).iterator(chunk_size=BATCH_ROWS)):
        with erasure(), connection.cursor() as cursor:
            cursor.execute(ERASE, {"act": act, "ids": ids})
            untied += cursor.rowcount
    return untied


def make_partitions(*, now: datetime) -> int:
    """Make the partitions of the coming days, and of rows that came while nobody made them."""
    return sum(len(partitions.make_ahead(of, now=now, within=erasure)) for of in (DECISIONS, CONTENTS))


@transaction.atomic
def keep_decisions(shop_id: int, *, days: int | None, now: datetime, actor: str) -> None:
    """
    Keep a shop's decisions for some days, for good (0), or for as long as the deployment does (None).

    :raises BadRetention: if that is no number of days
    """
    if days is not None and not 0 <= days <= MOST_DAYS:
        raise BadRetention(f"Decisions are kept for 0 to {MOST_DAYS} days, not {days}.", field="days")
    rows = Retention.objects.for_shop(shop_id).select_for_update()
    before = rows.values_list("days", flat=True).first()
    rows.delete()
    if days is not None:
        Retention.objects.for_shop(shop_id).create(days=days, updated_at=now, updated_by=actor)
    record(
        Event.SHOP_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="retention of decisions",
        reason="Decisions are kept for another time.",
        now=now,
        actor=actor,
        old={"decisions_kept_days": before},
        new={"decisions_kept_days": days},
    )


def retire_decisions(*, keep: timedelta, now: datetime) -> int:
    """
    Drop the decisions of all days that are older than decisions are kept; return how many days that were.

    A day that some shop keeps longer stays, and the others' rows are swept from it. Each shop's act comes
    first: rows that are gone without one would be taken for deleted.

    :param keep: of shops that have no retention of their own; zero keeps them for good
    """
    first = _first_days(keep, now=now)
    for shop_id in _shops_with_bodies(first.latest):
        if _old(shop_id, first.of(shop_id)).exists():
            _tell(shop_id, first.of(shop_id), now=now)
    dropped = 0
    for day in [day for day in partitions.days(DECISIONS) if day < first.latest]:
        if _is_kept(day, first):
            continue
        for of in (DECISIONS, CONTENTS):
            with erasure():
                partitions.drop(of, day)
            dropped += 1
    # From the days that stay, and from the DEFAULT partitions, where days lie that never got their own.
    for of_shops, before in _retired(first):
        decisions = Decision.objects.across_shops(reason="the timetable serves all shops")
        contents = Content.objects.across_shops(reason="the timetable serves all shops")
        delete_in_batches(decisions.filter(of_shops, id__lt=DECISIONS.bound(before)), within=erasure)
        delete_in_batches(contents.filter(of_shops, day__lt=before), within=erasure)
    return dropped


@dataclass(frozen=True, slots=True)
class _FirstDays:
    """The first day that each shop keeps: those with a retention of their own, and all others."""

    others: date
    own: Mapping[int, date]

    @property
    def latest(self) -> date:
        return max(self.others, *self.own.values()) if self.own else self.others

    def of(self, shop_id: int) -> date:
        return self.own.get(shop_id, self.others)


def _first_days(keep: timedelta, *, now: datetime) -> _FirstDays:
    def first(kept: timedelta) -> date:
        return (now - kept).astimezone(UTC).date() if kept else date.min

    rows = Retention.objects.across_shops(reason="the timetable serves all shops")
    own = {shop_id: first(timedelta(days=days)) for shop_id, days in rows.values_list("shop_id", "days")}
    return _FirstDays(first(keep), own)


def _is_kept(day: date, first: _FirstDays) -> bool:
    """Return whether a day still has rows of a shop that keeps it."""
    rows = Decision.objects.across_shops(reason="the timetable serves all shops").filter(
        id__gte=DECISIONS.bound(day), id__lt=DECISIONS.bound(day + timedelta(days=1))
    )
    return rows.filter(_keepers(first, day)).exists()


def _keepers(first: _FirstDays, day: date) -> Q:
    """Return the condition that a row's shop keeps a day."""
    keeping = [shop_id for shop_id, since in first.own.items() if since <= day]
    if first.others <= day:
        return Q(shop_id__in=keeping) | ~Q(shop_id__in=list(first.own))
    return Q(shop_id__in=keeping)


def _retired(first: _FirstDays) -> Iterator[tuple[Q, date]]:
    """Yield which shops' rows are kept no longer, and before which day."""
    kept = [(Q(shop_id=shop_id), since) for shop_id, since in first.own.items()]
    for of_shops, since in [*kept, (~Q(shop_id__in=list(first.own)), first.others)]:
        if since > date.min:
            yield of_shops, since


def _old(shop_id: int, before: date) -> Any:
    """Return the segments that still name rows which a shop keeps no longer."""
    rows = Segment.objects.for_shop(shop_id)
    return rows.filter(ledger=Ledger.DECISIONS, day__lt=before, arrivals__isnull=False)


def _shops_with_bodies(before: date) -> list[int]:
    rows = Segment.objects.across_shops(reason="the timetable serves all shops")
    old = rows.filter(ledger=Ledger.DECISIONS, day__lt=before, arrivals__isnull=False)
    return list(old.order_by("shop_id").values_list("shop_id", flat=True).distinct())


@transaction.atomic
def _tell(shop_id: int, before: date, *, now: datetime) -> None:
    """Write the act, and take from the segments what named the rows; their hashes go on to hold the chain."""
    segments = _old(shop_id, before)
    record(
        Event.LEDGER_RETIRED,
        shop_id=shop_id,
        subject=f"the {Ledger.DECISIONS} before {before}",
        reason="They are older than decisions are kept.",
        details={
            "ledger": Ledger.DECISIONS,
            "before": before.isoformat(),
            "decisions": segments.aggregate(rows=Sum("count", default=0))["rows"],
        },
        now=now,
    )
    with erasure():
        segments.update(arrivals=None, leaves=None)


@contextmanager
def erasure() -> Iterator[None]:
    """Open the one door through the append-only triggers, of any app's ledger, for this transaction only."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tailorbird.erasure = 'on'")
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tailorbird.erasure = 'off'")


def _is_of(shop_id: int, decision: DecisionRecord) -> bool:
    if decision.shop_id != shop_id:
        raise UnscopedQuery(f"Decision {decision.id} of another shop cannot be made for shop {shop_id}.")
    return True


def _row(decision: DecisionRecord, new: dict[gateway.Place, bytes]) -> gateway.Values:
    """Return the values of gateway.COLUMNS; a content that may not be there yet is added to ``new``."""
    place = partial(_place, decision.shop_id, made_at(decision.id).date(), new)
    personal = {name: rules.pack(body) for name, body in decision.personal_inputs.items()}
    is_somebodys = decision.visitor_key is not None or bool(personal)
    return (
        decision.at,
        decision.shop_id,
        decision.context_product_id,
        round(decision.latency_ms * 1000),
        decision.version_number,
        decision.surface,
        decision.channel,
        decision.requested,
        str(decision.id),
        decision.visitor_key,
        str(decision.version_id) if decision.version_id else None,
        decision.arm,
        decision.fallback,
        pack_request_id(decision.request_id),
        place(rules.pack_items(decision.items)),
        _inputs(decision, place),
        rules.pack(rules.pack_named(personal)) if personal else None,
        secrets.token_bytes(SALT_BYTES) if is_somebodys else None,
    )


def _inputs(decision: DecisionRecord, place: Callable[[bytes], bytes]) -> bytes | None:
    """
    Return what went in, as it is stored.

    What was the same for the shop's decision before stands together in a body of its own, so that all who
    share it share one address.
    """
    named = {name: place(body) for name, body in decision.inputs.items()}
    if taken := named.keys() & {rules.MORE, rules.APPLIED, rules.FEATURES}:
        raise ValueError(f"An input may not be called {', '.join(sorted(taken))}: the ledger's own are.")
    if decision.rules:
        named[rules.APPLIED] = place(rules.pack_words(decision.rules))
    if decision.feature_version:
        named[rules.FEATURES] = place(decision.feature_version.encode())
    steady = gateway.contents.steady(decision.shop_id, decision.channel, named)
    if len(steady) > 1:
        more = {name: named.pop(name) for name in steady}
        named[rules.MORE] = place(rules.pack_named(more))
    return place(rules.pack_named(named)) if named else None


def _place(shop_id: int, day: date, new: dict[gateway.Place, bytes], body: bytes) -> bytes:
    return gateway.contents.place(shop_id, day, body, new)

"""Writes to the ledgers: append, and nothing else but lawful erasure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import CharField
from django.db.models.expressions import RawSQL

from backend.audit.models import Decision, LedgerEvent
from backend.audit.values import DecisionRecord, Event, ShownItem
from backend.core.ids import uuid7
from backend.core.tenancy import delete_in_batches

SYSTEM = "system"

# Rows sent in one INSERT when a whole catalogue is published: about 1 MB of JSON.
BULK_ROWS = 500


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


def record_decision(decision: DecisionRecord, *, untied_if: RawSQL | None = None) -> None:
    """
    Append one decision and return when it is on disk.

    Called outside a transaction it is one INSERT with its own commit, so that
    an answer never leaves before its record can survive a crash.

    :param untied_if: looked at by the same statement; where it is true, the decision names no visitor
    """
    columns = _columns(decision)
    if untied_if is not None:
        columns["visitor_key"] = _unless(untied_if, decision.visitor_key)
    # Without the query set of a manager, whose filter a lone INSERT would build for nothing.
    Decision(shop_id=decision.shop_id, **columns).save(force_insert=True)


def record_decisions(decisions: Iterable[DecisionRecord], *, shop_id: int) -> None:
    """Append many decisions of one shop in few statements."""
    rows = [Decision(**_columns(decision)) for decision in decisions]
    Decision.objects.for_shop(shop_id).bulk_create(rows, batch_size=BULK_ROWS)


def erase_shop(shop_id: int, *, on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Delete everything the ledgers hold about one shop, as its redaction demands, some rows at a time."""
    for rows in (Decision.objects.for_shop(shop_id), LedgerEvent.objects.for_shop(shop_id)):
        delete_in_batches(rows, within=erasure, on_progress=on_progress)


def forget_visitor(shop_id: int, visitor_key: str) -> int:
    """
    Cut the tie between one visitor and the decisions made for them.

    The decisions stay, because what was shown is the shop's record; nobody can
    be found behind them any more.

    :returns: how many decisions were untied
    """
    with erasure():
        return Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key).update(visitor_key=None)


@contextmanager
def erasure() -> Iterator[None]:
    """Open the one door through the append-only triggers, of any app's ledger, for this transaction only."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tailorbird.erasure = 'on'")
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tailorbird.erasure = 'off'")


def _unless(condition: RawSQL, value: str | None) -> RawSQL:
    # SQL as it stands, because Django's Case took longer to build than an answer's record takes to write.
    sql = f"CASE WHEN {condition.sql} THEN NULL ELSE %s END"
    return RawSQL(sql, [*condition.params, value], CharField())  # noqa: S611 -- made of constants


def _columns(decision: DecisionRecord) -> dict[str, Any]:
    return {
        "id": decision.id,
        "at": decision.at,
        "surface": decision.surface,
        "channel": decision.channel,
        "visitor_key": decision.visitor_key,
        "arm": decision.arm,
        "version_id": decision.version_id,
        "version_number": decision.version_number,
        "context_product_id": decision.context_product_id,
        "items": [_item(item) for item in decision.items],
        "requested": decision.requested,
        "latency_ms": round(decision.latency_ms, 3),
        "fallback": decision.fallback,
        "request_id": decision.request_id,
    }


def _item(item: ShownItem) -> dict[str, Any]:
    # Written out, because dataclasses.asdict took an eighth of an answer's time.
    return {"product_id": item.product_id, "score": item.score, "why": item.why, "position": item.position}

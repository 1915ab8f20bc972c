"""
Sealing: rows that were committed are hashed into segments, each chained to the one before and signed.

It follows the numbers that rows draw as they are written, not their moments: rows commit late and out of
order. Numbers that were drawn and are not seen stay open until no transaction is left that could bring them.
Nothing of this is on the path of an answer, and no transaction of others is waited for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import structlog
from django.db import connection, transaction

from backend.audit import reading, seals
from backend.audit.models import Chain, SealCursor, Segment
from backend.audit.seals import Gap, Row
from backend.audit.values import Ledger
from backend.core import signatures

log = structlog.get_logger(__name__)

# Numbers that one transaction looks at: about a quarter of a second, and 20 MB.
WINDOW: Final = 20_000
# Windows of one turn. What waits longer, such as the rows from before there were seals, the next ones seal.
MOST_WINDOWS: Final = 40
# Of sessions that are hidden from us it is believed that none of them writes for as long as this.
HIDDEN_MICROSECONDS: Final = 24 * 3600 * 1_000_000

LAST = "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {sequence}"

# The moment of this look, and when the oldest transaction began that runs now. A statement of its own, after
# the last number was read: whoever drew that number or one before it began before this moment. Where the
# clock was set back since, they say of themselves that they began later: then the moment is theirs.
LOOK = """
    SELECT (extract(epoch FROM GREATEST(max(began), statement_timestamp())) * 1000000)::bigint,
           (extract(epoch FROM LEAST(min(began), statement_timestamp())) * 1000000)::bigint,
           EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                   AND pid <> pg_backend_pid() AND query = '<insufficient privilege>')
    FROM (SELECT xact_start AS began FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
          UNION ALL
          SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()) running
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one look sealed, and whether more waits."""

    rows: int
    segments: int
    is_behind: bool


def seal(ledger: Ledger, *, now: datetime) -> Sealed:
    """Seal what was committed since the last look, some windows of numbers at most."""
    # By itself, so that nobody waits for whoever makes it first.
    SealCursor.objects.get_or_create(ledger=ledger)
    rows = segments = 0
    for _ in range(MOST_WINDOWS):
        done = seal_window(ledger, now=now)
        if done is None:
            log.info("sealed_elsewhere", ledger=ledger.value)
            break
        rows, segments = rows + done.rows, segments + done.segments
        if not done.is_behind:
            break
    else:
        log.info("seal_behind", ledger=ledger.value, rows=rows)
        return Sealed(rows, segments, is_behind=True)
    return Sealed(rows, segments, is_behind=False)


@transaction.atomic
def seal_window(ledger: Ledger, *, now: datetime) -> Sealed | None:
    """
    Look once, and seal what is there; None if somebody else is at it.

    The cursor's row is locked for the transaction, which is short: a sealer that is killed loses its look and
    nothing else, and two of them can't fork a chain.
    """
    cursor = SealCursor.objects.select_for_update(skip_locked=True).filter(ledger=ledger).first()
    if cursor is None:
        return None
    layout = seals.LAYOUTS[ledger][-1]
    gaps = [Gap(*gap) for gap in cursor.gaps]
    noticed_at, last, horizon = _look(layout.table)
    high = min(last, cursor.seen + WINDOW)
    late = reading.rows_in(layout, [(gap.low, gap.high) for gap in gaps], most=WINDOW)
    # So many may come late at once, such as the lists of a whole shop, that the next look takes the others.
    is_cut = len(late) >= WINDOW
    looked, later = seals.split(gaps, late[-1].arrival) if is_cut else (gaps, [])
    new = reading.rows_in(layout, [(cursor.seen + 1, high)]) if high > cursor.seen else []
    segments = _write(ledger, [*late, *new], now=now)
    left = seals.still_open(looked, [row.arrival for row in late], horizon=horizon) + later
    left += seals.missing(cursor.seen + 1, high, [row.arrival for row in new], noticed_at=noticed_at)
    cursor.seen, cursor.gaps = max(high, cursor.seen), seals.as_json(left)
    cursor.save()
    return Sealed(len(late) + len(new), segments, is_behind=is_cut or high < last)


def _look(table: str) -> tuple[int, int, int]:
    """Return this moment, the last number drawn, and when the oldest transaction under way began."""
    with connection.cursor() as cursor:
        cursor.execute(LAST.format(sequence=f"{table}_arrival"))
        (last,) = cursor.fetchone()
        cursor.execute(LOOK)
        noticed_at, horizon, is_hidden = cursor.fetchone()
    return noticed_at, last, min(horizon, noticed_at - HIDDEN_MICROSECONDS) if is_hidden else horizon


def _write(ledger: Ledger, rows: Sequence[Row], *, now: datetime) -> int:
    groups = list(seals.iter_days(rows))
    shop_ids = {shop_id for (shop_id, _), _ in groups}
    chains = {shop_id: _chain(shop_id, ledger) for shop_id in sorted(shop_ids)}
    made = [_next(chains[shop_id], day, some, now=now) for (shop_id, day), some in groups]
    Segment.objects.across_shops(reason="one look seals the rows of all shops").bulk_create(made)
    for chain in chains.values():
        chain.save(update_fields=["number", "head", "rows", "sealed_at"])
    return len(made)


def _chain(shop_id: int, ledger: Ledger) -> Chain:
    """
    Return the chain to go on with.

    Where somebody set it back, it goes on after the newest segment: one shop's damage, which a verification
    tells of, must not keep the rows of all others from being sealed.
    """
    rows = Chain.objects.for_shop(shop_id)
    chain = rows.filter(ledger=ledger).first() or rows.create(ledger=ledger, head=b"")
    segments = Segment.objects.for_shop(shop_id).filter(ledger=ledger, number__gt=chain.number)
    newest = segments.order_by("-number").values_list("number", "head").first()
    if newest is not None:
        log.error("chain_set_back", shop_id=shop_id, ledger=ledger.value, to=chain.number, segment=newest[0])
        chain.number, chain.head = newest
    return chain


def _next(chain: Chain, day: date, rows: Sequence[Row], *, now: datetime) -> Segment:
    """Return the next segment of a chain, and move the chain on to it."""
    former = bytes(chain.head) or seals.first_head(chain.uuid)
    arrivals = seals.pack_arrivals([row.arrival for row in rows])
    leaves = b"".join(row.leaf[: seals.LEAF_BYTES] for row in rows)
    sealed = seals.Segment(
        chain=chain.uuid,
        shop_id=chain.shop_id,
        ledger=Ledger(chain.ledger),
        number=chain.number + 1,
        layout=seals.LAYOUTS[Ledger(chain.ledger)][-1].number,
        day=day,
        count=len(rows),
        sealed_at=now,
        body=seals.body_hash(arrivals, leaves),
        contents=seals.contents_hash([row.leaf for row in rows]),
    )
    head = sealed.head(former)
    chain.number, chain.head, chain.sealed_at = sealed.number, head, now
    chain.rows += len(rows)
    return Segment(
        shop_id=chain.shop_id,
        ledger=chain.ledger,
        number=sealed.number,
        layout=sealed.layout,
        day=day,
        count=len(rows),
        first_arrival=rows[0].arrival,
        last_arrival=rows[-1].arrival,
        sealed_at=now,
        arrivals=arrivals,
        leaves=leaves,
        body_hash=sealed.body,
        contents_hash=sealed.contents,
        head=head,
        key_id=signatures.key_id(),
        signature=signatures.sign(seals.SIGNED_AS + head),
    )

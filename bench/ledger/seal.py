"""
What it costs to seal the decision ledger, how fast it is verified, and whether any tampering passes.

Rows are made by SQL alone, as wide as real ones. Sealing and verifying run on one core together with the
PostgreSQL session that serves them. Each tampering is made in a transaction that is rolled back, by somebody
whom no trigger stops, on a shop of its own; what was done is known, so it is known which row has to be named.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psutil

from bench.ledger import base
from bench.ledger.values import Bench, BenchFailed

ROWS: Final = 1_000_000
SHOPS: Final = 5
DAYS: Final = 3
TAMPERINGS: Final = 1_000
# Of the shop that is tampered with: some segments of some rows.
SEGMENTS: Final = 8
SEGMENT_ROWS: Final = 25

# One shop has most of the rows, as shops differ. The list is as long as a real one and made of chance, so
# that PostgreSQL can't make it shorter; the identifier tells a moment of the last days.
FILL: Final = """
    INSERT INTO audit_decision (id, shop_id, at, surface, channel, arm, version_id, version_number,
        context_product_id, requested, latency_us, fallback, request_id, items, visitor_key, salt)
    SELECT (lpad(to_hex((extract(epoch FROM %(since)s::timestamptz) * 1000)::bigint
                + (number * %(span)s / %(rows)s)), 12, '0')
            || '7' || substr(md5(number::text), 1, 3) || '8' || substr(md5(number::text), 4, 15))::uuid,
        (%(shops)s::bigint[])[1 + CASE WHEN number %% 10 < 7 THEN 0 ELSE number %% %(count)s END],
        %(since)s::timestamptz + number * interval '1 millisecond', 'product_page', 'app_proxy', 'champion',
        md5((number %% 7)::text)::uuid, number %% 7, 1000 + number %% 500, 8, 4000 + number %% 9000, '',
        decode(md5(number::text || 'r'), 'hex'),
        '\\x00'::bytea || decode(md5(number::text || 'a') || md5(number::text || 'b')
            || md5(number::text || 'c') || md5(number::text || 'd') || md5(number::text || 'e'), 'hex'),
        CASE WHEN number %% 3 > 0 THEN md5((number %% 50000)::text)::uuid END,
        CASE WHEN number %% 3 > 0 THEN decode(md5(number::text || 's'), 'hex') END
    FROM generate_series(%(first)s::bigint, %(last)s) number
"""
FILL_ROWS: Final = 100_000


def measure(bench: Bench) -> dict[str, float]:
    """Return the figures of sealing and verifying, and how many tamperings were named rightly."""
    base.begin(bench, durable=False)
    try:
        return _verifying(bench) | _tampering(bench)
    finally:
        base.end(bench)


def _verifying(bench: Bench) -> dict[str, float]:
    from backend.audit import services
    from backend.audit.values import Ledger

    rows = bench.scaled(ROWS, least=2_000)
    shops = _fill(bench, rows)
    with _one_core() as cpu_seconds:
        bench.screen.begin("Rows are sealed")
        before = cpu_seconds()
        sealed = 0
        while (done := services.seal(Ledger.DECISIONS, now=datetime.now(UTC))).rows or done.is_behind:
            sealed += done.rows
        seal_ms = (cpu_seconds() - before) * 1_000 / (sealed / 1_000)
        bench.screen.end(f"{seal_ms:.1f} ms of processor time a thousand")
        bench.screen.begin("Rows are verified")
        begun = time.perf_counter()
        found = [services.verify(shop, Ledger.DECISIONS) for shop in shops]
        seconds = time.perf_counter() - begun
        bench.screen.end(f"{sum(one.rows for one in found):,} in {seconds:.1f} s on one core")
    wrong = [one.first_bad for one in found if not one.ok]
    if wrong or sealed < rows:
        raise BenchFailed(f"{sealed} of {rows} rows were sealed, and this was found: {wrong[:1]}")
    return {
        "verify_rows": sum(one.rows for one in found),
        "verify_s": round(seconds, 2),
        "seal_cpu_ms_per_1000": round(seal_ms, 2),
    }


def _fill(bench: Bench, rows: int) -> list[int]:
    from django.db import connection, transaction

    from backend.audit import services

    bench.screen.begin("Decisions are made")
    shops = [_shop(f"bench-{number}-{time.time_ns()}.myshopify.com") for number in range(SHOPS)]
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "since": now - timedelta(days=DAYS), "span": DAYS * 86_400_000, "rows": rows,
        "shops": shops, "count": SHOPS,
    }  # fmt: skip
    services.make_partitions(now=now)
    for first in range(1, rows + 1, FILL_ROWS):
        last = min(first + FILL_ROWS - 1, rows)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FILL, values | {"first": first, "last": last})
        bench.screen.progress(done=last, total=rows, unit="rows")
    # Rows of the days before have no partition yet; moved, they lie as they would after some days of service.
    services.make_partitions(now=now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE audit_decision")
    bench.screen.end(f"{rows:,} for {SHOPS} shops")
    return shops


def _shop(domain: str) -> int:
    from backend.shops.models import Shop

    return Shop.objects.create(domain=domain, state="INSTALLED", pseudonym_key="0" * 64).id


@contextmanager
def _one_core() -> Iterator[Callable[[], float]]:
    """Put this process and its session of PostgreSQL on one core; give the processor seconds of both."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = psutil.Process(cursor.fetchone()[0])
    both = [psutil.Process(), server]
    cores = both[0].cpu_affinity() or [0]
    for process in both:
        process.cpu_affinity(cores[:1])
    try:
        yield lambda: sum(sum(process.cpu_times()[:2]) for process in both)
    finally:
        for process in both:
            process.cpu_affinity(cores)


# Tampering


@dataclass(frozen=True)
class Expected:
    """What a verification has to name first: a row by its number, and by its identifier where it is there."""

    arrival: int
    row: UUID | None


@dataclass
class Victim:
    """The shop that is tampered with, and its rows by number."""

    shop: int
    other: int
    rows: dict[int, UUID]
    chance: random.Random

    def some(self, count: int) -> list[int]:
        """Return some rows by their numbers, lowest first."""
        return sorted(self.chance.sample(sorted(self.rows), count))


def _tampering(bench: Bench) -> dict[str, float]:
    from django.db import connection, transaction

    from backend.audit import services
    from backend.audit.values import Ledger

    victim = _victim()
    wanted = bench.scaled(TAMPERINGS, least=len(KINDS) * 2)
    bench.screen.begin("The ledger is tampered with")
    right = 0
    for number in range(wanted):
        kind = KINDS[number % len(KINDS)]
        with transaction.atomic(), connection.cursor() as cursor:
            # Somebody who owns the database: no trigger and no foreign key stops them.
            cursor.execute("SET LOCAL session_replication_role = replica")
            expected = kind(cursor, victim)
            first = services.verify(victim.shop, Ledger.DECISIONS).first_bad
            right += first is not None and (first.arrival, first.row_id) == (expected.arrival, expected.row)
            transaction.set_rollback(True)
        bench.screen.progress(done=number + 1, total=wanted, unit="tamperings")
    if not services.verify(victim.shop, Ledger.DECISIONS).ok:
        raise BenchFailed("The shop that was tampered with in rolled back transactions is not as it was.")
    bench.screen.end(f"{right:,} of {wanted:,} named rightly")
    return {"tampered": wanted, "found_first_right": right}


def _victim() -> Victim:
    from backend.audit import services
    from backend.audit.values import Channel, DecisionRecord, Ledger, ShownItem, Surface
    from backend.core.ids import uuid7

    shop, other = (_shop(f"{name}-{time.time_ns()}.myshopify.com") for name in ("victim", "neighbour"))
    now = datetime.now(UTC)
    for _ in range(SEGMENTS):
        made = [
            DecisionRecord(
                id=uuid7(), shop_id=shop, at=now, surface=Surface.PRODUCT_PAGE, channel=Channel.APP_PROXY,
                arm="champion", items=(ShownItem(number, 0.5, "Popular in this shop right now", 1),),
                requested=8, latency_ms=4.0, visitor_key=f"{number:032x}", context_product_id=number,
            )
            for number in range(SEGMENT_ROWS)
        ]  # fmt: skip
        services.record_decisions(made, shop_id=shop)
        services.seal(Ledger.DECISIONS, now=now)
    # Another look, after which no number is open any more.
    services.seal(Ledger.DECISIONS, now=now)
    return Victim(shop, other, _rows(shop), random.Random(7))  # noqa: S311 -- the same tamperings in each run


def _rows(shop: int) -> dict[int, UUID]:
    from backend.audit.models import Decision

    return dict(Decision.objects.for_shop(shop).values_list("arrival", "id"))


def _flip(cursor: Any, victim: Victim) -> Expected:
    """Change a byte of a list."""
    [arrival] = victim.some(1)
    place = victim.chance.randrange(3)
    cursor.execute(
        "UPDATE audit_decision SET items = set_byte(items, %s, get_byte(items, %s) # %s) WHERE id = %s",
        [place, place, 1 << victim.chance.randrange(8), victim.rows[arrival]],
    )
    return Expected(arrival, victim.rows[arrival])


def _drop(cursor: Any, victim: Victim) -> Expected:
    """Delete some rows."""
    arrivals = victim.some(victim.chance.randrange(1, 5))
    cursor.execute("DELETE FROM audit_decision WHERE id = ANY(%s)", [[victim.rows[one] for one in arrivals]])
    return Expected(arrivals[0], None)


def _add(cursor: Any, victim: Victim) -> Expected:
    """Put a copy of a row under the number of another one."""
    source, arrival = victim.chance.sample(sorted(victim.rows), 2)
    added = UUID(int=victim.rows[source].int ^ 1)
    cursor.execute(
        "INSERT INTO audit_decision SELECT (jsonb_populate_record(row, jsonb_build_object("
        " 'id', %s::text, 'arrival', %s))).* FROM audit_decision row WHERE id = %s",
        [str(added), arrival, victim.rows[source]],
    )
    return Expected(arrival, added)


def _reorder(cursor: Any, victim: Victim) -> Expected:
    """Let two rows change places."""
    low, high = victim.some(2)
    cursor.execute(
        "UPDATE audit_decision SET arrival = CASE WHEN id = %s THEN %s ELSE %s END WHERE id IN (%s, %s)",
        [victim.rows[low], high, low, victim.rows[low], victim.rows[high]],
    )
    return Expected(low, victim.rows[high])


def _move(cursor: Any, victim: Victim) -> Expected:
    """Give a row to another shop."""
    [arrival] = victim.some(1)
    cursor.execute(
        "UPDATE audit_decision SET shop_id = %s WHERE id = %s", [victim.other, victim.rows[arrival]]
    )
    return Expected(arrival, victim.rows[arrival])


def _erase(cursor: Any, victim: Victim) -> Expected:
    """Wipe a visitor as an erasure does, in the name of an act that is not there."""
    [arrival] = victim.some(1)
    cursor.execute(
        "UPDATE audit_decision SET erased = sha256(salt || uuid_send(visitor_key) || '\\x00'::bytea)"
        " || uuid_send(gen_random_uuid()), visitor_key = NULL, salt = NULL WHERE id = %s",
        [victim.rows[arrival]],
    )
    return Expected(arrival, victim.rows[arrival])


def _truncate(cursor: Any, victim: Victim) -> Expected:
    """Cut off the last segments with their rows."""
    left = victim.chance.randrange(1, SEGMENTS)
    cursor.execute(
        "SELECT last_arrival FROM audit_segment WHERE shop_id = %s AND number = %s", [victim.shop, left]
    )
    last = cursor.fetchone()[0]
    cursor.execute("DELETE FROM audit_segment WHERE shop_id = %s AND number > %s", [victim.shop, left])
    cursor.execute("DELETE FROM audit_decision WHERE shop_id = %s AND arrival > %s", [victim.shop, last])
    return Expected(last + 1, None)


def _reseal(cursor: Any, victim: Victim) -> Expected:
    """Change a row and make its segment's hashes anew, but for the signature: the key is missing."""
    from backend.audit import reading, seals
    from backend.audit.models import Chain, Segment
    from backend.audit.values import Ledger

    [arrival] = victim.some(1)
    cursor.execute("UPDATE audit_decision SET arm = 'other' WHERE id = %s", [victim.rows[arrival]])
    segments = Segment.objects.for_shop(victim.shop)
    segment = segments.get(first_arrival__lte=arrival, last_arrival__gte=arrival)
    before = segments.filter(number=segment.number - 1).first()
    chain = Chain.objects.for_shop(victim.shop).get(ledger=Ledger.DECISIONS)
    arrivals = seals.unpack_arrivals(bytes(segment.arrivals or b""))
    layout = seals.LAYOUTS[Ledger.DECISIONS][-1]
    rows = reading.rows_in(layout, [(one, one) for one in arrivals], shop_id=victim.shop)
    leaves = b"".join(row.leaf[: seals.LEAF_BYTES] for row in rows)
    body = seals.body_hash(bytes(segment.arrivals or b""), leaves)
    contents = seals.contents_hash([row.leaf for row in rows])
    sealed = seals.Segment(
        chain.uuid, victim.shop, Ledger.DECISIONS, segment.number, segment.layout, segment.day,
        segment.count, segment.sealed_at, body, contents,
    )  # fmt: skip
    head = sealed.head(bytes(before.head) if before else seals.first_head(chain.uuid))
    cursor.execute(
        "UPDATE audit_segment SET leaves = %s, body_hash = %s, contents_hash = %s, head = %s WHERE id = %s",
        [leaves, body, contents, head, segment.id],
    )
    return Expected(segment.first_arrival, None)


KINDS: Final = (_flip, _drop, _add, _reorder, _move, _erase, _truncate, _reseal)

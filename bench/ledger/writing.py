"""
How a decision gets to disk, in three ways side by side: what each costs a web process and its PostgreSQL.

    ORM insert        as it was: SELECT 1 to see whether the connection lives, then Django's INSERT into the
                      former table with its indexes and its foreign key
    prepared INSERT   as it is: one EXECUTE on a connection of the thread's own (backend/audit/gateway.py)
    group commit      the first who waits sends what all have brought meanwhile in one message and transaction

As many threads as a web worker has; every way waits for the flush. In turns, so that a busy machine is busy
for all of them.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final

import psutil

from bench.ledger import base
from bench.ledger.values import Bench
from tools.demo.traffic import percentile

THREADS: Final = 4
SECONDS: Final = 5.0
TURNS: Final = 3

FORMER_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS former_decision (
        id uuid PRIMARY KEY, at timestamptz NOT NULL, surface varchar(20) NOT NULL,
        channel varchar(20) NOT NULL, visitor_key varchar(32), arm varchar(40) NOT NULL,
        version_id uuid, version_number integer,
        context_product_id bigint, items jsonb NOT NULL, requested smallint NOT NULL,
        latency_ms double precision NOT NULL, fallback text NOT NULL, request_id text NOT NULL,
        shop_id bigint NOT NULL REFERENCES shops_shop (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE INDEX IF NOT EXISTS former_shop ON former_decision (shop_id);
    CREATE INDEX IF NOT EXISTS former_channel ON former_decision (shop_id, channel, at DESC);
    CREATE INDEX IF NOT EXISTS former_visitor ON former_decision (shop_id, visitor_key, at DESC)
        WHERE visitor_key IS NOT NULL;
"""

Write = Callable[[int], None]


@dataclass(frozen=True)
class Cost:
    """What one way took: decisions a second, and of each the wait and the processor time."""

    per_second: float
    p50_ms: float
    p99_ms: float
    own_cpu_us: float
    server_cpu_us: float


def measure(bench: Bench) -> dict[str, float]:
    """Print a line for each way; none of them is a figure of the ledger."""
    base.begin(bench)
    try:
        ways = _ways()
        costs: dict[str, list[Cost]] = {name: [] for name in ways}
        for _ in range(bench.scaled(TURNS)):
            for name, write in ways.items():
                bench.screen.progress(name)
                costs[name].append(_run(write, seconds=bench.scaled(int(SECONDS))))
    finally:
        base.end(bench)
    for name, turns in costs.items():
        print(f"{name:16} {_as_text(sorted(turns, key=lambda cost: cost.per_second)[len(turns) // 2])}")
    return {}


def _as_text(cost: Cost) -> str:
    return (
        f"{cost.per_second:7,.0f}/s   wait p50 {cost.p50_ms:5.2f} ms, p99 {cost.p99_ms:6.2f} ms   processor"
        f" {cost.own_cpu_us:4.0f} us here, {cost.server_cpu_us:4.0f} us in PostgreSQL"
    )


def _run(write: Write, *, seconds: float) -> Cost:
    """Let every thread write for some seconds."""
    from django.db import connections

    waits: list[list[float]] = [[] for _ in range(THREADS)]
    until = time.perf_counter() + seconds

    def work(place: int) -> None:
        number = place
        write(number)
        while (begun := time.perf_counter()) < until:
            number += THREADS
            write(number)
            waits[place].append(time.perf_counter() - begun)
        connections.close_all()

    own, server, begun = time.process_time(), _server_seconds(), time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
        spent = time.perf_counter() - begun
        server_spent = _server_seconds() - server
    all_ = [one for some in waits for one in some]
    return Cost(
        len(all_) / spent,
        percentile(all_, 0.5) * 1000,
        percentile(all_, 0.99) * 1000,
        (time.process_time() - own) / len(all_) * 1e6,
        server_spent / len(all_) * 1e6,
    )


def _server_seconds() -> float:
    """Return the processor time of this folder's PostgreSQL, its children's that have ended among them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = psutil.Process(psutil.Process(cursor.fetchone()[0]).ppid())
    spent = 0.0
    for process in (server, *server.children()):
        # One that ends between the two looks is among its parent's children next time.
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def _ways() -> dict[str, Write]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(FORMER_TABLE)
    shop_id = _shop_id()
    return {
        "ORM insert": _with_the_orm(shop_id),
        "prepared INSERT": _prepared(shop_id),
        "group commit": _in_groups(shop_id),
    }


def _shop_id() -> int:
    from backend.core import clock
    from backend.shops.models import Shop

    shop, _ = Shop.objects.get_or_create(
        domain="bench.myshopify.com",
        defaults={"installed_at": clock.now(), "pseudonym_key": "0" * 64},
    )
    return int(shop.id)


def _decision(shop_id: int, number: int) -> Any:
    """Return the answer to a known customer: nobody else's list is the same."""
    from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
    from backend.core import clock
    from backend.core.ids import uuid7

    now = clock.now()
    why = "Often bought with Willow Basket, large"
    items = tuple(ShownItem(7_900_000_000_000 + number * 8 + n, 0.4 / n, why, n) for n in range(1, 9))
    return DecisionRecord(
        uuid7(now), shop_id, now, Surface.PRODUCT_PAGE, Channel.APP_PROXY, "champion", items, 8, 12.5,
        visitor_key=f"{number:032x}", version_id=uuid7(now), version_number=3, context_product_id=number,
        request_id=uuid7(now).hex,
    )  # fmt: skip


def _with_the_orm(shop_id: int) -> Write:
    from dataclasses import asdict

    from django.db import connection, models

    class FormerDecision(models.Model):
        id = models.UUIDField(primary_key=True)
        shop = models.ForeignKey("shops.Shop", on_delete=models.DO_NOTHING, related_name="+")
        at = models.DateTimeField()
        surface = models.CharField(max_length=20)
        channel = models.CharField(max_length=20)
        visitor_key = models.CharField(max_length=32, null=True)  # noqa: DJ001 -- as it was
        arm = models.CharField(max_length=40)
        version_id = models.UUIDField(null=True)
        version_number = models.IntegerField(null=True)
        context_product_id = models.BigIntegerField(null=True)
        items = models.JSONField()
        requested = models.SmallIntegerField()
        latency_ms = models.FloatField()
        fallback = models.TextField(blank=True)
        request_id = models.TextField(blank=True)

        class Meta:
            app_label = "audit"
            managed = False
            db_table = "former_decision"

        def __str__(self) -> str:
            return str(self.id)

    names = [field.attname for field in FormerDecision._meta.concrete_fields]  # noqa: SLF001 -- Django's public name

    def write(number: int) -> None:
        told = asdict(_decision(shop_id, number))
        # As at the beginning of each request.
        connection.health_check_done = False  # type: ignore[attr-defined]
        FormerDecision(**{name: told[name] for name in names}).save(force_insert=True)

    return write


def _prepared(shop_id: int) -> Write:
    from backend.audit import services

    return lambda number: services.record_decision(_decision(shop_id, number))


class _Groups:
    """Group commit without a timer or a thread: whoever gets the connection first writes for all who wait."""

    def __init__(self) -> None:
        import psycopg2  # type: ignore[import-untyped]
        from django.db import connection

        from backend.audit import gateway

        self._own = psycopg2.connect(**gateway._parameters(connection))  # noqa: SLF001 -- the same connection
        self._own.autocommit = True
        insert = gateway._insert(lambda number: f"${number}", None)  # noqa: SLF001 -- the same statement
        self._marks = ", ".join(["%s"] * len(gateway.COLUMNS))
        with closing(self._own.cursor()) as cursor:
            cursor.execute(f"PREPARE decide AS {insert}")
        self._waiting: list[_Waiting] = []
        self._brings, self._leads = threading.Lock(), threading.Lock()

    def write(self, row: Any) -> None:
        """Return when the row is on disk, whoever sent it."""
        mine = _Waiting(row)
        with self._brings:
            self._waiting.append(mine)
        with self._leads:
            if not mine.is_written:
                self._write_all()

    def _write_all(self) -> None:
        with self._brings:
            group, self._waiting = self._waiting, []
        text = "; ".join([f"EXECUTE decide({self._marks})"] * len(group))
        with closing(self._own.cursor()) as cursor:
            cursor.execute(text, [value for one in group for value in one.row])
        for one in group:
            one.is_written = True


@dataclass
class _Waiting:
    row: Any
    is_written: bool = False


def _in_groups(shop_id: int) -> Write:
    from backend.audit import services

    groups = _Groups()
    return lambda number: groups.write(services._row(_decision(shop_id, number), {}))  # noqa: SLF001 -- the same row

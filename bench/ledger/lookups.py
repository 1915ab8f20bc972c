"""
How long support waits for a decision among ten million in 180 daily partitions, by whatever it holds in hand.

Each lookup is what the staff dashboard does: its search, by an order's number, a decision's id or a visitor's
pseudonym, and the decisions behind it as they are read for the page.
"""

import random
import time
from collections.abc import Callable
from typing import Any, Final

from bench.ledger import base
from bench.ledger.values import Bench, BenchFailed
from tools.demo.traffic import percentile

DECISIONS: Final = 10_000_000
# An order for each twenty decisions; of each forty orders one names a decision.
DECISIONS_AN_ORDER: Final = 20
NAMING: Final = 40
TIMES: Final = 200
# Whoever asks comes from a page that has asked for other things before.
WARM_UP: Final = 5


def measure(bench: Bench) -> dict[str, float]:
    """Return the 95th percentile of the slowest kind of lookup, and how many decisions were looked among."""
    base.begin(bench, durable=False)
    try:
        decisions = bench.scaled(DECISIONS, least=20_000)
        _fill(bench, decisions)
        found = {name: _p95_ms(look_up) for name, look_up in _look_ups(decisions).items()}
    finally:
        base.end(bench)
    for name, p95 in found.items():
        print(f"{name:32} p95 {p95:6.1f} ms")
    return {"lookup_p95_ms": max(found.values()), "rows": decisions}


def _fill(bench: Bench, decisions: int) -> None:
    """Make the rows, once: what a former run of the same size made is kept."""
    from bench import rows

    if _count() == decisions:
        return
    orders = decisions // DECISIONS_AN_ORDER
    wanted = [
        fill
        for fill in rows.fills(orders=orders, decisions=decisions, imports=10)
        if fill.table in {"shops.Shop", "catalog.Order", "catalog.OrderLine", "audit.Decision"}
    ]
    tables = ", ".join(fill.model._meta.db_table for fill in wanted)  # noqa: SLF001 -- Django's public name
    _execute("SET session_replication_role = replica", f"TRUNCATE {tables} CASCADE")
    _execute("RESET session_replication_role")
    for fill in wanted:
        bench.screen.begin(f"Rows of {fill.table}")
        rows.insert(fill, _teller(bench, fill.count))
        bench.screen.end(f"{fill.count:,}")
    bench.screen.begin("Statistics of the tables")
    _execute("VACUUM (ANALYZE)")
    bench.screen.end()


def _teller(bench: Bench, total: int) -> Callable[[int], None]:
    return lambda done: bench.screen.progress(done=done, total=total, unit="rows")


def _count() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_decision")
        found: int = cursor.fetchone()[0]
        return found


def _look_ups(decisions: int) -> dict[str, Callable[[random.Random], Any]]:
    from backend.audit import queries as audit
    from backend.staff import queries as staff

    orders = decisions // DECISIONS_AN_ORDER
    ids = _some_ids()

    def by_order_number(chance: random.Random) -> None:
        number = NAMING * chance.randrange(1, orders // NAMING + 1)
        [hit] = staff.search(f"#{1000 + number}")
        order_id = 5_000_000_000 + number
        _found(staff.inferences(hit.shop_id, order_id))

    def by_decision_id(chance: random.Random) -> None:
        _found(staff.search(str(chance.choice(ids))))

    def by_pseudonym(chance: random.Random) -> None:
        _found(staff.search(_key_of(chance, decisions)))

    def all_of_a_visitor(chance: random.Random) -> None:
        _found(list(audit.all_decisions_for_visitor(1, _key_of(chance, decisions))))

    return {
        "by order number": by_order_number,
        "by decision id": by_decision_id,
        "by pseudonym": by_pseudonym,
        "all decisions of a visitor": all_of_a_visitor,
    }


def _found(what: Any) -> None:
    if not what:
        raise BenchFailed("A lookup that finds nothing is none.")


def _some_ids() -> list[Any]:
    """Return identifiers from all days."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM audit_decision TABLESAMPLE SYSTEM (1) LIMIT 200000")
        return [id_ for (id_,) in cursor.fetchall()]


def _key_of(chance: random.Random, decisions: int) -> str:
    import hashlib

    # As bench.rows makes them: of a decision by somebody, in the large shop.
    number = 10 * chance.randrange(decisions // 10) + chance.randrange(6)
    return hashlib.md5(str(number % 400_000).encode(), usedforsecurity=False).hexdigest()


def _p95_ms(look_up: Callable[[random.Random], Any]) -> float:
    chance = random.Random(7)  # noqa: S311 -- makes data
    for _ in range(WARM_UP):
        look_up(chance)
    seconds = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        look_up(chance)
        seconds.append(time.perf_counter() - begun)
    return round(percentile(seconds, 0.95) * 1000, 1)


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

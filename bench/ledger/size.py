"""
What a decision takes on disk, with everything that grows with decisions: rows, indexes, contents, seals.

The mix, in a shop of 18,000 decisions a day and one of 2,000:

    40 %  somebody who allowed nothing: the page's list of 8, the same for all who see it
    20 %  a browser that allowed preferences and was never seen before: the same lists, and what it looked at
    20 %  a known customer: a list of their own, with reasons that name what they bought
    20 %  a list of 16 written to a page ahead: only lists that changed are written, so none repeats

Pages are as popular as the logarithm says: the most popular of 2,000 products has a tenth of all views. What
went in is shared as the recorder shares it: the stock once a day, its changes each ten minutes; on a tenth of
the pages, those of products that nobody bought yet, what is in the same collections. A visitor's own past and
visit stand in the row.
"""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from bench.ledger import base
from bench.ledger.values import Bench

DECISIONS: Final = 60_000
DAYS: Final = 3
PRODUCTS: Final = 2_000
FIRST_PRODUCT: Final = 7_900_000_000_000
BATCH: Final = 500
# Of each ten: by nobody, by a new browser, by a customer, written ahead.
MIX: Final = ("nobody",) * 4 + ("browser",) * 2 + ("customer",) * 2 + ("list",) * 2
WORDS: Final = (
    "Willow",
    "Oak",
    "Linen",
    "Stoneware",
    "Beeswax",
    "Enamel",
    "Wool",
    "Botanical",
    "Copper",
    "Soy",
)
THINGS: Final = (
    "Basket",
    "Candle",
    "Table Runner",
    "Mug",
    "Print",
    "Throw",
    "Planter",
    "Wraps",
    "Lamp",
    "Tray",
)

SIZE: Final = """
    SELECT c.relname, pg_total_relation_size(c.oid)
    FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^audit_(decision|content|segment|chain)'
"""


def measure(bench: Bench) -> dict[str, float]:
    """Return the bytes of a decision; print what they are of."""
    base.begin(bench, durable=False)
    try:
        bench.screen.begin("Decisions as they are recorded")
        wanted = bench.scaled(DECISIONS, least=2_000)
        _empty()
        before = _sizes()
        _fill(bench, wanted)
        _seal()
        _execute("VACUUM (ANALYZE)")
        after = _sizes()
        bench.screen.end(f"{wanted:,}")
    finally:
        base.end(bench)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    of_each = {name: round(size / wanted, 1) for name, size in sorted(grown.items())}
    print(json.dumps(of_each))
    return {"bytes_per_decision": round(sum(grown.values()) / wanted, 1)}


def _fill(bench: Bench, wanted: int) -> None:
    from backend.audit import services
    from backend.core import clock
    from backend.shops.models import Shop

    now = clock.now()
    made = 0
    for domain, share in (("large", 0.9), ("small", 0.1)):
        shop, _ = Shop.objects.get_or_create(
            domain=f"{domain}.myshopify.com", defaults={"installed_at": now, "pseudonym_key": "0" * 64}
        )
        count = round(wanted * share)
        batch = []
        for decision in _decisions(shop.id, count, now=now):
            batch.append(decision)
            if len(batch) == BATCH:
                services.record_decisions(batch, shop_id=shop.id)
                made += len(batch)
                batch = []
                bench.screen.progress(done=made, total=wanted, unit="decisions")
        services.record_decisions(batch, shop_id=shop.id)


def _decisions(shop_id: int, count: int, *, now: datetime) -> Iterator[Any]:
    chance = random.Random(shop_id)  # noqa: S311 -- makes data
    versions = [chance.randbytes(16) for _ in range(DAYS)]
    # The days that have partitions of their own: today and those ahead.
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(count):
        at = begin + timedelta(days=DAYS) * (number / count)
        yield _decision(shop_id, MIX[number % 10], at, versions[(at - begin).days], chance)


def _decision(shop_id: int, kind: str, at: datetime, version: bytes, chance: random.Random) -> Any:
    from uuid import UUID

    from backend.audit.values import Channel, DecisionRecord, Surface
    from backend.core.ids import uuid7

    page = round(PRODUCTS ** chance.random()) - 1
    visitor = chance.randrange(5_000 if kind == "customer" else 10**9)
    is_somebodys = kind in {"browser", "customer"}
    return DecisionRecord(
        id=uuid7(at),
        shop_id=shop_id,
        at=at,
        surface=Surface.PRODUCT_PAGE,
        channel=Channel.METAFIELD if kind == "list" else Channel.APP_PROXY,
        arm="champion",
        items=_items(kind, page, at, chance),
        requested=16 if kind == "list" else 8,
        latency_ms=chance.uniform(4, 40),
        visitor_key=f"{visitor:032x}" if is_somebodys else None,
        version_id=UUID(bytes=version),
        version_number=at.day,
        context_product_id=FIRST_PRODUCT + page * 98_304,
        fallback="sold_out" if chance.random() < 0.05 else "",
        request_id="" if kind == "list" else uuid7(at).hex,
        feature_version="3f9a1c",
        rules=("not in cart", "in stock"),
        inputs=_inputs(page, at),
        personal_inputs={"visitor": _visit(kind, chance)} if is_somebodys else {},
    )


def _items(kind: str, page: int, at: datetime, chance: random.Random) -> tuple[Any, ...]:
    from backend.audit.values import ShownItem

    own = kind in {"customer", "list"}
    # What a page shows changes when something sells out: every few hours.
    drawn = chance if own else random.Random(f"{page} {at.date()} {at.hour // 4}")  # noqa: S311 -- makes data
    items = []
    for place in range(1, (16 if kind == "list" else 8) + 1):
        product = drawn.randrange(PRODUCTS)
        reasons = [f"Often bought with {_title(page)}", "Often bought together"]
        if kind == "customer":
            reasons += [f"You bought this {drawn.randint(2, 5)} times, last in November"]
            reasons += [f"Often bought with {_title(drawn.randrange(PRODUCTS))}" for _ in range(3)]
        items.append(
            ShownItem(FIRST_PRODUCT + product * 98_304, drawn.random() / place, drawn.choice(reasons), place)
        )
    return tuple(items)


def _title(number: int) -> str:
    return f"{WORDS[number % 10]} {THINGS[number // 10 % 10]}, size {number // 100}"


def _inputs(page: int, at: datetime) -> dict[str, bytes]:
    day = random.Random(f"{at.date()}")  # noqa: S311 -- makes data
    change = random.Random(f"{at.date()} {at.hour} {at.minute // 10}")  # noqa: S311 -- makes data
    mates = random.Random(f"{page}")  # noqa: S311 -- makes data
    shared = {"shelf.base": day.randbytes(6_000), "shelf": change.randbytes(200)}
    return shared | ({"mates": mates.randbytes(60)} if page % 10 == 7 else {})


def _visit(kind: str, chance: random.Random) -> bytes:
    return chance.randbytes(90 if kind == "customer" else 30)


def _seal() -> None:
    """Seal what was made, as the timetable does each half minute."""
    from backend.audit import services
    from backend.audit.values import Ledger
    from backend.core import clock

    while services.seal(Ledger.DECISIONS, now=clock.now()).is_behind:
        pass


def _empty() -> None:
    tables = ", ".join(sorted(_sizes()))
    # The ledgers refuse to be emptied, for everybody but who says that he replicates.
    _execute("SET session_replication_role = replica", f"TRUNCATE {tables}", "RESET session_replication_role")


def _sizes() -> dict[str, int]:
    """Return the bytes of each table with its indexes, partitions by the name of their table."""
    from django.db import connection

    sizes: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(SIZE)
        for name, size in cursor.fetchall():
            table = "_".join(name.split("_")[:2])
            sizes[table] = sizes.get(table, 0) + size
    return sizes


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

"""
`make bench-pages`: what merchants, support and the timetable wait for, where the product has run for months.

Half a million orders, ten million decisions, ten thousand past imports (bench/rows.py), made once and kept.
Each page runs as in the web process, on a PostgreSQL of its own; what counts is the 95th percentile against
50 ms. The plan of each query is looked at too: one that reads a large table from end to end is named,
however fast it was.

    make bench-pages
    make bench-pages BENCH="--decisions 200000 --orders 50000"
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.config import engines
from tools.demo.screen import Screen
from tools.demo.traffic import percentile

ROOT = Path(__file__).resolve().parents[1]
DATA_DIR = ROOT / ".data" / "bench-pages"
LIMIT_MS = 50.0
TIMES = 20
# A table from which on nobody reads all rows for a page.
LARGE_TABLE_ROWS = 50_000
SHOP, SHOP_ID = "shop-1.myshopify.com", 1
SECRET = "only-for-the-benchmark-of-the-pages"  # noqa: S105 -- signs nothing that leaves this process
HOST = "testserver"


@dataclass(frozen=True)
class Page:
    """One thing that somebody waits for."""

    name: str
    ask: Callable[[], Any]


@dataclass(frozen=True)
class Figures:
    """How long a page took, and which large tables its queries read from end to end."""

    page: str
    p50_ms: float
    p95_ms: float
    queries: int
    reads_all_of: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nobody waits and nothing grows with the deployment."""
        return self.p95_ms < LIMIT_MS and not self.reads_all_of


class PageFailed(Exception):
    """A page that doesn't answer: such a run measures nothing."""


def main() -> int:
    """Measure every page, and print the figures as one last line of JSON; 1 if one is too slow."""
    sizes = _sizes()
    screen = Screen()
    _begin(screen)
    try:
        _fill(sizes, screen)
        measured = [_measure(page, screen) for page in _pages()]
    finally:
        engines.stop(DATA_DIR)
    slowest = sorted(measured, key=lambda one: -one.p95_ms)
    print(_as_text(slowest))
    missed = [one.page for one in measured if not one.is_good]
    worst = max(one.p95_ms for one in measured)
    print(json.dumps({"pages": len(measured), "worst_p95_ms": worst, "limit_ms": LIMIT_MS, "missed": missed}))
    return 1 if missed else 0


def _sizes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-pages BENCH=…")
    for name, count in (("orders", 500_000), ("decisions", 10_000_000), ("imports", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=count, help="how many (%(default)d)")
    return parser.parse_args()


def _begin(screen: Screen) -> None:
    """Start a PostgreSQL and a Valkey of our own, and set Django up on them."""
    screen.begin("Private servers and tables")
    at = engines.ensure(DATA_DIR, durable=False)
    os.environ.update(
        DEBUG="false",
        DATA_DIR=str(DATA_DIR),
        DATABASE_URL=at.database_url,
        REDIS_URL=at.redis_url,
        DJANGO_SECRET_KEY=SECRET,
        ENCRYPTION_KEYS="A" * 43 + "=",
        LEDGER_SIGNING_KEY="A" * 43 + "=",
        SHOPIFY_API_KEY="bench",
        SHOPIFY_API_SECRET=SECRET,
        APP_URL=f"https://{HOST}",
        BACKEND_URL=f"https://{HOST}",
        ALLOWED_HOSTS=HOST,
        LOG_LEVEL="ERROR",
        SENTRY_DSN="",
        DJANGO_SETTINGS_MODULE="backend.config.settings",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    screen.end()


def _fill(sizes: argparse.Namespace, screen: Screen) -> None:
    """Make the rows, once: what a former run made in full is kept."""
    from backend.catalog import services as catalog
    from backend.core import clock
    from bench import rows

    wanted = rows.fills(orders=sizes.orders, decisions=sizes.decisions, imports=sizes.imports)
    mark = DATA_DIR / "filled.json"
    told = {"sizes": vars(sizes), "rows": hashlib.sha256((ROOT / "bench/rows.py").read_bytes()).hexdigest()}
    if mark.exists() and json.loads(mark.read_text()) == told:
        return
    mark.unlink(missing_ok=True)
    _empty([fill.model._meta.db_table for fill in wanted])  # noqa: SLF001 -- Django's public name
    for fill in wanted:
        screen.begin(f"Rows of {fill.table}")
        rows.insert(fill, lambda done, all_=fill.count: screen.progress(done=done, total=all_, unit="rows"))  # type: ignore[misc]
        screen.end(f"{fill.count:,}")
    screen.begin("Statistics of the tables")
    _execute("VACUUM (ANALYZE)")
    for shop_id in range(1, rows.SHOPS + 1):
        # As the end of each import does.
        catalog.count_shop(shop_id, now=clock.now())
    screen.end()
    mark.write_text(json.dumps(told))


def _empty(tables: list[str]) -> None:
    # The ledgers refuse to be emptied, for everybody but who says that he replicates.
    _execute("SET session_replication_role = replica", f"TRUNCATE {', '.join(tables)} CASCADE")
    _execute("RESET session_replication_role")


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _pages() -> Iterator[Page]:
    yield from _merchant_pages()
    yield from _sweeps()
    yield from _staff_pages()


def _merchant_pages() -> Iterator[Page]:
    from django.test import Client

    client = Client()
    for path in (
        "/api/setup",
        "/api/model",
        "/api/model/settings",
        "/api/activity",
        "/api/results?days=90",
        "/api/products?search=product",
    ):
        yield Page(path, lambda path=path: _answer(client.get(path, secure=True, headers=_merchant())))  # type: ignore[misc]


def _merchant() -> dict[str, str]:
    import jwt

    now = int(time.time())
    claims = {"iss": f"https://{SHOP}/admin", "dest": f"https://{SHOP}", "aud": "bench", "sub": "7"}
    claims |= {"exp": now + 60, "nbf": now, "iat": now, "jti": "1", "sid": "1"}  # type: ignore[dict-item]
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


def _sweeps() -> Iterator[Page]:
    """Every sweep of the timetable, on a deployment in which nothing is lost: what runs each minute."""
    from celery_worker.app import app

    for name, entry in app.conf.beat_schedule.items():
        if name.endswith("sweep"):
            yield Page(f"sweep {name}", app.tasks[entry["task"]].run)


def _staff_pages() -> Iterator[Page]:
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.http import HttpRequest
    from django.test import Client
    from django.urls import reverse
    from django_otp import DEVICE_ID_SESSION_KEY

    from backend.staff.models import Authenticator

    user, _ = User.objects.get_or_create(username="bench", is_superuser=True, is_staff=True)
    app, _ = Authenticator.objects.get_or_create(
        user=user, defaults={"name": "bench", "secret": "", "enrolled_at": user.date_joined}
    )
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = app.persistent_id
    session.save()

    def page(path: str) -> Page:
        return Page(path, lambda: _answer(client.get(path, secure=True)))

    yield page(reverse("admin:index"))
    for model, shown in admin.site._registry.items():  # noqa: SLF001 -- the admin's own list of its pages
        at = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")  # noqa: SLF001
        yield page(at)
        if getattr(shown, "is_growing", False):
            yield page(f"{at}?p=3")
            yield page(f"{at}?p=100")
        for query in _filters(shown, model):
            yield page(f"{at}?{query}")
        newest = shown.get_queryset(HttpRequest()).first()
        # The form of a staff account is Django's own, and draws every permission there is, on any deployment.
        if newest is not None and model._meta.app_label != "auth":  # noqa: SLF001
            yield page(f"{at}{newest.pk}/change/")
        if shown.search_fields:
            yield page(f"{at}?q={5_000_000_040}")


def _filters(shown: Any, model: Any) -> Iterator[str]:
    """Return every value of every filter of a list, each alone, and each column that it can be sorted by."""
    for one in shown.list_filter:
        if isinstance(one, str):
            yield f"{one}=1"
            continue
        chosen = one(None, {}, model, shown)
        yield from (f"{chosen.parameter_name}={value}" for value, _ in chosen.lookup_choices)
    yield from (f"o={place}" for place in range(1, len(shown.list_display) + 1))


def _answer(response: Any) -> None:
    if response.status_code != 200:
        raise PageFailed(
            f"{response.request['PATH_INFO']} answered {response.status_code}: {response.content[:200]!r}"
        )


def _measure(page: Page, screen: Screen) -> Figures:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    screen.progress(page.name)
    with CaptureQueriesContext(connection) as asked:
        page.ask()
        # The next request forgets them.
        statements = [one["sql"] for one in asked.captured_queries]
    seconds = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        page.ask()
        seconds.append(time.perf_counter() - begun)
        if sum(seconds) > TIMES * LIMIT_MS / 1000 and len(seconds) >= 5:
            break
    return Figures(
        page.name,
        round(percentile(seconds, 0.5) * 1000, 1),
        round(percentile(seconds, 0.95) * 1000, 1),
        len(statements),
        tuple(sorted({table for sql in statements for table in _read_whole(sql)})),
    )


def _read_whole(sql: str) -> Iterator[str]:
    """Return the large tables that PostgreSQL would read from end to end for a statement, or nearly."""
    from django.db import connection

    if not sql.lstrip(" (\n").upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
        return
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + sql.replace("%", "%%"), [])
        [[[plan]]] = [cursor.fetchone()]
        cursor.execute("SELECT relname, reltuples FROM pg_class WHERE reltuples >= %s", [LARGE_TABLE_ROWS])
        yield from _large_scans(plan["Plan"], dict(cursor.fetchall()), limit=None)


# What hands rows on one by one, so that a limit above it ends what is below it.
PASSES_ON = {"Limit", "Nested Loop", "Result", "Subquery Scan", "Memoize", "LockRows"}


def _large_scans(node: dict[str, Any], large: dict[str, float], *, limit: float | None) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name", "")
    if table in large and not node.get("Index Cond") and not kind.startswith("Bitmap"):
        # A partial index gives what it holds; a filter throws away the more, the fewer it lets through.
        found, read = max(node["Plan Rows"], 1.0), large[table] if "Filter" in node else node["Plan Rows"]
        share = 1.0 if limit is None else min(1.0, limit / found)
        if share * read >= LARGE_TABLE_ROWS:
            yield table
    if kind == "Limit":
        limit = float(node["Plan Rows"])
    for child in node.get("Plans", ()):
        yield from _large_scans(child, large, limit=limit if kind in PASSES_ON else None)


def _as_text(measured: list[Figures]) -> str:
    lines = [f"{'p95 ms':>8} {'p50 ms':>8} {'queries':>8}  page"]
    for one in measured:
        read = f"   reads all of {', '.join(one.reads_all_of)}" if one.reads_all_of else ""
        lines.append(f"{one.p95_ms:8.1f} {one.p50_ms:8.1f} {one.queries:8}  {one.page}{read}")
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PageFailed as failure:
        sys.exit(str(failure))

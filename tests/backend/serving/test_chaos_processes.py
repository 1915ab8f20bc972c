"""A short chaos: real gunicorn processes whose PostgreSQL stands behind a proxy."""

import json
import math
import time
from io import StringIO
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backend.registry.values import Version
from backend.shops.models import Shop
from bench.chaos import faults, legs
from bench.chaos.background import Background
from bench.chaos.dependencies import POSTGRES_ERROR, Dependency
from bench.chaos.proxy import Proxy, listening
from bench.chaos.shoppers import ROW, Ask, Shoppers
from bench.chaos.shoppers import Shop as Known
from tests.backend.serving.storefront import GRANTED, a_query
from tests.backend.serving.test_guard_processes import a_web_server
from tools.demo.screen import Screen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]
ASKS = [{"limit": "4"}, {"limit": "4", "cart": "101,102"}, {"limit": "3", "logged_in_customer_id": "17850"}]


def a_proxied(settings: Any) -> Dependency:
    def never() -> Any:
        raise AssertionError

    return Dependency("postgresql", settings.DATABASE_URL, POSTGRES_ERROR, never, never)


def address(ask: Ask, _: float) -> str:
    return f"/proxy/recommendations?{a_query(consent=GRANTED, **ask)}"


def test_a_short_chaos_ends_and_every_answer_of_it_is_in_the_ledger(
    shop: Shop, live: Version, settings: Any, tmp_path: Path
) -> None:
    database, shown = a_proxied(settings), StringIO()
    proxy = Proxy(database.upstream, error=database.error)
    with Background() as background, listening(background, [proxy]):
        server = SimpleNamespace(
            DATABASE_URL=database.through(proxy.port),
            ARTIFACT_ROOT=settings.ARTIFACT_ROOT,
            SPOOL_ROOT=tmp_path / "spool",
        )
        with a_web_server(server, tmp_path) as (origin, _):
            known = frozenset(range(100, 140))
            crowd = Shoppers(origin, cycle(ASKS), Known(known, known), address, per_second=10)
            asking = background.start(crowd.run())
            legs.wait_until_well(crowd, time.monotonic())
            planned = [
                one
                for one in faults.of_dependency(database, proxy, background)
                if one.name in {"postgresql-resets", "postgresql-errors"}
            ]
            lived = legs.run(
                planned, crowd, Screen(shown), settle=lambda _: [], most_seconds=1.5, deadline=math.inf
            )
            background.call(crowd.end)
            asking.result()
            found = legs.tell(shop.id, lived, crowd.answers, Screen(shown))

    assert list(found) == [
        "answers", "valid", "valid_share", "p99_ms", "slowest_ms", "recovered_s", "served", "ledger_rows",
        "lost",
    ]  # fmt: skip
    assert found["answers"] == len(crowd.answers) > 2 * ROW
    # Not how many are valid, nor how fast: a busy machine has a word in that.
    assert 0 < found["valid"] <= found["served"] == found["ledger_rows"]
    assert found["lost"] == 0
    told = shown.getvalue()
    assert [line.split()[0] for line in told.splitlines() if line.startswith("postgresql-")] == [
        "postgresql-resets", "postgresql-errors"
    ]  # fmt: skip
    assert f"held    lost at most 0: {json.dumps(found['lost'])}" in told

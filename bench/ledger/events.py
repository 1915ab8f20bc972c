"""
How many events a second the collector takes, and whether one that it acknowledged is ever lost.

Real gunicorn, PostgreSQL and Valkey, as the product runs them, on the same cores as the senders. Each body
holds what a page view makes: a product was viewed, a list of a decision of its own was seen, a product of
it followed. Shops, addresses and clients differ as they do, so the product's own limits stand. Then the
same goes on while web workers are killed; a body that got no answer is sent again, as a browser's would be.
"""

import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psutil

from bench.ledger.values import Bench, BenchFailed
from bench.load import Connection, Stale, WrongAnswer
from tools.demo import state
from tools.demo.options import ROOT
from tools.demo.processes import ChildFailed, Crew
from tools.demo.stack import addresses, environment

SECONDS: Final = 60
KILLS: Final = 10
SECONDS_BETWEEN_KILLS: Final = 3.0
EVENTS_A_BODY: Final = 3
# More than the collector has threads, so that it is never idle.
CONNECTIONS: Final = 16
SHOPS: Final = 20
DECISIONS: Final = 50_000
ADDRESSES: Final = 5_000
PRODUCTS: Final = range(1_001, 1_201)
AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)


def measure(bench: Bench) -> dict[str, float]:
    """Return the events a second that were taken, and how many acknowledged ones are gone."""
    ports = state.choose_ports(bench.data_dir, 0)
    with _running(bench, ports) as (origin, crew):
        bench.screen.begin("Events, as fast as they are taken")
        seconds = bench.scaled(SECONDS, least=3)
        lists = _fill(bench)
        steady = _send(origin, lists, seconds=seconds)
        per_second = len(steady.acknowledged) / steady.seconds
        bench.screen.end(
            f"{per_second:,.0f}/s for {steady.seconds:.0f} s; {_memory_mb(crew):.0f} MB a worker"
        )
        kills = bench.scaled(KILLS)
        bench.screen.begin(f"The same, while workers are killed {kills} times")
        killer = threading.Thread(target=_kill_workers, args=(crew, kills))
        killer.start()
        killed = _send(origin, lists, seconds=(kills + 1) * SECONDS_BETWEEN_KILLS)
        killer.join()
        lost = _missing([*steady.acknowledged, *killed.acknowledged])
        bench.screen.end(
            f"{len(killed.acknowledged):,} acknowledged, {killed.resent} bodies sent again, {lost} lost"
        )
    return {"events_per_second": round(per_second, 1), "events_lost": lost}


@contextmanager
def _running(bench: Bench, ports: dict[str, int]) -> Iterator[tuple[str, Crew]]:
    """Run the web process on a database of its own."""
    from backend.config import engines

    at, crew = addresses(ports), Crew(bench.data_dir)
    env = environment(at, state.read_secrets(bench.data_dir), engines.ensure(bench.data_dir), bench.data_dir)
    os.environ.update(env)
    try:
        bench.screen.begin("The collector starts")
        crew.run("migrate", [sys.executable, "manage.py", "migrate", "-v", "0"], env=env, cwd=ROOT)
        command = [sys.executable, "-m", "gunicorn", "-c", "backend/config/gunicorn.py"]
        crew.start("web", [*command, "--bind", f"127.0.0.1:{ports['web']}"], env=env, cwd=ROOT)
        crew.wait_for("web", f"{at.web}/health", deadline_seconds=60, tick=bench.screen.progress)
        yield at.web, crew
    except ChildFailed as failure:
        raise BenchFailed(str(failure)) from failure
    finally:
        crew.stop()
        engines.stop(bench.data_dir)


@dataclass(frozen=True)
class _List:
    """A list that was shown somewhere: what a body of events is about."""

    shop: uuid.UUID
    decision: uuid.UUID
    products: tuple[int, ...]


def _fill(bench: Bench) -> list[_List]:
    """Make shops and decisions in the ledger, and return them in no order."""
    import django

    from backend.config import launch

    launch.name_settings()
    django.setup()
    from backend.audit import services as audit
    from backend.core import clock
    from backend.shops.models import Shop

    chance = random.Random(17)  # noqa: S311 -- makes data
    made: list[_List] = []
    for number in range(SHOPS):
        domain = f"events-{uuid.uuid4().hex[:12]}.myshopify.com"
        shop = Shop.objects.create(
            domain=domain, pseudonym_key=uuid.uuid4().hex * 2, installed_at=clock.now()
        )
        decisions = [
            _decision(shop.id, chance.sample(PRODUCTS, 8), now=clock.now())
            for _ in range(bench.scaled(DECISIONS) // SHOPS)
        ]
        audit.record_decisions(decisions, shop_id=shop.id)
        made += [_List(shop.uuid, one.id, tuple(item.product_id for item in one.items)) for one in decisions]
        bench.screen.progress(done=number + 1, total=SHOPS, unit="shops")
    chance.shuffle(made)
    return made


def _decision(shop_id: int, products: Sequence[int], *, now: datetime) -> Any:
    from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
    from backend.core.ids import uuid7

    return DecisionRecord(
        id=uuid7(),
        shop_id=shop_id,
        at=now,
        surface=Surface.PRODUCT_PAGE,
        channel=Channel.APP_PROXY,
        arm="champion",
        items=tuple(ShownItem(product, 0.5, "", place) for place, product in enumerate(products, start=1)),
        requested=len(products),
        latency_ms=4.0,
        visitor_key=uuid.uuid4().hex,
    )


@dataclass
class _Sent:
    """What the senders were told was taken: the shop, the id and the time of each event."""

    acknowledged: list[tuple[uuid.UUID, str, datetime]] = field(default_factory=list)
    resent: int = 0
    seconds: float = 0.0


def _send(origin: str, lists: Sequence[_List], *, seconds: float) -> _Sent:
    """Send bodies over some connections, each as soon as the one before was answered."""
    sent, failures = _Sent(), []
    begun = time.perf_counter()

    def work(place: int) -> None:
        try:
            with closing(Connection(origin)) as connection:
                for turn in range(place, sys.maxsize, CONNECTIONS):
                    if time.perf_counter() - begun > seconds:
                        return
                    _send_one(connection, lists[turn % len(lists)], turn, sent)
        except BenchFailed as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    sent.seconds = time.perf_counter() - begun
    return sent


# A worker is back within seconds; a body that is still refused then is no matter of a kill.
MOST_TRIES: Final = 200
RETRY_SECONDS: Final = 0.1


def _send_one(connection: Connection, about: _List, turn: int, sent: _Sent) -> None:
    now = datetime.now(UTC)
    ids = [f"sh-{uuid.uuid4()}" for _ in range(EVENTS_A_BODY)]
    body = _body(about, ids, now)
    number = turn % ADDRESSES
    headers = {
        "Content-Type": "text/plain;charset=UTF-8",
        "Origin": "null",
        "User-Agent": AGENT,
        "X-Forwarded-For": f"10.{number >> 8}.{number & 255}.7",
    }
    for _ in range(MOST_TRIES):
        try:
            answer = json.loads(connection.post(f"/events/{about.shop}", body, headers, status="202"))
        except (Stale, WrongAnswer, OSError):
            # It may have been taken: the same ids are sent again.
            connection.close()
            sent.resent += 1
            time.sleep(RETRY_SECONDS)
            continue
        if answer["refused"]:
            raise BenchFailed(f"The collector refused {answer['refused']}.")
        sent.acknowledged += [(about.shop, one, now) for one in ids]
        return
    raise BenchFailed(f"A body was not taken in {MOST_TRIES} tries.")


def _body(about: _List, ids: Sequence[str], now: datetime) -> bytes:
    """Return what the pixel sends of one page view."""
    decision, product = str(about.decision), about.products[0]
    said = [
        ("product_viewed", {"product": str(product)}),
        ("tailorbird:impression", {"decision": decision, "products": about.products}),
        ("tailorbird:click", {"decision": decision, "product": product}),
    ]
    common = {"at": now.isoformat(), "client": str(about.decision)}
    events = [
        common | {"id": one, "topic": topic, "data": data}
        for one, (topic, data) in zip(ids, said, strict=True)
    ]
    return json.dumps({"events": events}).encode()


def _kill_workers(crew: Crew, kills: int) -> None:
    for _ in range(kills):
        time.sleep(SECONDS_BETWEEN_KILLS)
        os.kill(random.choice(_workers(crew)).pid, signal.SIGKILL)  # noqa: S311 -- any of them


def _workers(crew: Crew) -> list[psutil.Process]:
    [master] = crew.pids()
    return psutil.Process(master).children()


def _memory_mb(crew: Crew) -> float:
    return max(worker.memory_info().rss for worker in _workers(crew)) / 1e6


def _missing(acknowledged: Sequence[tuple[uuid.UUID, str, datetime]]) -> int:
    """Return how many events that were acknowledged are not in the table."""
    from backend.core.tenancy import in_batches
    from backend.events.models import Event
    from backend.events.rules import event_key

    keys = (event_key(shop, event_id, at) for shop, event_id, at in acknowledged)
    found = sum(
        Event.objects.across_shops(reason="a benchmark counts").filter(id__in=some).count()
        for some in in_batches(keys)
    )
    return len(acknowledged) - found

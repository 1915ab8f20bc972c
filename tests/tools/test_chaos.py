"""The proxy that makes networks bad, and the judge of what shoppers get meanwhile."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from django.utils import timezone

from backend.core import clock
from backend.features.values import NO_PAST
from backend.serving import gateway
from backend.serving.values import ModelQuery
from bench.chaos import faults, injection, legs, running, soak
from bench.chaos.background import Background
from bench.chaos.dependencies import Dependency
from bench.chaos.proxy import Proxy, Toxic, Upstream
from bench.chaos.shoppers import MODEL, ROW, Answer, Shop, find_problem, recovered_s
from models.recommender.api import RankedList, Scorer
from tests.backend.racing import until

ERROR = b"-ERR sick\r\n"


@asynccontextmanager
async def an_echo() -> AsyncIterator[int]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    # The last of the echoes end.
    await asyncio.sleep(0.05)


async def said(port: int, *, patience: float = 0.2) -> str:
    """Return what comes back of a line over a new connection: the line, an error, or how it fails."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"hello\n")
        got = await asyncio.wait_for(reader.readline(), patience)
    except TimeoutError:
        return "silence"
    except ConnectionResetError:
        return "reset"
    finally:
        writer.close()
    return got.decode().strip() or "closed"


async def replies(toxic: Toxic, *, times: int) -> Counter[str]:
    async with an_echo() as port, Proxy(("127.0.0.1", port), error=ERROR).listening() as proxy:
        proxy.set_toxic(toxic)
        return Counter([await said(proxy.port) for _ in range(times)])


@pytest.mark.parametrize(
    ("toxic", "times", "healthy", "sick"),
    [
        (Toxic.NONE, 20, 20, ""),
        (Toxic.RESETS, 400, 380, "reset"),
        (Toxic.ERRORS, 400, 380, "-ERR sick"),
        (Toxic.SILENCE, 2, 0, "silence"),
    ],
)
def test_what_comes_back_of_a_toxic(toxic: Toxic, times: int, healthy: int, sick: str) -> None:
    found = asyncio.run(replies(toxic, times=times))

    # Three standard deviations of a twentieth of 400.
    assert found["hello"] == pytest.approx(healthy, abs=13 if sick and healthy else 0)
    assert found["hello"] + found[sick] == times
    assert bool(found[sick]) is bool(sick)


def test_latency_is_up_to_400_ms_and_keeps_the_order() -> None:
    async def ask() -> tuple[bytes, float]:
        async with an_echo() as port, Proxy(("127.0.0.1", port)).listening() as proxy:
            proxy.set_toxic(Toxic.LATENCY)
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            began, got = time.monotonic(), b""
            for number in range(10):
                writer.write(b"%d\n" % number)
                got += await reader.readline()
            writer.close()
            return got, time.monotonic() - began

    got, seconds = asyncio.run(ask())

    assert got == b"".join(b"%d\n" % number for number in range(10))
    assert 10 * 0.1 < seconds < 10 * 0.4 + 2


def test_what_was_held_back_in_silence_comes_after_it() -> None:
    async def ask() -> tuple[str, bytes]:
        async with an_echo() as port, Proxy(("127.0.0.1", port)).listening() as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            proxy.set_toxic(Toxic.SILENCE)
            writer.write(b"late\n")
            during = await said(proxy.port)
            proxy.set_toxic(Toxic.NONE)
            after = await reader.readline()
            writer.close()
            return during, after

    assert asyncio.run(ask()) == ("silence", b"late\n")


def test_a_server_that_is_gone_resets_and_is_found_again() -> None:
    async def ask() -> tuple[str, str]:
        proxy = Proxy(("127.0.0.1", 1))
        async with proxy.listening(), an_echo() as port:
            gone = await said(proxy.port)
            proxy.upstream = ("127.0.0.1", port)
            return gone, await said(proxy.port)

    assert asyncio.run(ask()) == ("reset", "hello")


def test_the_background_ends_what_still_runs() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    with Background() as background:
        background.start(forever())
        assert background.run(asyncio.sleep(0.01, "done")) == "done"

    assert ended == ["cancelled"]


SHOP = Shop(products=frozenset(range(10)), in_stock=frozenset(range(9)))


@pytest.mark.parametrize(
    ("cart", "products", "problem"),
    [
        ("", (1, 2, 3), ""),
        ("4,5", (1, 2, 3), ""),
        ("", (), "empty"),
        ("", (1, 2), "too few"),
        ("", (1, 2, 2), "twice"),
        ("", (1, 2, 9), "sold out"),
        ("4,3", (1, 2, 3), "in the cart"),
        ("", (1, 2, 77), "another shop's"),
    ],
)
def test_why_a_list_is_not_valid(cart: str, products: tuple[int, ...], problem: str) -> None:
    assert find_problem(SHOP, {"limit": "3", "cart": cart}, products) == problem


def well(*moments: float) -> Iterator[Answer]:
    return (Answer(at - 0.01, at, "", MODEL) for at in moments)


def test_recovery_is_a_row_of_answers_by_the_model_after_the_end() -> None:
    before, row = well(1.0, 1.5), [2 + place / 10 for place in range(ROW)]

    assert recovered_s([*before, *well(*row)], 2.0) == pytest.approx(1.9)
    assert recovered_s([*before, *well(*row[1:])], 2.0) is None


@pytest.mark.parametrize("bad", [Answer(1, 2.55, "empty"), Answer(2.5, 2.55, "", "popular")])
def test_an_answer_that_came_late_or_from_elsewhere_breaks_the_row(bad: Answer) -> None:
    row = [2 + place / 10 for place in range(2 * ROW)]

    # The six before it don't count.
    assert recovered_s([*well(*row), bad], 2.0) == pytest.approx(0.6 + 1.9)


# What a leg came to

GIVEN = [
    Answer(0.5, 0.51, "", MODEL, decision="a", products=(1,)),
    Answer(1.0, 7.00, "", "late", decision="b"),  # hung from the fault on
    Answer(2.0, 2.02, "empty"),
    Answer(9.0, 9.01, "", MODEL, decision="c", products=(2,)),
]


def test_an_answer_belongs_to_the_fault_in_which_it_was_due_and_is_valid_once_it_can_be_found() -> None:
    leg = legs.Leg("redis-killed", began=0.9, ended=3.0, until=8.0)

    found = legs.figures([leg], {"a": frozenset({1}), "c": frozenset({2})}, GIVEN)

    assert [one.decision for one in leg.answers(GIVEN)] == ["b", ""]
    assert found == {
        "answers": 4, "valid": 2, "valid_share": 0.5, "p99_ms": 6000.0, "slowest_ms": 6000.0,
        "recovered_s": None, "served": 3, "ledger_rows": 2, "lost": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "products", "is_there"),
    [
        (MODEL, (1, 2, 3), True),
        # Another list than the one that was shown.
        (MODEL, (1, 2), False),
        # What is sold out or in the cart is left out of a list made ahead.
        (legs.STAND_IN, (3, 1), True),
        (legs.STAND_IN, (3, 4), False),
    ],
)
def test_a_decision_is_on_record_as_it_was_shown(
    source: str, products: tuple[int, ...], *, is_there: bool
) -> None:
    given = Answer(0.5, 0.51, "", source, decision="a", products=products)

    assert legs.is_valid(given, {"a": frozenset({1, 2, 3})}) is is_there


def test_goals_are_held_or_missed() -> None:
    found = {"valid_share": 0.999, "slowest_ms": 1000.0, "recovered_s": None, "lost": 0}

    assert [line.split()[0] for line in legs.goals(found).splitlines()] == [
        "held",
        "missed",
        "missed",
        "held",
    ]


@pytest.mark.parametrize(
    ("url", "upstream", "through"),
    [
        (
            "postgresql://postgres@/tailorbird?host=/run/here",
            "/run/here/.s.PGSQL.5432",
            "postgresql://postgres@127.0.0.1:9/tailorbird",
        ),
        ("redis://:word@127.0.0.1:1234/0", ("127.0.0.1", 1234), "redis://:word@127.0.0.1:9/0"),
        ("http://127.0.0.1:80", ("127.0.0.1", 80), "http://127.0.0.1:9"),
    ],
)
def test_an_address_leads_through_a_proxy(url: str, upstream: Upstream, through: str) -> None:
    dependency = Dependency("any", url, b"", int, lambda: None)
    proxy = Proxy(dependency.upstream)
    proxy.port = 9

    assert (dependency.upstream, dependency.through(9)) == (upstream, through)
    led = running.through({"A": f"{url}/more", "B": "else"}, [(dependency, proxy)])
    assert led == {"A": f"{through}/more", "B": "else"}


def a_sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_dependency_is_frozen_and_thawed_killed_and_begun_again() -> None:
    begun = [a_sleeper()]
    dependency = Dependency("any", "", b"", lambda: begun[-1].pid, lambda: begun.append(a_sleeper()))
    process = psutil.Process(begun[0].pid)
    try:
        with dependency.frozen():
            until(lambda: process.status() == psutil.STATUS_STOPPED)
        until(lambda: process.status() != psutil.STATUS_STOPPED)

        with dependency.killed():
            assert begun[0].wait(timeout=10) == -signal.SIGKILL
        assert len(begun) == 2
        assert begun[1].poll() is None
    finally:
        for one in begun:
            one.kill()
            one.wait()


def test_processes_suffer_what_the_file_says_for_as_long_as_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"
    reader = injection.Reader(file)
    now = injection.jumping(lambda: datetime(2026, 11, 30, tzinfo=UTC), reader)
    score = injection.sleeping(lambda word: word, reader)

    with faults.injected(file, injection.Injected(clock_seconds=60, model_seconds=0.2)):
        during, began = now(), time.monotonic()
        assert score("list") == "list"
        slept = time.monotonic() - began

    assert (during.minute, slept >= 0.2) == (1, True)
    assert now().minute == 0


def test_what_can_be_made_sick_is_what_the_product_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chaos.json"
    monkeypatch.setenv(injection.VARIABLE, str(file))
    monkeypatch.setattr(timezone, "now", timezone.now)
    monkeypatch.setattr(
        Scorer, "rank", lambda *_, **__: RankedList([7], [0.5], lambda _: [], is_general=False)
    )
    asked = ModelQuery(NO_PAST, now=0, context=None, exclude=set(), k=1, available=set(), explained=1)
    before = clock.now()

    injection.install()

    with faults.injected(file, injection.Injected(clock_seconds=3600, model_seconds=0.2)):
        began = time.monotonic()
        # Of a scorer that is not even made: this is all that is asked of one.
        said = gateway.opine(object.__new__(Scorer), asked)
        assert time.monotonic() - began > 0.2
        assert clock.now() - before > timedelta(minutes=59)
    assert [one.product_id for one in said.preferences] == [7]
    assert clock.now() - before < timedelta(minutes=59)


def test_memory_that_grows_by_a_mebibyte_a_minute_is_60_an_hour_once_all_is_loaded() -> None:
    loading = [soak.Sample(at, 10.0 * at, 50) for at in range(0, 100, 5)]
    samples = [*loading, *(soak.Sample(at, 900 + at / 60, 50) for at in range(100, 500, 5))]

    assert soak.slope_per_hour(samples, "mib") == pytest.approx(60.0)
    assert "descriptors 50, +0.00 an hour" in soak.words(samples)


@pytest.mark.parametrize("spoil", [faults.make_short, faults.make_empty, faults.flip_a_byte])
def test_an_artifact_is_spoiled(spoil: faults.Spoil, tmp_path: Path) -> None:
    for name in ("blend.linear.npy", "items.is_listed.npy", "items.is_sold.npy"):
        np.save(tmp_path / name, np.ones(4))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    spoil(tmp_path)

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} != before

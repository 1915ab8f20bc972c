import gzip
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import load
from bench.peers.serving.pasts import read_past, write_past
from bench.serving import costs, growth, shop
from bench.serving.asks import draw_pages, kind_of
from bench.serving.legs import Leg, Legs

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS = [str(number) for number in range(300)]
PRODUCTS = [str(number) for number in range(1_000, 1_400)]


def figures(times_ms, *, per_second, **kinds):
    return load.Figures(
        requests=len(times_ms),
        per_second=per_second,
        p50_ms=0.0,
        p99_ms=0.0,
        retried=0,
        times_ms=tuple(times_ms),
        kinds=Counter(kinds),
    )


# What is asked


def test_half_of_the_different_pairs_are_strangers_and_half_known_customers():
    pages = draw_pages(CUSTOMERS, PRODUCTS, different=2_000)

    assert pages.different == 2_000
    assert {bool(ask.get("logged_in_customer_id")) for ask in pages.strangers} == {False}
    assert {ask["logged_in_customer_id"] for ask in pages.known} <= set(CUSTOMERS)
    assert len({(ask["visitor"], ask.get("product")) for ask in pages.known}) == 1_000
    assert {ask["visitor"] for ask in pages.known}.isdisjoint(ask["visitor"] for ask in pages.strangers)


def test_half_of_the_pages_are_the_home_page_and_few_products_make_most_of_the_rest():
    known = draw_pages(CUSTOMERS, PRODUCTS, different=8_000).known

    seen = Counter(ask["product"] for ask in known if ask["surface"] == "product")

    assert sum(seen.values()) / len(known) == pytest.approx(0.5, abs=0.02)
    # Of 400 ranks with weights rank ** -0.8 the first tenth has 52 %.
    assert sum(seen[one] for one in PRODUCTS[:40]) / sum(seen.values()) == pytest.approx(0.52, abs=0.03)
    assert seen[PRODUCTS[0]] > 2 * seen[PRODUCTS[9]]


def test_a_shop_with_fewer_pairs_than_wanted_is_asked_about_all_the_same():
    pages = draw_pages(["7"], ["1"], different=100)

    assert {(ask.get("product")) for ask in pages.known} == {None, "1"}


def test_the_same_pages_are_asked_each_time_and_strangers_in_turn_with_customers():
    pages = draw_pages(CUSTOMERS, PRODUCTS, different=400)

    mixed = pages.mixed()

    assert draw_pages(CUSTOMERS, PRODUCTS, different=400) == pages
    assert ["logged_in_customer_id" in ask for ask in mixed[:6]] == [True, False] * 3


ANSWER = b'{"decision": "1", "version": 3, "fallback": null, "items": [{"product_id": 1}]}'


@pytest.mark.parametrize(
    ("case", "head", "body", "kind"),
    [
        ("a model, anew", b"HTTP/1.1 200 OK\r\nContent-Length: 9", ANSWER, "model"),
        ("a former answer", b"HTTP/1.1 200 OK\r\nCache-Status: tailorbird; hit; ttl=3", ANSWER, "cached"),
        ("looked for, not found", b"HTTP/1.1 200 OK\r\nCache-Status: tailorbird; fwd=miss", ANSWER, "model"),
        ("what stands in", b"", ANSWER.replace(b"null", b'"standby_late"'), "fallback"),
        ("no version at all", b"", ANSWER.replace(b"3", b"null"), "fallback"),
        ("an empty list", b"", b'{"items": []}', "empty"),
        ("written without spaces", b"", ANSWER.replace(b": ", b":"), "model"),
    ],
)
def test_an_answer_tells_what_gave_it(case, head, body, kind):
    assert kind_of(head, body) == kind, case


# The made-up shop


def test_each_product_of_a_made_up_shop_has_sold_and_few_sell_most():
    lines = list(shop.order_lines(500))

    sold = Counter(line[1] for line in lines)

    assert len(sold) == 500
    assert sum(count for _, count in sold.most_common(50)) > len(lines) / 4
    assert lines == list(shop.order_lines(500))


def test_the_ids_of_a_files_customers_are_those_of_the_local_shopify(tmp_path):
    plain = shop.write_orders(tmp_path / "orders.csv", products=50)
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(b"InvoiceNo,CustomerID\n1,17850.0\n2,\n3,17850\n"))
    first = re.search(r"customers: ([\d_]+)", (ROOT / "devstore/store.mjs").read_text())

    assert shop.customers_of(packed) == [str(int(first[1].replace("_", "")) + 17_850)]
    assert len(shop.customers_of(plain)) > 10


# What it costs


def test_an_answer_costs_its_processor_time_and_its_row_for_as_long_as_it_is_kept():
    prices = costs.Prices("2026-11", "a test", 0.036, 0.1, used_share_of_vcpu=0.5, ledger_days=90)

    # 2 ms at 0.036 USD an hour, half used: 4e-8. 500 bytes for three months: 1.5e-7.
    assert prices.of_answer(cpu_ms=2.0, ledger_bytes=500) == pytest.approx(4e-8 + 1.5e-7)


def test_the_file_of_prices_says_whose_and_of_when_they_are():
    prices = costs.Prices.read()

    assert prices.as_of
    assert prices.stands_for
    assert 0 < prices.used_share_of_vcpu <= 1


def test_processor_time_counts_processes_that_began_meanwhile():
    assert costs.between({1: 2.0, 2: 5.0}, {1: 2.5, 3: 0.25}) == 750.0


def test_each_message_to_postgresql_counts_once(tmp_path):
    log = tmp_path / "postgres.log"
    before = b"2026-11-30 LOG:  statement: SELECT 0\n"
    told = (
        b"2026-11-30 LOG:  statement: INSERT INTO audit_content; EXECUTE decide_0(1)\n"
        b"2026-11-30 DETAIL:  prepare: PREPARE decide_0 AS INSERT\n"
        b"\tINSERT INTO audit_decision\n"
        b"2026-11-30 LOG:  execute <unnamed>: SELECT 1\n"
    )
    log.write_bytes(before + told)

    assert costs.count_statements(log, len(before)) == 2


def test_legs_of_one_side_are_one_measurement():
    legs = Legs(
        [
            Leg(figures([1.0] * 100, per_second=50, model=90, fallback=10), cpu_ms=150, ledger_bytes=4_000),
            Leg(figures([9.0] * 300, per_second=300, model=200, cached=100), cpu_ms=250),
        ]
    )

    # 400 answers in 2 + 1 seconds.
    assert legs.per_second() == pytest.approx(400 / 3)
    assert legs.per_second("model") == pytest.approx(290 / 3)
    assert (legs.cpu_ms, legs.ledger_bytes) == (1.0, 10.0)
    assert legs.percentile_ms(0.5) == 9.0
    assert legs.kinds == {"model": 290, "cached": 100, "fallback": 10}


def test_a_past_survives_the_cache():
    kept = write_past(np.array([5, 9]), np.array([10, 20]), np.array([0, 2], np.int8))

    found = read_past(kept)

    assert [column.tolist() for column in (found.items, found.at, found.events)] == [[5, 9], [10, 20], [0, 2]]
    assert len(read_past(None).items) == 0


# How it grows


@pytest.mark.parametrize(
    ("case", "found", "power"),
    [
        ("in proportion", {10: 1.0, 100: 10.0, 1_000: 100.0}, 1.0),
        ("with the root", {1: 3.0, 100: 30.0}, 0.5),
        ("not at all", {1: 2.0, 20: 2.0}, 0.0),
        ("nothing has no logarithm", {0: 1.0, 50: 1.0, 500: 10.0}, 1.0),
        ("one size tells nothing", {0: 1.0, 50: 1.0}, None),
    ],
)
def test_the_exponent_of_a_growth(case, found, power):
    assert growth.exponent(found) == power, case


@pytest.mark.parametrize(
    ("name", "array", "becomes"),
    [
        ("items.ids.npy", [3, 8], [3, 8, 9, 10, 11]),
        ("item_knn.starts.npy", [0, 2, 6], [0, 2, 6, 6, 6, 6]),
        ("popularity.scores.npy", [0.5, 0.1], [0.5, 0.1, 0.5, 0.1, 0.5]),
        ("blend.linear.npy", [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_what_is_as_long_as_the_catalogue_grows_with_it(name, array, becomes):
    assert growth.widened(name, np.array(array), known=2, wanted=5).tolist() == becomes

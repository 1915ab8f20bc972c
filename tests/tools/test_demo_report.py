import json
from dataclasses import replace

import pytest

from tools.demo import report
from tools.demo.job import by_id, is_uuid
from tools.demo.traffic import Answer, Visit

COUNTS = {"orders": 6, "order_lines": 11, "products": 3, "customers": 2, "guest_orders": 1}
A_STORE = {
    "seeded": {"orders": 5, "order_lines": 9, "refunded_lines": 2, "rejected_rows": {"no_price": 4}},
    "shops": [
        {"domain": "another.myshopify.com", "counts": {"orders": 0, "order_lines": 0}},
        {"domain": "willow.myshopify.com", "counts": {"orders": 6, "order_lines": 11}},
    ],
}


def an_answer(milliseconds=5.0, *, status=200, fallback=None, items=1):
    body = {"decision": "d", "version": 1, "fallback": fallback, "items": [{"product_id": 1}] * items}
    return Answer(
        Visit("/apps/tailorbird/recommendations?surface=home"),
        status,
        json.dumps(body).encode(),
        milliseconds,
    )


def a_version(**changes):
    row = {"recall_at_10": 0.1, "is_served": False, "is_transformer": False}
    return {
        "number": 3,
        "train_seconds": 61.26,
        "served": "blend",
        "metrics": [
            row | {"model": "popularity", "ndcg_at_10": 0.062},
            row | {"model": "transformer", "ndcg_at_10": 0.28123, "is_transformer": True},
            row | {"model": "personal_frequency", "ndcg_at_10": 0.30941},
            row | {"model": "blend", "ndcg_at_10": 0.33216, "is_served": True},
        ],
    } | changes


def test_served_figures_come_from_the_answers():
    answers = [
        an_answer(float(number), fallback="model_short" if number > 98 else None) for number in range(1, 101)
    ]

    assert report.served(answers) == report.Served(
        requests=100, p50_ms=50.0, p99_ms=99.0, reasons={"model_short": 2}
    )


def test_fallbacks_are_told_by_why_the_model_was_not_heard():
    whys = ["late", "new_product", None, "new_product"]

    found = report.served([an_answer(fallback=why) for why in whys])

    assert (found.fallbacks, found.fallback_words()) == (3, "3 fallbacks (new product 2, late 1)")
    assert report.served([an_answer()]).fallback_words() == "0 fallbacks"


def test_only_where_nothing_else_is_for_sale_an_answer_may_be_empty():
    body = b'{"decision": null, "items": []}'
    alone = Answer(Visit("/x?surface=product&product=1", may_be_empty=True), 200, body, 3.0)

    assert report.served([alone]) == report.Served(requests=1, p50_ms=3.0, p99_ms=3.0, reasons={})
    with pytest.raises(ValueError, match="recommended nothing"):
        report.served([Answer(Visit("/x?surface=product&product=1"), 200, body, 3.0)])


def test_nothing_asked_is_nothing_measured():
    assert report.served([]) == report.Served(requests=0, p50_ms=None, p99_ms=None, reasons={})


@pytest.mark.parametrize(("case", "answer"), [
    ("refused", an_answer(status=401)),
    ("no answer at all", Answer(Visit("/x"), 0, b"", 1.0)),
    ("an empty carousel", an_answer(items=0)),
])  # fmt: skip
def test_one_answer_that_is_no_recommendation_spoils_the_run(case, answer):
    with pytest.raises(ValueError, match=r"answered|recommended nothing"):
        report.served([an_answer(), answer])


def test_what_is_served_is_held_against_the_best_of_the_simple_ones():
    assert report.model(a_version()) == report.Model(
        version=3,
        served="blend",
        ndcg_at_10=0.3322,
        baseline="personal_frequency",
        baseline_ndcg_at_10=0.3094,
        train_seconds=61.3,
    )


def test_figures_that_were_not_measured_are_null():
    rows = [row | {"ndcg_at_10": None} for row in a_version()["metrics"]]

    assert report.model(a_version(metrics=rows, train_seconds=None)) == report.Model(
        version=3,
        served="blend",
        ndcg_at_10=None,
        baseline=None,
        baseline_ndcg_at_10=None,
        train_seconds=None,
    )
    assert report.model(a_version(metrics=[])).served is None


def test_a_simple_model_that_was_not_measured_is_no_baseline():
    rows = [
        row | {"ndcg_at_10": None if row["model"] == "personal_frequency" else row["ndcg_at_10"]}
        for row in a_version()["metrics"]
    ]

    assert report.model(a_version(metrics=rows)).baseline == "popularity"


def test_what_this_and_earlier_demos_bought_is_no_line_of_the_file():
    later = {
        "seeded": A_STORE["seeded"],
        "shops": [{"domain": "a", "counts": {"orders": 8, "order_lines": 14}}],
    }

    found = report.filled({"orders": 8, "order_lines": 14, "products": 3, "customers": 2}, later, "a")

    assert (found.orders, found.order_lines) == (5, 9)


def earned(currency, revenue):
    return {"currency": currency, "direct": {"revenue": revenue}, "view_through": {"revenue": "99.00"}}


RESULTS = {
    "currency": "GBP",
    "counts": {"impressions": 8, "clicks": 1, "adds": 1},
    "currencies": [earned("EUR", "3.00"), earned("GBP", "12.5000")],
}


def a_report() -> report.Report:
    return report.Report(
        filled=report.filled(COUNTS, A_STORE, "willow.myshopify.com"),
        model=report.model(a_version()),
        served=report.served([an_answer(7.04)]),
        results=report.results(RESULTS),
        carousel_items=8,
        decisions_logged=401,
        seconds=12.345,
    )


def test_without_events_and_orders_nothing_was_seen_or_earned():
    found = report.results({"currency": "GBP", "counts": None, "currencies": []})

    assert found == report.Results(seen=0, clicks=0, adds=0, earned="0.00", currency="GBP")


def test_the_last_line_has_exactly_the_keys_that_were_promised():
    line = a_report().line()

    assert "\n" not in line
    assert json.loads(line) == {
        "orders": 5,
        "order_lines": 9,
        "products": 3,
        "customers": 2,
        "refunded_lines": 2,
        "rejected_rows": {"no_price": 4},
        "model": {
            "version": 3,
            "ndcg@10": 0.3322,
            "baseline": "personal_frequency",
            "baseline_ndcg@10": 0.3094,
            "train_seconds": 61.3,
        },
        "served": {"requests": 1, "p50_ms": 7.0, "p99_ms": 7.0, "fallbacks": 0},
        "results": {"seen": 8, "clicks": 1, "adds": 1, "earned": "12.50", "currency": "GBP"},
        "rollout": None,
        "carousel_items": 8,
        "decisions_logged": 401,
        "seconds": 12.3,
    }


def test_steps_are_found_by_their_id():
    setup = {"steps": [{"id": "install", "detail": "here"}, {"id": "train", "detail": "epoch 2"}]}

    assert by_id(setup)["train"]["detail"] == "epoch 2"


def test_only_a_uuid_is_a_decision():
    assert is_uuid("0198c0de-0000-7000-8000-000000000001")
    assert not is_uuid("")
    assert not is_uuid("popular")


def test_what_did_not_hold_in_the_second_act_stands_beside_the_figures_of_the_first():
    first = a_report()

    line = json.loads(replace(first, failure="Shoppers make the rollout move: it stalled").line())

    assert line == json.loads(first.line()) | {"failure": "Shoppers make the rollout move: it stalled"}

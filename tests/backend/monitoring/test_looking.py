"""Looks at real rows: what each finds, and what it says where there are too few."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from backend.audit.values import Channel
from backend.monitoring import queries, services
from backend.monitoring.services import drifting, looking
from backend.monitoring.values import Count, Finding, Kind, Span, TriggerPolicy, Verdict
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.shops.models import Shop
from backend.training import queries as training
from backend.training.values import Reason
from tests.backend.history import NOW, a_shop
from tests.backend.monitoring.facts import Placed, buy, credit, key, show
from tests.backend.registry.versions import a_gate, a_live_version, a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

DAY = timedelta(days=1)
# NOW is a Saturday; the last whole weeks began on the 2nd and the 9th of November.
BEFORE, LATEST = datetime(2026, 11, 4, 12, tzinfo=UTC), datetime(2026, 11, 11, 12, tzinfo=UTC)


@pytest.fixture
def shop() -> Shop:
    return a_shop()


# Conversion


def weeks(shop: Shop, *, before: tuple[int, int], latest: tuple[int, int]) -> None:
    """Show recommendations to visitors of two weeks, some of whom buy."""
    for at, (bought, seen) in ((BEFORE, before), (LATEST, latest)):
        shown = show(shop, [key(number) for number in range(seen)], at)
        credit(shop, shown[:bought])


@pytest.mark.parametrize(
    ("before", "latest", "verdict", "words"),
    [
        ((200, 2_000), (100, 2_000), Verdict.FIRED, "Fallen under its bar. 5.0% of 2,000 visitors bought"),
        ((100, 2_000), (200, 2_000), Verdict.QUIET, "Above its bar. 10.0% of 2,000 visitors bought"),
        ((100, 2_000), (95, 2_000), Verdict.NOT_ENOUGH_DATA, "Not enough data to tell a fall from chance."),
        ((100, 2_000), (0, 2_000), Verdict.FIRED, "Fallen under its bar. 0.0% of 2,000 visitors bought"),
        ((9, 2_000), (1, 2_000), Verdict.NOT_ENOUGH_DATA, "Not enough data: too few to compare."),
        ((0, 0), (0, 0), Verdict.NOT_ENOUGH_DATA, "Not enough data: too few to compare."),
    ],
)
def test_conversion_of_the_last_two_whole_weeks(
    shop: Shop,
    artifact: Path,
    before: tuple[int, int],
    latest: tuple[int, int],
    verdict: Verdict,
    words: str,
) -> None:
    live = a_live_version(shop, artifact)
    weeks(shop, before=before, latest=latest)

    finding = looking.conversion(live, NOW)

    assert (finding.verdict, finding.subject) == (verdict, "week of 2026-11-09")
    assert finding.words.startswith(words)
    assert finding.evidence["now"] == {"hits": latest[0], "of": latest[1]}
    assert finding.evidence["weeks"] == ["2026-11-02", "2026-11-09"]


def test_looking_each_day_of_a_week_looks_at_the_same_two_weeks(shop: Shop, artifact: Path) -> None:
    live = a_live_version(shop, artifact)
    monday = datetime(2026, 11, 16, 2, 47, tzinfo=UTC)

    subjects = [looking.conversion(live, monday + day * DAY).subject for day in range(8)]

    # On Monday the last visitors of the week before still have their day to buy.
    assert subjects == ["week of 2026-11-02"] + ["week of 2026-11-09"] * 7


def test_a_visitor_counts_once_and_only_a_purchase_within_a_day_counts(shop: Shop) -> None:
    span = Span(LATEST - DAY, LATEST + DAY)
    twice = show(shop, [key(1)], LATEST) + show(shop, [key(1)], LATEST + timedelta(hours=1))
    late, none = show(shop, [key(2)], LATEST), show(shop, [key(3)], LATEST)
    ahead = show(shop, [key(4)], LATEST, channel=Channel.METAFIELD)
    credit(shop, [*twice, *ahead])
    credit(shop, late, after=timedelta(hours=25))

    assert none
    assert queries.converted(shop.id, span) == Count(1, 3)
    assert queries.converted(a_shop("other.myshopify.com").id, span) == Count(0, 0)


# Accuracy


def an_old_version(shop: Shop, artifact: Path, *, days: int) -> Version:
    return a_live_version(shop, artifact, data_until=NOW - days * DAY)


def come_back(shop: Shop, live: Version, *, hits: int, of: int, at: datetime, first: int = 0) -> None:
    """Let customers with one earlier purchase come back; some buy what the version would have shown."""
    scorer = registry.open_scorer(live.artifact, manifest_sha256=live.manifest_sha256)
    best = scorer.score((100,), k=10)[0].item
    orders: list[Placed] = []
    for number in range(first, first + of):
        orders.append((key(number), NOW - 90 * DAY, [100]))
        orders.append((key(number), at, [best if number < first + hits else 999]))
    buy(shop, orders)


@pytest.mark.parametrize(
    ("newest", "verdict", "words"),
    [
        ((60, 150), Verdict.FIRED, "Fallen under its bar. Of 150 customers 40.0% bought one of ten"),
        ((148, 150), Verdict.QUIET, "Above its bar. Of 150 customers 98.7% bought one of ten"),
        ((115, 150), Verdict.NOT_ENOUGH_DATA, "Not enough data to tell a fall from chance."),
        ((10, 99), Verdict.NOT_ENOUGH_DATA, "Not enough data: too few to compare."),
    ],
)
def test_accuracy_is_the_newest_weeks_hit_rate_as_a_share_of_the_first_weeks(
    shop: Shop, artifact: Path, newest: tuple[int, int], verdict: Verdict, words: str
) -> None:
    live = an_old_version(shop, artifact, days=30)
    come_back(shop, live, hits=140, of=150, at=NOW - 25 * DAY)
    come_back(shop, live, hits=newest[0], of=newest[1], at=NOW - 2 * DAY, first=1_000)

    finding = looking.accuracy(live, NOW)

    assert finding.verdict is verdict
    assert finding.words.startswith(words)
    assert finding.evidence["before"] == {"hits": 140, "of": 150}
    assert finding.evidence["now"] == {"hits": newest[0], "of": newest[1]}
    assert finding.evidence["definition"].startswith("Hit rate at 10: of the customers")
    assert finding.subject == "version 1, week 2026-47"


def test_a_merchant_may_ask_for_another_accuracy(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=30)
    come_back(shop, live, hits=140, of=150, at=NOW - 25 * DAY)
    come_back(shop, live, hits=100, of=150, at=NOW - 2 * DAY, first=1_000)
    wanted = TriggerPolicy(min_accuracy_percent=50.0)
    services.set_trigger_policy(shop.id, wanted, now=NOW, actor="user 7")

    assert looking.accuracy(live, NOW).verdict is Verdict.QUIET


def test_a_version_younger_than_two_weeks_has_no_accuracy_yet(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=13)

    finding = looking.accuracy(live, NOW)

    assert finding.verdict is Verdict.NOT_ENOUGH_DATA
    assert finding.words == "Version 1 is too young: two weeks of orders are needed, until 22 November."


def test_a_customers_history_ends_where_the_week_begins(shop: Shop) -> None:
    span = Span(NOW - 7 * DAY, NOW)
    buy(
        shop,
        [
            (key(1), NOW - 30 * DAY, [5]),
            (key(1), NOW - 20 * DAY, [4]),
            (key(1), NOW - 3 * DAY, [3, 2]),
            (key(2), NOW - 3 * DAY, [3]),  # new: there was nothing to go by
            (None, NOW - 3 * DAY, [3]),  # a guest
            (key(3), NOW - 30 * DAY, [3]),  # did not come back
        ],
    )

    [case] = queries.cases(shop.id, span)

    moments = tuple(round((NOW - days * DAY).timestamp() * 1_000_000) for days in (30, 20))
    assert (case.history, case.at, case.bought) == ((5, 4), moments, frozenset({2, 3}))
    assert queries.cases(a_shop("other.myshopify.com").id, span) == []


# Drift


def orders_of(days: range, *, products: range, a_day: int = 100, customers: int = 300) -> list[Placed]:
    """Return orders of the days before now, each of one product by chance."""
    chance = np.random.default_rng(days.start * 1_000 + products.start)
    return [
        (
            key(int(chance.integers(customers))),
            NOW - ago * DAY + timedelta(minutes=int(chance.integers(1_440))),
            [int(chance.choice(products))],
        )
        for ago in days
        for _ in range(a_day)
    ]


def changes(live: Version) -> Finding:
    return drifting.changes(live, NOW)


def test_a_shop_that_sells_as_before_is_quiet_where_it_can_be_told(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=16)
    buy(shop, orders_of(range(1, 80), products=range(100, 140)))

    finding = changes(live)

    # No answer was served, so nothing can be said of scores: that part keeps the whole open.
    assert finding.verdict is Verdict.NOT_ENOUGH_DATA
    assert finding.words.startswith(
        "No change in items, customers since version 1 learned. Too few to tell: scores"
    )
    [items] = finding.evidence["parts"]["items"]
    assert (items["rows"], items["windows_drifted"]) == ([500, 500, 500], 0)
    assert finding.evidence["parts"]["scores on the home page"] == "insufficient"


def test_new_products_that_sell_are_drift(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=16)
    buy(shop, orders_of(range(17, 80), products=range(100, 140)))
    buy(shop, orders_of(range(1, 17), products=range(130, 170)))

    finding = changes(live)

    assert finding.verdict is Verdict.FIRED
    assert finding.words.startswith("Changed since version 1 learned: items sold.")
    assert finding.subject == "version 1"


def test_customers_who_come_more_often_are_drift(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=16)
    buy(shop, orders_of(range(17, 80), products=range(100, 140), customers=3_000))
    buy(shop, orders_of(range(1, 17), products=range(100, 140), customers=150))

    finding = changes(live)

    assert finding.verdict is Verdict.FIRED
    assert "orders in 28 days" in finding.words


def test_a_young_shops_customers_do_not_drift_by_growing_older(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=16)
    buy(shop, orders_of(range(1, 40), products=range(100, 140)))

    finding = changes(live)

    assert finding.evidence["parts"]["customers"] == "insufficient"
    assert finding.evidence["parts"]["items"] != "insufficient"


def test_scores_of_the_live_version_that_fall_are_drift(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=10)
    chance = np.random.default_rng(7)
    visitors = [key(number) for number in range(600)]
    for ago in range(1, 10):
        scores = chance.normal(1.0 if ago > 3 else 0.7, 0.2, size=600).tolist()
        show(shop, visitors, NOW - ago * DAY, version_id=live.id, scores=scores)

    finding = changes(live)

    assert finding.verdict is Verdict.FIRED
    assert "first score on the product page" in finding.words
    [scores] = finding.evidence["parts"]["scores on the product page"]
    assert (scores["rows"], scores["windows_drifted"]) == ([600, 600, 600], 3)


def test_one_busy_visitor_is_one_row_of_scores(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=10)
    for ago in range(1, 10):
        show(shop, [key(1)] * 600, NOW - ago * DAY, version_id=live.id, scores=[0.1, 0.9] * 300)

    assert changes(live).evidence["parts"]["scores on the product page"] == "insufficient"


def test_data_that_a_held_version_learned_is_no_news(shop: Shop, artifact: Path) -> None:
    live = an_old_version(shop, artifact, days=60)
    a_version(shop, artifact, gate=a_gate(live), data_until=NOW - DAY)
    buy(shop, orders_of(range(17, 80), products=range(100, 140)))
    buy(shop, orders_of(range(1, 17), products=range(130, 170)))

    finding = changes(live)

    assert (finding.verdict, finding.subject) == (Verdict.NOT_ENOUGH_DATA, "version 2")


# All together


def test_a_look_that_finds_a_reason_asks_for_a_training(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact)
    weeks(shop, before=(200, 2_000), latest=(100, 2_000))

    row = services.watch(shop.id, Kind.CONVERSION, now=NOW)

    run = training.find_live_run(shop.id)
    assert row is not None
    assert run is not None
    assert (row.verdict, row.run_id, run.reason) == (Verdict.FIRED, run.id, Reason.CONVERSION)


@pytest.mark.parametrize("kind", [Kind.CONVERSION, Kind.METRIC, Kind.DRIFT, Kind.UNREADABLE])
def test_a_shop_without_a_live_version_is_not_looked_at(shop: Shop, kind: Kind) -> None:
    assert services.watch(shop.id, kind, now=NOW) is None
    assert queries.triggers(shop.id) == []


@pytest.mark.parametrize("kind", [Kind.CONVERSION, Kind.METRIC, Kind.DRIFT])
def test_an_empty_shop_has_not_enough_data(shop: Shop, artifact: Path, kind: Kind) -> None:
    an_old_version(shop, artifact, days=30)

    row = services.watch(shop.id, kind, now=NOW)

    assert row is not None
    assert row.verdict is Verdict.NOT_ENOUGH_DATA

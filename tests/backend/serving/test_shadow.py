"""What a candidate would have answered: real answers, read back from the ledger and made again."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from backend.audit import queries as audit
from backend.audit import services as writing
from backend.audit.values import Event
from backend.catalog.models import Product
from backend.core import clock
from backend.core.ids import uuid7
from backend.features import services as features
from backend.registry.values import Version
from backend.rollouts import models
from backend.rollouts import services as rollout_services
from backend.rollouts.queries import forget_cached, get_rollout
from backend.rollouts.queries import shadow as shadows
from backend.rollouts.rules import pooling
from backend.rollouts.values import Rollout, RolloutPlan, RolloutState, Verdict
from backend.rollouts.values.shadow import ShadowSums
from backend.serving import gateway, queries
from backend.serving.services import PageLister, ShadowScorer, listing, shadowing
from backend.serving.values import Opinion
from backend.shops import services as shops
from backend.shops.models import Shop
from models.recommender.serving.artifact import file_sha256
from tests.backend.history import an_order
from tests.backend.registry.versions import a_version
from tests.backend.rollouts.rollouts import judge_as_listed
from tests.backend.rollouts.shadows import a_shadow, end
from tests.backend.serving.storefront import GRANTED, ask, recorded

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

CUSTOMER = 6_100_200_300


def an_artifact(artifact: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Return a copy of an artifact whose popularity is another one."""
    other = Path(shutil.copytree(artifact, artifact.with_name(name)))
    scores = other / "popularity.scores.npy"
    np.save(scores, change(np.load(scores)))
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["files"][scores.name] = file_sha256(scores)
    (other / "manifest.json").write_text(json.dumps(manifest))
    return other


@pytest.fixture
def twin(shop: Shop, artifact: Path, live: Version) -> Version:
    """A candidate that says what the champion says."""
    return a_version(shop, an_artifact(artifact, "twin", lambda scores: scores))


@pytest.fixture
def reversed_twin(shop: Shop, artifact: Path, live: Version) -> Version:
    """A candidate for which the least popular product is the most popular one."""
    return a_version(shop, an_artifact(artifact, "reversed", lambda scores: scores[::-1].copy()))


@pytest.fixture
def poisoned(shop: Shop, artifact: Path, live: Version) -> Version:
    """A candidate whose scores are no numbers."""
    return a_version(shop, an_artifact(artifact, "poisoned", lambda scores: np.full_like(scores, np.nan)))


@pytest.fixture
def scorer() -> Any:
    made = ShadowScorer(clock.now, champion_every=1, spread=0.0)
    yield made
    made.models._loaders.shutdown(wait=True)


def open_shadow(shop: Shop, version: Version, **plan: Any) -> Rollout:
    rollout = a_shadow(shop, version, now=clock.now(), **plan)
    forget_cached()
    return rollout


def sums_of(rollout: Rollout) -> ShadowSums:
    readings = shadows.shadow_readings(rollout.shop_id, rollout.id)
    return pooling.pool(one.sums for one in readings)


def later(scorer: ShadowScorer, **span: float) -> None:
    """Let the shadow's clock be ahead."""
    scorer.clock = lambda: clock.now() + timedelta(**span)


# Comparing


def test_a_twin_would_have_shown_the_same(shop: Shop, twin: Version, scorer: ShadowScorer) -> None:
    rollout = open_shadow(shop, twin)
    asked: list[dict[str, Any]] = [
        {},
        {"surface": "product", "product": 110},
        {"visitor": "0192f0a1-0000-7000-8000-0000000000aa", "recent": "112,104", "cart": "105"},
    ]
    for parameters in asked:
        ask(consent=GRANTED, **parameters)

    scorer.look()

    found = shadows.shadow_figures(shop.id, rollout.id)
    assert (found.sums.drawn, found.sums.compared, found.sums.same) == (3, 3, 3)
    assert found.overlap == found.alike == pytest.approx(1.0)
    assert found.champion_products == found.candidate_products > 0
    assert (found.champion_unavailable, found.candidate_unavailable) == (0.0, 0.0)
    assert sum(found.sums.champion.latency) == sum(found.sums.candidate.latency) == 3
    assert found.scored_share == 1.0


def test_the_decisions_of_a_look_are_spread_over_a_part_of_the_time_between_two(
    shop: Shop, twin: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(shadowing, "time", Mock(monotonic=lambda: 0.0, perf_counter=time.perf_counter))
    monkeypatch.setattr(shadowing.time, "sleep", rests.append)
    rollout = open_shadow(shop, twin)
    for _ in range(4):
        ask(consent=GRANTED)

    paced = ShadowScorer(clock.now, spread=2.0)
    paced.look()
    paced.models._loaders.shutdown(wait=True)

    assert sums_of(rollout).compared == 4
    assert rests == [0.5] * 4


def test_the_champion_is_asked_now_and_then_and_latencies_are_of_what_both_were_asked(
    shop: Shop, twin: Version, scorer: ShadowScorer
) -> None:
    scorer.champion_every = 2
    rollout = open_shadow(shop, twin)
    for _ in range(24):
        ask(consent=GRANTED)

    scorer.look()

    sums = sums_of(rollout)
    assert (sums.compared, sums.candidate.asked) == (24, 24)
    assert 0 < sums.champion.asked < 24
    assert sum(sums.champion.latency) == sum(sums.candidate.latency) == sums.champion.asked


@pytest.mark.parametrize(("has_champion", "verdict"), [(True, Verdict.FAILED), (False, Verdict.NOT_ENOUGH)])
def test_the_champion_is_always_asked_where_the_candidate_knows_nothing(
    shop: Shop,
    twin: Version,
    scorer: ShadowScorer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_champion: bool,
    verdict: Verdict,
) -> None:
    scorer.champion_every = 1 << 20
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    candidate, well = scorer.models.get(shadows.shadows()[0].candidate), gateway.opine

    def opine(asked_of: Any, asked: Any) -> Any:
        return well(asked_of, asked) if has_champion and asked_of is not candidate else Opinion(())

    monkeypatch.setattr(shadowing, "opine", opine)

    scorer.look()

    assert sums_of(rollout).champion.asked == 1
    assert shadows.judge_shadow(rollout).verdict is verdict


def test_another_model_shows_how_far_it_is(shop: Shop, reversed_twin: Version, scorer: ShadowScorer) -> None:
    rollout = open_shadow(shop, reversed_twin)
    ask(consent=GRANTED)

    scorer.look()

    found = shadows.shadow_figures(shop.id, rollout.id)
    assert found.sums.compared == 1
    assert found.overlap is not None
    assert found.overlap < 0.5
    assert shadows.judge_shadow(rollout).verdict is Verdict.NOT_ENOUGH


def test_nothing_counts_twice(shop: Shop, twin: Version, scorer: ShadowScorer) -> None:
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    another = ShadowScorer(clock.now, spread=0.0)
    another._begin(shadows.shadows()[0])

    scorer.look()
    another.look()
    scorer.look()
    later(scorer, seconds=6)
    scorer.look()
    restarted = ShadowScorer(clock.now, spread=0.0)
    restarted.look()

    assert sums_of(rollout).compared == sums_of(rollout).drawn == 1
    for one in (another, restarted):
        one.models._loaders.shutdown(wait=True)


def test_a_decision_that_is_committed_late_is_compared(
    shop: Shop, twin: Version, scorer: ShadowScorer
) -> None:
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    early = scorer._begin(shadows.shadows()[0])
    # As if a look had come by between the moment of the decision and its commit.
    early.until = clock.now() + timedelta(milliseconds=2)
    models.ShadowCursor.objects.for_shop(shop.id).create(
        rollout=models.Rollout.objects.for_shop(shop.id).get(), until=early.until, looked_at=early.until
    )

    later(scorer, seconds=3)
    scorer.look()

    assert sums_of(rollout).compared == 1


def test_what_is_older_than_a_minute_is_counted_and_left(
    shop: Shop, twin: Version, scorer: ShadowScorer
) -> None:
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    ask(consent=GRANTED)

    later(scorer, seconds=90)
    scorer.look()

    sums = sums_of(rollout)
    assert (sums.drawn, sums.dropped, sums.compared) == (2, 2, 0)
    assert shadows.shadow_figures(shop.id, rollout.id).scored_share == 0.0


def test_a_process_that_was_away_for_hours_counts_them_hour_by_hour(
    shop: Shop, twin: Version, scorer: ShadowScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    spans: list[timedelta] = []
    count = audit.count_drawn

    def count_drawn(share: Any, *, since: Any, until: Any) -> int:
        spans.append(until - since)
        return count(share, since=since, until=until)

    monkeypatch.setattr(shadowing.audit, "count_drawn", count_drawn)
    later(scorer, seconds=3 * 3600 + 120)

    behind = [scorer.look() for _ in range(4)]

    assert behind == [True, True, True, False]
    assert max(spans) == timedelta(hours=1)
    assert (sums_of(rollout).drawn, sums_of(rollout).dropped) == (1, 1)


def test_a_shop_that_is_erased_meanwhile_ends_no_other_shadow(
    shop: Shop, twin: Version, scorer: ShadowScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    [known] = shadows.shadows()
    monkeypatch.setattr(shadows, "shadows", lambda: [replace(known, rollout_id=uuid7()), known])
    # However slow the machine is, the other shop has its turn.
    monkeypatch.setattr(listing, "SLICE_SECONDS", 60.0)

    scorer.look()
    pages = PageLister(scorer)
    for _ in range(10):
        pages.look()

    assert sums_of(rollout).compared == 1
    assert shadows.diff_summary(shop.id, rollout.id).is_complete


def test_an_erased_visitor_is_skipped_and_counted(shop: Shop, twin: Version, scorer: ShadowScorer) -> None:
    rollout = open_shadow(shop, twin)
    order = an_order(shop, [101, 102], customer_key=shops.pseudonym(shop.id, CUSTOMER))
    features.extend(shop.id, order.order_id)
    ask(consent=GRANTED, logged_in_customer_id=CUSTOMER)
    writing.forget_visitor(shop.id, shops.pseudonym(shop.id, CUSTOMER), act=uuid7())

    scorer.look()

    sums = sums_of(rollout)
    assert (sums.drawn, sums.erased, sums.compared) == (1, 1, 0)


def test_only_what_the_champion_answered_is_compared(shop: Shop, twin: Version, scorer: ShadowScorer) -> None:
    rollout_services.set_holdout(shop.id, 10, now=clock.now(), actor="user 1")
    rollout = open_shadow(shop, twin)
    visitors = [f"0192f0a1-0000-7000-8000-{number:012x}" for number in range(40)]
    for visitor in visitors:
        ask(consent=GRANTED, visitor=visitor)
    arms = [one.arm for one in recorded(shop.id)]

    scorer.look()

    assert 0 < arms.count("holdout") < 40
    assert sums_of(rollout).drawn == 40 - arms.count("holdout")


def test_what_sold_out_since_the_training_is_counted(shop: Shop, twin: Version, scorer: ShadowScorer) -> None:
    rollout = open_shadow(shop, twin)
    shown = [item["product_id"] for item in ask(consent=GRANTED).json()["items"]]
    Product.objects.for_shop(shop.id).filter(product_id__in=shown[:4]).update(available=False)
    queries.forget_cached()
    ask(consent=GRANTED)

    scorer.look()

    candidate = sums_of(rollout).candidate
    assert candidate.unavailable == 4
    assert candidate.places == 2 * len(shown)


# Harm


def test_a_poisoned_model_is_convicted_at_the_first_request(
    shop: Shop, poisoned: Version, scorer: ShadowScorer
) -> None:
    rollout = open_shadow(shop, poisoned)
    ask(consent=GRANTED)

    scorer.look()

    assert shadows.judge_shadow(rollout).verdict is Verdict.FAILED


def test_damaged_files_are_convicted_and_start_no_training(
    shop: Shop, twin: Version, scorer: ShadowScorer, artifact_root: Path, enqueued: Any
) -> None:
    rollout = open_shadow(shop, twin)
    next((artifact_root / twin.artifact).glob("popularity*.npy")).write_bytes(b"damaged")
    ask(consent=GRANTED)
    enqueued.clear()

    scorer.look()

    judged = shadows.judge_shadow(rollout)
    assert judged.verdict is Verdict.FAILED
    assert "could not be opened" in judged.words
    assert enqueued.names == []
    assert audit.events(shop.id, event=Event.ARTIFACT_REFUSED) == []


def test_a_model_that_raises_is_counted_and_the_next_request_is_compared(
    shop: Shop, twin: Version, scorer: ShadowScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = open_shadow(shop, twin)
    ask(consent=GRANTED)
    ask(consent=GRANTED)
    sick, well = iter([True, False]), gateway.opine
    candidate = scorer.models.get(shadows.shadows()[0].candidate)

    def opine(asked_of: Any, asked: Any) -> Any:
        if asked_of is candidate and next(sick):
            raise ZeroDivisionError
        return well(asked_of, asked)

    monkeypatch.setattr(shadowing, "opine", opine)

    scorer.look()

    sums = sums_of(rollout)
    assert (sums.candidate.asked, sums.candidate.failed, sums.champion.failed) == (2, 1, 0)
    assert sums.compared == 2


@pytest.mark.parametrize(
    ("asked", "known", "empty"),
    [
        ({"exclude": "110"}, 110, 0),  # the request itself leaves out all that it has
        ({"cart": "110"}, 110, 0),
        ({}, 111, 1),  # which the shop can't show
        ({"exclude": "111"}, 111, 1),
    ],
)
def test_an_empty_list_counts_as_it_does_for_the_guard(
    asked: dict[str, str],
    known: int,
    empty: int,
    shop: Shop,
    twin: Version,
    scorer: ShadowScorer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rollout = open_shadow(shop, twin)
    Product.objects.for_shop(shop.id).filter(product_id=111).update(available=False)
    ask(consent=GRANTED, **asked)
    well, candidate = gateway.opine, scorer.models.get(shadows.shadows()[0].candidate)

    def opine(asked_of: Any, query: Any) -> Any:
        found = well(asked_of, replace(query, k=1_000))
        if asked_of is not candidate:
            return found
        kept = tuple(one for one in found.preferences if one.product_id == known)
        return replace(found, preferences=kept)

    monkeypatch.setattr(shadowing, "opine", opine)

    scorer.look()

    sums = sums_of(rollout)
    assert (sums.compared, sums.candidate.empty, sums.champion.empty) == (1, empty, 0)


def test_a_shadow_ends_when_enough_was_compared_for_long_enough(
    shop: Shop, twin: Version, scorer: ShadowScorer
) -> None:
    rollout = open_shadow(shop, twin, shadow_requests=3, shadow_hours=1 / 360)
    for _ in range(3):
        ask(consent=GRANTED)

    scorer.look()
    early = shadows.judge_shadow(rollout)
    later(scorer, seconds=11)
    scorer.look()

    assert early.verdict is Verdict.NOT_ENOUGH
    assert shadows.judge_shadow(rollout).verdict is Verdict.SUCCESS


def test_no_process_means_no_success(shop: Shop, twin: Version) -> None:
    rollout = open_shadow(shop, twin, shadow_requests=0, shadow_hours=0.0001)

    assert shadows.judge_shadow(rollout).verdict is Verdict.NOT_ENOUGH


# Page by page


@pytest.fixture
def pages(scorer: ShadowScorer, monkeypatch: pytest.MonkeyPatch) -> PageLister:
    monkeypatch.setattr(listing, "SLICE_SECONDS", 60.0)
    return PageLister(scorer)


def test_every_page_is_compared_product_by_product(
    shop: Shop, reversed_twin: Version, pages: PageLister
) -> None:
    rollout = open_shadow(shop, reversed_twin)

    pages.look()

    found = shadows.diff(shop.id, rollout.id, limit=5)
    home = found.pages[0]
    assert found.summary.pages == 41
    assert found.summary.is_complete
    assert 0 < found.summary.changed <= 41
    assert (home.lists.rank, home.lists.product_id) == (0, None)
    assert {*home.came} == {*home.lists.candidate} - {*home.lists.champion}
    assert {*home.went} == {*home.lists.champion} - {*home.lists.candidate}
    changed = shadows.diff(shop.id, rollout.id, order=shadows.DiffOrder.MOST_CHANGED)
    assert [one.alike for one in changed.pages] == sorted(one.alike for one in changed.pages)
    lists = models.ShadowPage.objects.for_shop(shop.id)
    by = {product: sum(product in one.candidate for one in lists) for product in range(100, 140)}
    was = {product: sum(product in one.champion for one in lists) for product in range(100, 140)}
    gained = {product: by[product] - was[product] for product in by if by[product] > was[product]}
    assert dict(found.summary.gains) == dict(sorted(gained.items(), key=lambda one: -one[1])[:20])
    assert all(was[product] - by[product] == places for product, places in found.summary.losses)


def test_a_restarted_process_goes_on_with_the_pages(
    shop: Shop, twin: Version, scorer: ShadowScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = open_shadow(shop, twin)
    monkeypatch.setattr(listing, "SLICE_SECONDS", 60.0)
    first = PageLister(scorer)
    left = first._begin(shadows.shadows()[0])
    first._compare(shadows.shadows()[0], left)

    PageLister(scorer).look()

    ranks = models.ShadowPage.objects.for_shop(shop.id).order_by("rank").values_list("rank", flat=True)
    assert list(ranks) == list(range(41))
    found = shadows.diff_summary(shop.id, rollout.id)
    assert (found.pages, found.changed, found.overlap, found.is_complete) == (41, 0, 1.0, True)


def test_a_quiet_shops_pages_let_its_shadow_end(
    shop: Shop, twin: Version, scorer: ShadowScorer, pages: PageLister
) -> None:
    rollout = open_shadow(shop, twin, shadow_hours=1 / 360)
    later(scorer, seconds=11)

    scorer.look()
    before = shadows.judge_shadow(rollout)
    pages.look()

    assert before.verdict is Verdict.NOT_ENOUGH
    judged = shadows.judge_shadow(rollout)
    assert judged.verdict is Verdict.SUCCESS
    assert judged.words.startswith("No request came, so the lists of 41 pages were compared")


def test_a_poisoned_model_is_convicted_by_its_pages_too(
    shop: Shop, poisoned: Version, pages: PageLister
) -> None:
    rollout = open_shadow(shop, poisoned)

    pages.look()

    assert shadows.judge_shadow(rollout).verdict is Verdict.FAILED


def test_the_pages_of_a_former_rollout_go_and_its_summary_stays(
    shop: Shop, twin: Version, reversed_twin: Version, pages: PageLister
) -> None:
    former = open_shadow(shop, twin)
    pages.look()
    end(shop, former.id, now=clock.now())
    open_shadow(shop, reversed_twin)

    pages.look()

    assert shadows.diff(shop.id, former.id).pages == ()
    assert shadows.diff_summary(shop.id, former.id).pages == 41
    assert models.ShadowPage.objects.for_shop(shop.id).count() == 41


def test_nothing_is_done_where_no_shadow_is_on(shop: Shop, live: Version, scorer: ShadowScorer) -> None:
    ask(consent=GRANTED)

    assert scorer.look() is False
    assert not models.ShadowReading.objects.for_shop(shop.id).exists()


# What follows from it


def test_a_shadow_that_passed_is_shown_and_a_poisoned_one_is_not(
    shop: Shop, twin: Version, poisoned: Version, scorer: ShadowScorer
) -> None:
    plan = RolloutPlan(shadow_percent=100, shadow_requests=3, shadow_hours=0.0)
    ends = {}
    for version in (poisoned, twin):
        rollout_services.stage(shop.id, version.id, now=clock.now())
        opened = rollout_services.open_by_hand(
            shop.id, version.id, reason="", now=clock.now(), actor="user 1", plan=plan
        )
        forget_cached()
        for _ in range(3):
            ask(consent=GRANTED)
        scorer.look()
        later(scorer, seconds=6)
        scorer.look()
        rollout_services.advance(shop.id, now=clock.now(), judge=judge_as_listed)
        ends[version.id] = get_rollout(shop.id, opened.id)
        scorer.clock = clock.now

    assert ends[poisoned.id].state is RolloutState.ROLLED_BACK
    assert ends[poisoned.id].step == -1
    assert "no numbers" in ends[poisoned.id].words
    assert (ends[twin.id].state, ends[twin.id].percent) == (RolloutState.CANARY, 5)

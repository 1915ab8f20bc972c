"""Personal lists that both versions of a rollout draft, at the signed door."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.audit.values import DecisionRecord
from backend.catalog.models import Product
from backend.core import clock
from backend.features import services as features
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.rollouts.models import Rollout
from backend.rollouts.values import CANDIDATE, CHAMPION, INTERLEAVED, AnswerOutcome, RolloutState
from backend.rollouts.values.interleaving import Team
from backend.serving import queries, views
from backend.serving.rules import is_held_out
from backend.serving.services import replay, sign_override
from backend.serving.values import ReplayVerdict
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.history import NOW, a_collection, a_product, an_order
from tests.backend.registry.versions import a_version
from tests.backend.rollouts.running import a_browser_of, a_rollout, browsers_of
from tests.backend.serving import test_arms as arms
from tests.backend.serving import test_replay as world
from tests.backend.serving.storefront import DOMAIN, GRANTED, ask
from tests.backend.staff.people import an_account, signed_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

CUSTOMER = 6_100_200_300
NEW, UNSOLD = 900, 950


@pytest.fixture
def candidate(shop: Shop, live: Version, artifact: Path) -> Version:
    """A version that likes other products."""
    own = Path(shutil.copytree(artifact, artifact.parent / "candidate" / artifact.name))
    return a_version(shop, world.reversed_by_popularity(own))


@pytest.fixture
def rollout(shop: Shop, candidate: Version) -> Rollout:
    made = a_rollout(shop, candidate, is_interleaved=True)
    arms.load(shop)
    return made


@pytest.fixture
def browser(rollout: Rollout) -> str:
    return a_browser_of(CHAMPION, rollout)


def products(decision: DecisionRecord) -> list[int]:
    return [item.product_id for item in decision.items]


def alone(shop: Shop, arm: str, rollout: Rollout, **parameters: Any) -> list[int]:
    """Return what one version shows alone."""
    token = sign_override(DOMAIN, arm, rollout_id=rollout.uuid, now=clock.now())
    return products(arms.asked(shop, canary=token, **parameters))


def test_both_versions_draft_the_list_of_a_visitor_who_can_be_known_again(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, browser: str
) -> None:
    lists = [alone(shop, arm, rollout, visitor=browser, limit=6) for arm in (CHAMPION, CANDIDATE)]

    decision = arms.asked(shop, visitor=browser)

    drafted = rollouts.interleave(*lists, places=4, decision_id=decision.id)
    teams = rollouts.drafted_by(shop.id, decision.id)
    assert lists[0] != lists[1]
    assert (decision.arm, decision.version_id, decision.fallback) == (INTERLEAVED, live.id, "")
    assert (tuple(products(decision)), teams) == (drafted.products, drafted.teams)
    assert {Team.CHAMPION, Team.CANDIDATE} <= set(teams)
    assert [item.position for item in decision.items] == [1, 2, 3, 4]
    assert arms.rollout_of(decision) == str(rollout.uuid)
    assert replay(shop.id, decision.id).is_equal
    assert {(one.arm, one.outcome, one.percent) for one in arms.noted()} == {
        (CHAMPION, AnswerOutcome.ANSWERED, 100),
        (CANDIDATE, AnswerOutcome.ANSWERED, 100),
    }


def test_what_left_the_catalogue_a_moment_ago_leaves_no_gap(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, browser: str
) -> None:
    before = arms.asked(shop, visitor=browser)
    Product.objects.for_shop(shop.id).filter(product_id__in=products(before)[:2]).update(deleted_at=NOW)
    queries._cards._cards.clear()

    decision = arms.asked(shop, visitor=browser)

    assert len(products(decision)) == 4
    assert not set(products(before)[:2]) & set(products(decision))
    assert len(rollouts.drafted_by(shop.id, decision.id)) == 4
    assert replay(shop.id, decision.id).verdict is ReplayVerdict.EQUAL


def test_support_reads_which_version_chose_what(shop: Shop, rollout: Rollout, browser: str) -> None:
    decision = arms.asked(shop, visitor=browser)

    page = signed_in(an_account()).get(f"/staff/audit/decision/{decision.id}/change/").content.decode()

    teams = rollouts.drafted_by(shop.id, decision.id)
    assert "Chosen by" in page
    assert page.count(">the new version<") == teams.count(Team.CANDIDATE) > 0
    assert page.count(">the version in use<") == teams.count(Team.CHAMPION) > 0
    assert "version 1, in turns with the new one" in page


def test_versions_take_turns_in_being_asked_first(shop: Shop, rollout: Rollout, browser: str) -> None:
    first = set()
    for _ in range(30):
        arms.asked(shop, visitor=browser)
        first.add(arms.noted()[-2].arm)

    assert first == {CHAMPION, CANDIDATE}


@pytest.mark.parametrize(
    ("case", "drawn", "arm"),
    [
        ("its page knows of no rollout", "none", INTERLEAVED),
        ("a page of an older block", "", INTERLEAVED),
        ("its page shows another rollout", "0197a1b2-0000-7000-8000-0000000000ff:25", CHAMPION),
    ],
)
def test_lists_are_drafted_wherever_the_page_shows_the_champions(
    shop: Shop, rollout: Rollout, browser: str, case: str, drawn: str, arm: str
) -> None:
    decision = arms.asked(shop, visitor=browser, **({"rollout": drawn} if drawn else {}))

    assert decision.arm == arm, case


@pytest.mark.parametrize("parameters", [{}, {"consent": "analytics"}, {"logged_in_customer_id": CUSTOMER}])
def test_who_keeps_no_id_sees_the_champions_list(
    shop: Shop, rollout: Rollout, browser: str, parameters: dict[str, Any]
) -> None:
    if "consent" in parameters:
        parameters = parameters | {"visitor": browser}

    decision = arms.asked(shop, **parameters)

    assert (decision.arm, arms.rollout_of(decision), arms.noted()) == (CHAMPION, "", [])


def test_who_is_held_out_sees_what_is_popular(shop: Shop, rollout: Rollout) -> None:
    rollout_services.set_holdout(shop.id, 10, now=NOW, actor="user 7")
    rollouts.forget_cached()
    policy = rollouts.holdout(shop.id)

    decision = arms.asked(
        shop, visitor=next(one for one in browsers_of(CHAMPION, rollout) if is_held_out(policy, one))
    )

    assert (decision.arm, decision.version_id, arms.noted()) == ("holdout", None, [])


@pytest.mark.parametrize("arm", [CHAMPION, CANDIDATE])
def test_who_asks_to_see_an_arm_sees_it_alone(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, browser: str, arm: str
) -> None:
    token = sign_override(DOMAIN, arm, rollout_id=rollout.uuid, now=clock.now())

    decision = arms.asked(shop, visitor=browser, canary=token)

    assert decision.arm == "override"
    assert decision.version_id == (live if arm == CHAMPION else candidate).id
    assert rollouts.drafted_by(shop.id, decision.id) == ()
    assert arms.noted() == []


@pytest.mark.parametrize(
    ("broken", "outcome"),
    [
        (arms.fails, AnswerOutcome.FAILED),
        (arms.refuses, AnswerOutcome.FATAL),
        (arms.diverged, AnswerOutcome.FATAL),
        (arms.says_nothing, AnswerOutcome.FATAL),
        (arms.only_sold_out, AnswerOutcome.FATAL),
    ],
)
def test_where_the_candidate_fails_the_champions_list_is_shown_and_tells_nothing(
    shop: Shop,
    live: Version,
    candidate: Version,
    rollout: Rollout,
    browser: str,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[], Any],
    outcome: AnswerOutcome,
) -> None:
    arms.break_version(monkeypatch, candidate, broken)
    arms.load(shop)

    decision = arms.asked(shop, visitor=browser)

    found = sorted(arms.outcomes())
    assert (decision.arm, decision.version_id, decision.fallback) == (CHAMPION, live.id, "")
    assert products(decision) == alone(shop, CHAMPION, rollout, visitor=browser)
    assert rollouts.drafted_by(shop.id, decision.id) == ()
    assert found == [(CANDIDATE, outcome), (CHAMPION, AnswerOutcome.ANSWERED)]
    assert replay(shop.id, decision.id).is_equal


def test_a_candidate_that_gives_no_numbers_is_taken_back_by_the_process_that_asked_it(
    shop: Shop, candidate: Version, rollout: Rollout, browser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arms.break_version(monkeypatch, candidate, arms.diverged)
    arms.load(shop)
    arms.asked(shop, visitor=browser)

    views.desk.guard.look()

    assert Rollout.objects.for_shop(shop.id).get().state == RolloutState.ROLLED_BACK
    rollouts.forget_cached()
    assert arms.asked(shop, visitor=browser).arm == CHAMPION


def test_where_the_champion_fails_no_candidate_stands_in(
    shop: Shop, live: Version, rollout: Rollout, browser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arms.break_version(monkeypatch, live, arms.fails)
    arms.load(shop)

    decision = arms.asked(shop, visitor=browser)

    assert (decision.arm, decision.version_id, decision.fallback) == ("none", None, "failed")
    assert sorted(arms.outcomes()) == [
        (CANDIDATE, AnswerOutcome.ANSWERED),
        (CHAMPION, AnswerOutcome.FAILED),
    ]


@pytest.mark.parametrize("change", world.CHANGES)
def test_a_drafted_list_comes_out_the_same_after_the_world_moved_on(
    shop: Shop,
    rollout: Rollout,
    browser: str,
    artifact: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Shop, Path], None],
) -> None:
    live_through(shop, monkeypatch)
    cases = {case: asked | {"visitor": browser} for case, asked in world.ASKED.items()}
    answers = {case: ask(consent=GRANTED, **asked) for case, asked in cases.items()}

    change(shop, artifact)
    world.look_again(shop, monkeypatch)

    for case, answer in answers.items():
        replayed = replay(shop.id, world.decided(answer))
        assert replayed.is_equal, (case, replayed.differences)
        assert replayed.decision is not None
        assert replayed.decision.arm == INTERLEAVED, case


def live_through(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a customer buy, and products arrive that neither version learned."""
    for _ in range(3):
        order = an_order(shop, [120, 131], customer_key=shops.pseudonym(shop.id, CUSTOMER))
        features.extend(shop.id, order.order_id)
    a_product(shop, NEW, created_at=clock.now(), published_at=clock.now())
    a_product(shop, UNSOLD, created_at=world.LONG_AGO)
    a_collection(shop, 1, [UNSOLD, 101, 102, 103])
    world.look_again(shop, monkeypatch)
    queries.forget_cached()

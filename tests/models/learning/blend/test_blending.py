"""What validation cuts teach: how the members of a blend are weighed, and when one serves alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.recommender.learning.blend.choice import (
    FOLDS,
    Learned,
    _choose,
    _cross_validated,
    learn_blend,
    standard_error,
)
from models.recommender.learning.blend.lessons import CutLessons, Lessons, ask_members, unlearned
from models.recommender.learning.blend.mixers import fit_features, fit_network, listwise_loss
from models.recommender.log.splits import Case, Division
from models.recommender.metrics.ranking import rank
from models.recommender.serving.blend import Blend, Mixer, feature_count
from models.recommender.serving.rankers import Model
from tests.models.serving.test_blend import ITEMS, LOG, MOMENT, cases_of, following, noise


def lessons_from(members: list[Model], cases: list[Case]) -> tuple[Blend, CutLessons]:
    cut = Division(LOG, cases, MOMENT)
    blend = unlearned(members, cut, drop_seen=False)
    return blend, ask_members(blend, cut, seed=7)


def taught_by(members: list[Model], *cuts: list[Case]) -> Learned:
    lessons = [lessons_from(members, cases) for cases in cuts]
    return learn_blend(lessons[-1][0], [part for _, part in lessons], seed=7)


def taught(members: list[Model], count: int, *, seed: int = 1) -> Learned:
    return taught_by(members, cases_of(count, seed=seed))


def quality(model: Model) -> float:
    return rank(model.scores, cases_of(400, seed=99), items=ITEMS).ndcg_mean


def test_the_loss_is_the_mean_cross_entropy_of_what_was_bought() -> None:
    values = torch.tensor([0.0, 0.0, 0.0, np.log(3.0)], dtype=torch.float32)
    owner = torch.tensor([0, 0, 1, 1])
    wanted = torch.tensor([1.0, 1.0, 0.0, 1.0])

    loss = listwise_loss(values, owner, wanted, 2)

    # First case: two of two bought, each with chance 1/2; second: chance 3/4.
    assert float(loss) == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)


def test_members_that_know_different_customers_are_blended() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]

    learned = taught(members, 120)
    blend = learned.apply(members, log=LOG, moment=MOMENT)

    assert blend.name == "blend"
    assert quality(blend) > 1.2 * max(quality(member) for member in members)
    assert learned.weights["first"] == pytest.approx(0.5, abs=0.15)
    assert sum(learned.weights.values()) == pytest.approx(1.0)
    assert learned.figures["low"] > 0.1


def test_a_member_that_adds_nothing_is_not_asked() -> None:
    members: list[Model] = [
        following(range(20), "first"),
        following(range(20, ITEMS), "second"),
        noise(5, "chatters"),
    ]

    learned = taught(members, 200)
    blend = learned.apply(members, log=LOG, moment=MOMENT)

    assert set(learned.weights) == {"first", "second"}
    assert isinstance(blend, Blend)
    assert [member.name for member in blend.members] == ["first", "second"]
    assert quality(blend) > 1.2 * max(quality(member) for member in members)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_picked_is_never_worse_than_the_best_member_beyond_noise(seed: int) -> None:
    best = following(range(ITEMS), "knows")
    members: list[Model] = [noise(seed, "noise"), best, noise(seed + 50, "more noise")]

    learned = taught(members, 60, seed=seed)
    served = learned.apply(members, log=LOG, moment=MOMENT)

    assert learned.best == "knows"
    assert quality(served) >= 0.98 * quality(best)


def test_a_member_that_nothing_can_be_added_to_is_served_itself() -> None:
    members: list[Model] = [noise(3, "noise"), following(range(ITEMS), "knows")]
    certain = [replace(case, bought=case.bought[:1]) for case in cases_of(50, seed=2)]
    certain = [replace(case, bought=np.array([(case.history.items[-1] + 1) % ITEMS])) for case in certain]

    learned = taught_by(members, certain)

    assert learned.apply(members, log=LOG, moment=MOMENT) is members[1]
    assert learned.weights == {"knows": 1.0}
    assert (
        learned.figures["reason"] == "The best member is better than a blend beyond noise, or just as good."
    )


def test_too_few_customers_teach_nothing_and_the_report_says_so() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]

    learned = taught(members, 19)

    assert not learned.is_blended
    assert learned.figures["reason"] == "19 customers came back; 20 are needed to weigh the models."


def test_the_same_seed_teaches_the_same_blend() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]

    first, second = taught(members, 80).blend.arrays(), taught(members, 80).blend.arrays()

    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_network_learns_what_no_weight_a_member_can_say() -> None:
    features = np.zeros((600 * 6, feature_count(1)), dtype=np.float32)
    features[:, :2] = np.random.default_rng(5).normal(size=(600 * 6, 2))
    # Wanted is what has two features of the same sign: no linear model can tell.
    product = features[:, 0] * features[:, 1]
    wanted = np.concatenate([row == row.max() for row in product.reshape(600, 6)])
    bought = np.ones(600, dtype=np.int64)
    lessons = Lessons(features, np.arange(601) * 6, wanted, bought, np.arange(600))

    linear = lessons.ndcg(fit_features(lessons, 7).values(features)).mean()
    network = lessons.ndcg(fit_network(lessons, 7).values(features)).mean()

    assert network > linear + 0.1


def test_customers_of_several_cuts_teach_together() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]
    older, newer = cases_of(15, seed=1), cases_of(15, seed=2)

    learned = taught_by(members, older, newer)

    assert learned.figures["cases"] == 30
    alone = rank(members[0].scores, [*older, *newer], items=ITEMS).ndcg_mean
    assert learned.figures["members"]["first"] == pytest.approx(alone)


def test_lessons_are_joined_case_by_case() -> None:
    members: list[Model] = [noise(1, "one"), noise(2, "two")]
    cases = cases_of(6, seed=4)
    _, whole = lessons_from(members, cases)
    parts = [lessons_from(members, cases[:2])[1].lessons, lessons_from(members, cases[2:])[1].lessons]

    joined = Lessons.joined(parts)

    assert all(np.array_equal(getattr(joined, name), part) for name, part in vars(whole.lessons).items())


def test_a_customer_of_two_cuts_lies_in_one_fold() -> None:
    members: list[Model] = [noise(1, "one"), noise(2, "two")]
    cases = [replace(case, user=number % 10) for number, case in enumerate(cases_of(40, seed=4))]
    _, lessons = lessons_from(members, cases)
    seen: list[set[int]] = []

    def fit(lessons: Lessons, seed: int) -> Mixer:
        seen.append(set(lessons.customer.tolist()))
        return fit_features(lessons, seed)

    _cross_validated(lessons.lessons, fit, seed=7)

    # Each customer is left out by exactly one fit, with all four cases.
    assert len(seen) == FOLDS
    assert sorted(user for known in seen for user in set(range(10)) - known) == list(range(10))


def test_cases_of_one_customer_count_as_one_observation() -> None:
    rows = np.array([1.0, 3.0, 2.0, 6.0])

    apart = standard_error(rows, np.arange(4))
    twice = standard_error(np.repeat(rows, 2), np.repeat(np.arange(4), 2))

    assert apart == pytest.approx(rows.std(ddof=1) / np.sqrt(4))
    assert twice == pytest.approx(apart)


def test_more_customers_than_can_be_asked_are_drawn() -> None:
    members: list[Model] = [noise(1, "one")]
    cut = Division(LOG, [replace(case, user=n) for n, case in enumerate(cases_of(50, seed=1))], MOMENT)

    lessons = ask_members(unlearned(members, cut, drop_seen=False), cut, most=12, seed=7)

    assert len(lessons.lessons) == len(lessons.alone["one"]) == 12
    assert len(set(lessons.lessons.customer)) == 12


@pytest.mark.parametrize("drop_seen", [False, True])
def test_members_are_judged_alone_as_the_comparison_judges_them(drop_seen: bool) -> None:
    members: list[Model] = [following(range(0, ITEMS, 2), "one"), noise(1, "two")]
    cut = Division(LOG, cases_of(40, seed=1), MOMENT)

    lessons = ask_members(unlearned(members, cut, drop_seen=drop_seen), cut, seed=7)

    for member in members:
        ranked = rank(member.scores, cut.cases, items=LOG.items, drop_seen=drop_seen)
        assert lessons.alone[member.name].tolist() == ranked.ndcg.tolist()


# Four customers: what the best member, the linear blend and the network gave each.
@pytest.mark.parametrize(
    ("case", "best", "features", "network", "kind"),
    [
        ("a member's luck", [0.9, 0.1, 0.5, 0.5], [0.1, 0.8, 0.4, 0.5], [0.1, 0.8, 0.4, 0.5], "features"),
        ("a member ahead for all", [0.6, 0.7, 0.6, 0.7], [0.5, 0.6, 0.5, 0.5], [0.5, 0.6, 0.5, 0.5], None),
        ("a member just as good", [0.5, 0.6, 0.5, 0.5], [0.5, 0.6, 0.5, 0.5], [0.5, 0.6, 0.5, 0.5], None),
        ("a network's luck", [0.1, 0.1, 0.1, 0.1], [0.5, 0.6, 0.5, 0.5], [0.9, 0.5, 0.4, 0.5], "features"),
        ("a network ahead", [0.1, 0.1, 0.1, 0.1], [0.5, 0.6, 0.5, 0.5], [0.6, 0.8, 0.5, 0.6], "network"),
        ("a member ahead of both", [0.8, 0.9, 0.8, 0.9], [0.5, 0.6, 0.5, 0.5], [0.6, 0.8, 0.5, 0.6], None),
    ],
)  # fmt: skip
def test_the_linear_blend_serves_unless_the_lead_of_another_is_plain(
    case: str, best: list[float], features: list[float], network: list[float], kind: str | None
) -> None:
    tried = {"features": np.array(features), "network": np.array(network)}

    assert _choose(np.array(best), tried, np.arange(4)) == kind, case


def test_a_lead_that_comes_from_one_customer_asked_often_is_noise() -> None:
    best, tried = np.array([0.9, 0.9, 0.9, 0.3, 0.3]), np.full(5, 0.5)
    kinds = {"features": tried, "network": tried}

    assert _choose(best, kinds, np.arange(5)) is None
    assert _choose(best, kinds, np.array([0, 0, 0, 1, 2])) == "features"

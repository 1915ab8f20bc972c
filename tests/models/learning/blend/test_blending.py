"""What validation cuts teach: how the members of a blend are weighed, and when one serves alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.recommender.learning.blend import choice
from models.recommender.learning.blend.choice import (
    FOLDS,
    Learned,
    _is_best_alone,
    learn_blend,
    standard_error,
)
from models.recommender.learning.blend.lessons import CutLessons, Lessons, ask_members, rebuying, unlearned
from models.recommender.learning.blend.mixers import fit_mixer, listwise_loss
from models.recommender.log.arrays import Floats
from models.recommender.log.splits import Case, Division
from models.recommender.metrics.ranking import rank
from models.recommender.serving.blend import Blend, LinearMixer, bought_column, cold_column, feature_count
from models.recommender.serving.rankers import Model
from tests.models.serving.test_blend import ITEMS, LOG, MOMENT, cases_of, following, noise
from tests.models.shops import Basket, a_log

Sign = Callable[[Floats, Floats], Floats]


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
    newest = [(case, case.history.newest(1)) for case in cases_of(50, seed=2)]
    certain = [replace(case, history=last, bought=(last.items + 1) % ITEMS) for case, last in newest]

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


def some_lessons(count: int, *, seed: int) -> Lessons:
    """Return cases with six candidates of random features, three of them bought before."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(count * 6, feature_count(1))).astype(np.float32)
    features[:, bought_column(features.shape[1])] = np.tile([1, 1, 1, 0, 0, 0], count)
    features[:, -1] = np.repeat(chance.integers(1, 5, size=count), 6)
    nothing, one = np.zeros(count * 6, dtype=bool), np.ones(count, dtype=np.int64)
    return Lessons(features, np.arange(count + 1) * 6, nothing, one, np.arange(count))


@pytest.mark.parametrize(
    ("case", "sign"),
    [
        ("a repeat is what the first feature speaks against", lambda features, bought: 1 - 2 * bought),
        ("whoever bought more listens the other way", lambda features, bought: 2.5 - features[:, -1]),
    ],
)
def test_a_weight_may_turn_with_a_repeat_and_with_a_long_history(case: str, sign: Sign) -> None:
    lessons = some_lessons(600, seed=5)
    features = lessons.features
    values = features[:, 0] * sign(features, features[:, bought_column(features.shape[1])])
    wanted = np.concatenate([row == row.max() for row in values.reshape(-1, 6)])
    wanted &= values != 0
    lessons = replace(lessons, is_wanted=wanted)
    known, asked = lessons.of(np.arange(400)), lessons.of(np.arange(400, 600))

    mixer = fit_mixer(known)

    assert asked.ndcg(mixer.values(asked.features)).mean() > 0.85, case
    plain = replace(mixer, again=0 * mixer.again, longer=0 * mixer.longer)
    assert asked.ndcg(plain.values(asked.features)).mean() < 0.75, case


def test_a_product_that_never_sold_comes_last_until_one_was_bought() -> None:
    lessons = some_lessons(300, seed=6)
    cold = cold_column(lessons.features.shape[1])
    lessons.features[:, cold] = 0.0
    # What sold more is bought less here: carried on, what never sold would come first.
    sales = lessons.features[:, cold - 1]
    lessons = replace(lessons, is_wanted=np.concatenate([row == row.min() for row in sales.reshape(-1, 6)]))
    asked = lessons.features[:6].copy()
    asked[0, cold - 1], asked[0, cold] = -9.0, 1.0

    mixer = fit_mixer(lessons)
    lessons.features[::6, cold] = 1.0
    taught = fit_mixer(replace(lessons, is_wanted=lessons.features[:, cold] > 0))

    assert mixer.values(asked).argmin() == 0
    assert taught.values(asked).argmax() == 0


def test_an_item_that_its_buyers_buy_again_is_told_from_one_that_they_do_not() -> None:
    baskets: list[Basket] = [(f"customer {n}", float(day), [1, 2]) for n in range(20) for day in (0, 30)]
    baskets += [(f"customer {n}", 5.0, [3, 3]) for n in range(20)]
    log = a_log(baskets, [1, 2, 3, 4])

    told = rebuying(log)

    # Each buyer of items 1 and 2 came back for them, nobody for item 3, which two lines of one order hold.
    assert told[0] == told[1] > 1.0
    assert told[2] < -1.0
    assert told[3] == 0.0


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


def test_a_customer_of_two_cuts_lies_in_one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    members: list[Model] = [noise(1, "one"), noise(2, "two")]
    cases = [replace(case, user=number % 10) for number, case in enumerate(cases_of(40, seed=4))]
    _, lessons = lessons_from(members, cases)
    seen: list[set[int]] = []

    def fit(lessons: Lessons) -> LinearMixer:
        seen.append(set(lessons.customer.tolist()))
        return fit_mixer(lessons)

    monkeypatch.setattr(choice, "fit_mixer", fit)
    choice._cross_validated(lessons.lessons, seed=7)

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


@pytest.mark.parametrize(
    ("case", "best", "blended", "is_alone"),
    [
        ("a member's luck", [0.9, 0.1, 0.5, 0.5], [0.1, 0.8, 0.4, 0.5], False),
        ("a member ahead for all", [0.6, 0.7, 0.6, 0.7], [0.5, 0.6, 0.5, 0.5], True),
        ("a member just as good", [0.5, 0.6, 0.5, 0.5], [0.5, 0.6, 0.5, 0.5], True),
        ("a blend ahead", [0.1, 0.1, 0.1, 0.1], [0.5, 0.6, 0.5, 0.5], False),
    ],
)
def test_the_blend_serves_unless_the_lead_of_its_best_member_is_plain(
    case: str, best: list[float], blended: list[float], is_alone: bool
) -> None:
    assert _is_best_alone(np.array(best), np.array(blended), np.arange(4)) is is_alone, case


def test_a_lead_that_comes_from_one_customer_asked_often_is_noise() -> None:
    best, blended = np.array([0.9, 0.9, 0.9, 0.3, 0.3]), np.full(5, 0.5)

    assert _is_best_alone(best, blended, np.arange(5))
    assert not _is_best_alone(best, blended, np.array([0, 0, 0, 1, 2]))

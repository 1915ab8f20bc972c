"""A look back at the last weeks: nobody knows what came after, and nothing that was learned is asked."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.recommender import api
from models.recommender.judging import gate
from models.recommender.learning.progress import Reporter
from models.recommender.log.arrays import DAY_US
from models.recommender.log.log import Log
from models.recommender.log.splits import Split
from models.recommender.runs import pipeline, time_machine
from models.recommender.runs.evaluation import ChampionArtifact, evaluate
from models.recommender.runs.run import start
from models.recommender.values import Progress, Recipe, TimeTravel, ignore
from tests.models.shops import OPENED, Basket, a_busy_shop, a_dataset, a_fashionable_shop, a_log

SHORT = Recipe(train_seconds=8.0, epochs=1, width=8, window=8)


def a_version(folder: Path, baskets: list[Basket], items: list[int], *, until_day: float) -> ChampionArtifact:
    """Train on a shop as it was on a day, without a network: what serves is popularity."""
    until = (OPENED + pd.Timedelta(days=until_day)).isoformat()
    log = a_log([one for one in baskets if one[1] < until_day], items, until=until)
    run = start(log.sequences, Split(), Recipe(), Reporter(ignore, budget=1.0, epochs=1))
    pipeline.publish(run, evaluate(run), folder, revision="abc123", refit=True)
    return ChampionArtifact(folder, until)


@pytest.fixture
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy be popularity as well, which learns in no time."""
    monkeypatch.setattr(pipeline, "learn", lambda run: None)


def look_back(log: Log, rivals: list[ChampionArtifact]) -> TimeTravel:
    return time_machine.look_back(log, SHORT, rivals, on_progress=ignore)


@pytest.mark.usefixtures("without_network")
def test_a_round_does_not_change_by_what_came_after_it(tmp_path: Path) -> None:
    baskets, items = a_fashionable_shop()
    rival = a_version(tmp_path / "live", baskets, items, until_day=30.0)
    log = a_log(baskets, items)
    last = time_machine.round_moments(log, days=30)[-2]
    other = a_log(
        [basket for basket in baskets if is_before(basket, last)] + shuffled(baskets, items, last), items
    )

    one, two = look_back(log, [rival]), look_back(other, [rival])

    assert len(one.rounds) == time_machine.ROUNDS
    assert one.rounds[:-1] == two.rounds[:-1]
    assert one.rounds[-1] != two.rounds[-1]


def is_before(basket: Basket, moment: int) -> bool:
    return (OPENED + pd.Timedelta(days=basket[1])).value // 1_000 < moment


def shuffled(baskets: list[Basket], items: list[int], since: int) -> list[Basket]:
    """Return what was bought since a moment, with other products at the same moments."""
    chance = np.random.default_rng(1)
    return [
        (user, day, [int(one) for one in chance.choice(items, 2, replace=False)])
        for user, day, _ in baskets
        if not is_before((user, day, []), since)
    ]


@pytest.mark.usefixtures("without_network")
def test_keeping_up_with_the_shop_is_a_gain_where_its_fashions_change(tmp_path: Path) -> None:
    baskets, items = a_fashionable_shop()
    rival = a_version(tmp_path / "live", baskets, items, until_day=15.0)

    found = look_back(a_log(baskets, items), [rival])

    assert found.reason is None
    assert found.customers >= gate.MIN_CUSTOMERS
    assert found.low is not None
    assert found.low > 0


@pytest.mark.usefixtures("without_network")
def test_a_twin_that_was_renewed_before_every_round_gains_nothing(tmp_path: Path) -> None:
    baskets, items = a_fashionable_shop()
    log = a_log(baskets, items)
    days = [
        (moment / DAY_US) - OPENED.value / 1_000 / DAY_US
        for moment in time_machine.round_moments(log, days=30)[:-1]
    ]
    rivals = [a_version(tmp_path / str(day), baskets, items, until_day=day) for day in days]

    found = look_back(log, rivals)

    assert [one.rival for one in found.rounds] == [rival.artifact.name for rival in rivals]
    assert (found.gain, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.usefixtures("without_network")
def test_rounds_that_the_live_version_has_learned_are_left_out(tmp_path: Path) -> None:
    baskets, items = a_fashionable_shop()
    log = a_log(baskets, items)
    moments = time_machine.round_moments(log, days=30)
    third = moments[2] / DAY_US - OPENED.value / 1_000 / DAY_US

    found = look_back(log, [a_version(tmp_path / "live", baskets, items, until_day=third)])
    nothing = look_back(log, [a_version(tmp_path / "new", baskets, items, until_day=99.0)])

    assert len(found.rounds) == 2
    assert (nothing.rounds, nothing.gain) == ([], None)
    assert nothing.reason == time_machine.ALL_LEARNED


def test_a_shop_that_is_too_young_is_told_so(tmp_path: Path) -> None:
    baskets, items = a_busy_shop()
    young = [basket for basket in baskets if basket[1] < 45]

    assert look_back(a_log(young, items), []).reason == time_machine.TOO_SHORT
    assert look_back(a_log([], items), []).reason == time_machine.TOO_SHORT


@pytest.mark.usefixtures("without_network")
def test_too_few_customers_are_no_evidence(tmp_path: Path) -> None:
    baskets, items = a_busy_shop(customers=40)
    rival = a_version(tmp_path / "live", baskets, items, until_day=20.0)

    found = look_back(a_log(baskets, items), [rival])

    assert 0 < found.customers < gate.MIN_CUSTOMERS
    assert (found.gain, found.low, found.high) == (None, None, None)
    assert found.reason is not None
    assert f"only {found.customers} known customers" in found.reason


def test_it_learns_for_real_and_its_progress_never_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_machine, "ROUNDS", 1)
    baskets, items = a_busy_shop(customers=200)
    rival = a_version(tmp_path / "live", baskets, items, until_day=20.0)
    heard: list[Progress] = []

    found = api.look_back(
        a_dataset(tmp_path / "dataset", baskets, items),
        SHORT,
        [(rival.artifact, rival.until or "")],
        on_progress=heard.append,
    )

    fractions = [one.fraction for one in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1.0
    assert {one.message.split(":")[0] for one in heard} <= {"Week 1 of 1"}
    assert found.reason is None
    assert found.low is not None
    # Popularity knows none of the habits that this shop's customers have.
    assert found.low > 0

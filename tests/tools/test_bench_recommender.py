import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.peers.exchange import (
    NOBODY,
    TEST,
    VALIDATION,
    PeerCases,
    Purchases,
    Targets,
    Train,
    ndcg,
    read_asked,
    read_targets,
    read_train,
    surfaces_of,
    top_lists,
    write_answer,
)
from bench.recommender import assemble, children, division, logs, samples, twins
from bench.recommender.__main__ import ROOT, main
from bench.recommender.legs import BenchLeg, State, Store, key_of
from bench.recommender.simple import models
from bench.recommender.simple.orders import Recency, Units
from models.recommender.log.history import History
from models.recommender.log.splits import Case
from models.recommender.metrics.ranking import judge
from tests.models.shops import a_busy_shop, a_log

USERS, ITEMS = 40, 12


def a_beauty_folder(folder: Path) -> Path:
    """Write sequences in which each customer walks from a product of their own to the next."""
    folder.mkdir()
    lines = [
        " ".join(map(str, [user, *((user + step) % ITEMS + 1 for step in range(6))]))
        for user in range(1, USERS + 1)
    ]
    (folder / "Beauty.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "items.tsv").write_text(
        "item\tasin\ttags\n"
        + "".join(f"{item}\tB{item:09}\tnail polish no {item}\n" for item in range(1, ITEMS + 1)),
        encoding="utf-8",
    )
    attributes = {str(item): [item % 3, 7] for item in range(1, ITEMS + 1)}
    (folder / "Beauty_item2attributes.json").write_text(json.dumps(attributes), encoding="utf-8")
    return folder


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    """Return the one part of the division folder of a made-up Beauty log."""
    logs.write(logs.beauty(a_beauty_folder(tmp_path / "beauty")), tmp_path / "logs" / "0")
    cut = ["--split", "leave-one-out", "--repeat", "drop", "--out", str(tmp_path / "tiny")]

    division.main(["--logs", str(tmp_path / "logs"), *cut])

    return tmp_path / "tiny" / "0"


def bought(*lines: tuple[int, int, int]) -> Purchases:
    """Return purchases of (who, item, at)."""
    return Purchases(*np.array(lines, dtype=np.int64).reshape(-1, 3).T)


NOTHING = bought()


def asked(
    before: Purchases, *, items: int, given: Purchases = NOTHING, hidden: Purchases = NOTHING
) -> PeerCases:
    """Return one case a customer of ``before``, at moment 100."""
    cases = int(before.who.max()) + 1
    return PeerCases(np.arange(cases), np.full(cases, 100), before, given, hidden, items)


def test_beauty_is_read_with_places_for_times_and_attributes_as_lists(tmp_path: Path) -> None:
    shop = logs.beauty(a_beauty_folder(tmp_path / "beauty"))

    assert shop.interactions[:2].to_numpy().tolist() == [["1", "2", 1], ["1", "3", 2]]
    assert shop.items.iloc[0].tolist() == [1, "nail polish no 1", "1|7"]


RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123a,WHITE HEART ,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536370,85123A,WHITE HEART,6,2010-12-03 08:26:00,2.55,17850.0,United Kingdom
C536366,85123A,WHITE HEART,-6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536367,POST,POSTAGE,1,2010-12-01 08:26:00,18.0,17850.0,United Kingdom
536368,85123A,WHITE HEART,6,2010-12-01 08:26:00,0.0,17850.0,United Kingdom
536369,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,,United Kingdom
"""


def test_online_retail_keeps_known_customers_and_real_sales(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(RETAIL, encoding="utf-8")

    shop = logs.online_retail(tmp_path / "orders.csv")

    assert shop.interactions["order_id"].tolist() == ["536365", "536370"]
    assert shop.interactions.iloc[0].tolist() == ["17850", "85123A", "2010-12-01 08:26:00", "536365", 6, 2.55]
    assert shop.items.to_numpy().tolist() == [["85123A", "WHITE HEART"]]


def test_each_order_of_a_one_time_shop_is_a_customer_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(RETAIL, encoding="utf-8")

    shop = logs.one_time(tmp_path / "orders.csv")

    assert shop.interactions["user"].tolist() == ["536365", "536370"]


def test_everybody_learns_from_everything_but_each_customers_last_order(divided: Path) -> None:
    train, home = read_train(divided, TEST), read_asked(divided, TEST, "home")

    assert (len(train.bought.who), home.cases, train.items) == (USERS * 5, USERS, ITEMS)
    assert np.bincount(home.before.who).tolist() == [5] * USERS
    assert np.array_equal(train.bought.item[train.bought.who == home.users[0]], home.before.item[:5])
    assert np.array_equal(home.hidden.item[home.hidden.who == 0], np.sort(home.before.item[:5]))
    assert len(read_train(divided, VALIDATION).bought.who) == USERS * 4


def test_a_surface_that_a_log_cannot_ask_has_no_cases(divided: Path) -> None:
    # No order has two lines, nobody is new and nothing was looked at.
    assert surfaces_of(divided, TEST) == ["home"]


def test_figures_are_those_of_the_products_own_judge() -> None:
    chance = np.random.default_rng(1)
    wanted = [np.sort(chance.choice(30, count, replace=False)) for count in (1, 3, 12)]
    lists = np.stack([chance.permutation(30)[:10] for _ in wanted])
    lists[1, 4:] = NOBODY
    who = np.repeat(np.arange(3), [len(items) for items in wanted])

    found = ndcg(lists, Targets(who, np.concatenate(wanted), np.arange(3)))

    nothing = History.of([])
    cases = [Case(nothing, items, nothing.items) for items in wanted]
    theirs = judge([row[row != NOBODY] for row in lists], cases, items=30)
    assert found == pytest.approx(theirs.ndcg)


def test_a_list_leaves_out_what_is_hidden_and_ends_where_nothing_is_left() -> None:
    cases = asked(bought((0, 0, 1), (1, 1, 1)), items=3, hidden=bought((1, 2, 1)))

    lists = top_lists(lambda rows: np.array([[0.1, 0.1, 0.9], [0.1, 0.2, 0.9]])[rows], cases)

    assert lists[:, :4].tolist() == [[2, 0, 1, NOBODY], [1, 0, NOBODY, NOBODY]]


# Customer 0 bought {0} and then {0, 1}; customer 1 {0}; customer 2 {2}, {2}, {2}.
LINES = bought((0, 0, 1), (0, 0, 2), (0, 1, 2), (1, 0, 1), (2, 2, 1), (2, 2, 2), (2, 2, 3))


def test_tifu_knn_is_as_worked_out_by_hand() -> None:
    train = Train(LINES, users=3, items=3, has_clock=False)
    few = asked(LINES, items=3)

    vectors = models.frequency_vectors(LINES, (3, 3), within=0.5, between=0.1, groups=2)
    score = models.tifu_knn(Units(train), within=0.5, between=0.1, groups=2)(few, neighbours=1, own=0.25)

    # Customer 2's newest group holds two orders, (1 + 0.5) / 2 each, and its older one 1 * 0.1; their mean.
    own = [[(1 + 0.1) / 2, 1 / 2, 0], [1, 0, 0], [0, 0, (0.75 + 0.1) / 2]]
    assert vectors.toarray() == pytest.approx(np.array(own))
    # The nearest of customer 0 is 1, at a distance of 0.67; that of 1 is 0; that of 2 is 0, at 0.86.
    near = np.array([own[1], own[0], own[0]])
    assert score(slice(0, 3)) == pytest.approx(0.25 * np.array(own) + 0.75 * near, abs=1e-6)


def test_markov_learns_what_follows_and_association_what_lies_beside() -> None:
    units, newest = Units(Train(LINES, users=3, items=3, has_clock=False)), Recency(0.0)
    follows = models.markov(units, reach=1, per_step=1.0, shrink=0.0, fresh_days=None)
    beside = models.association(units, shrink=0.0, fresh_days=None)
    of_zero = asked(bought((0, 2, 1), (0, 0, 9)), items=3)

    assert follows(of_zero, reading=newest)(slice(0, 1))[0] == pytest.approx([0.5, 0.5, 0], abs=1e-6)
    assert beside(of_zero, reading=newest)(slice(0, 1))[0] == pytest.approx([0, 1 / 3, 0], abs=1e-6)


@pytest.mark.parametrize("name", models.MODELS)
def test_every_simple_model_finds_a_cycle_or_counts(name: str) -> None:
    lines = [(user, (user + step) % 6, step) for user in range(30) for step in range(4)]
    units = Units(Train(bought(*lines), users=30, items=6, has_clock=False))
    model = models.MODELS[name]
    first = {key: values[0] for key, values in model.learned.items()}
    reading = {key: values[0] for key, values in model.read.items()}

    scores = model.fit(units, **first)(asked(bought((0, 0, 1), (0, 1, 2)), items=6), **reading)(slice(0, 1))

    assert scores.shape == (1, 6)
    assert np.isfinite(scores).all()
    if name in ("markov", "ease", "session_knn", "item_knn"):
        assert scores[0, 2] > scores[0, 4]  # half a cycle away


def test_the_page_is_the_newest_order_of_a_history() -> None:
    page = asked(bought((0, 0, 1), (1, 1, 1)), items=3, given=bought((0, 2, 100)))

    assert page.history.item.tolist() == [0, 2, 1]
    assert page.history.who.tolist() == [0, 0, 1]


def test_a_leg_is_stale_once_its_code_its_cases_or_its_settings_change(tmp_path: Path) -> None:
    source = tmp_path / "code" / "model.py"
    source.parent.mkdir()
    source.write_text("one", encoding="utf-8")
    store, leg = Store(tmp_path / "legs"), BenchLeg("ours", "beauty", "all", 3)

    def key(cases: str = "cases") -> str:
        return key_of(tmp_path, ["code/**/*.py"], leg.name, cases)

    first = key()
    states = [store.state(leg, first)]
    store.begin(leg)
    states.append(store.state(leg, first))
    store.keep(leg, first, {"train_s": 1.0})
    states += [store.state(leg, key()), store.state(leg, key("other cases"))]
    source.write_text("two", encoding="utf-8")
    states.append(store.state(leg, key()))
    source.write_text("one", encoding="utf-8")
    (source.parent / "more.py").touch()
    states.append(store.state(leg, key()))

    assert leg.name == "beauty-all-ours-3"
    assert states == [
        State.MISSING,
        State.MISSING,
        State.FRESH,
        State.STALE,
        State.STALE,
        State.STALE,
    ]


def a_leg(store: Store, leg: BenchLeg, lists: dict[str, Any], **facts: object) -> str:
    """Keep a leg whose models answered the made-up division with these lists; return its name."""
    folder = store.begin(leg)
    for model, found in lists.items():
        write_answer(folder, "0", "home", model, found)
    store.keep(leg, "key", facts)
    return leg.name


@pytest.fixture
def measured(divided: Path, tmp_path: Path) -> tuple[Path, Any]:
    """Return a bench folder with the division of beauty-new in it, and the right answers."""
    (tmp_path / "divisions").mkdir()
    divided.parent.rename(tmp_path / "divisions" / "beauty-new")
    part = tmp_path / "divisions" / "beauty-new" / "0"
    right = np.full((USERS, 10), NOBODY)
    right[:, 0] = read_targets(part, TEST, "home").item
    return tmp_path, right


def last_line(folder: Path, legs: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assemble.main(["--folder", str(folder), "--logs", "beauty", "--legs", *legs])
    return json.loads(capsys.readouterr().out.splitlines()[-1])["beauty"]["new"]


def test_what_is_there_is_assembled_and_what_is_missing_is_null(
    measured: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, right = measured
    store = Store(folder / "legs")
    late = np.roll(right, 1, axis=1)
    legs = [
        a_leg(store, BenchLeg("ours", "beauty", "new", 1), {"ours": right}, train_s=9.0, rss_mb=70.0),
        a_leg(store, BenchLeg("ours", "beauty", "new", 2), {"ours": late}, train_s=8.0, rss_mb=80.0),
        a_leg(
            store, BenchLeg("simple", "beauty", "new"), {"popularity": np.roll(right, 4, 1), "markov": late}
        ),
    ]
    a_leg(store, BenchLeg("als", "beauty", "new"), {"als": right})  # stale: not among the legs that count

    found = last_line(folder, legs, capsys)

    second = 1 / np.log2(3)
    home = found["home"]
    assert home["ours"] == pytest.approx(
        {
            "ndcg@10": (1 + second) / 2,
            "low": (1 + second) / 2,
            "high": (1 + second) / 2,
            "seeds": 2,
            "train_s": 9.0,
            "rss_mb": 80.0,
        }
    )
    assert home["best_simple"] == {"name": "markov", "ndcg@10": pytest.approx(second)}
    assert (home["ratio"], home["ratio_low"]) == pytest.approx(((1 + second) / 2 / second,) * 2)
    assert home["without_transformer"] is None
    assert home["best_peer"]["source"] != "run here"
    assert {name for name, cell in found.items() if cell} == {"home"}


def test_a_peer_that_ran_stands_with_its_epochs_where_it_beats_what_is_quoted(
    measured: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, right = measured
    leg = a_leg(Store(folder / "legs"), BenchLeg("als", "beauty", "new"), {"als": right}, epochs=15)

    found = last_line(folder, [leg], capsys)["home"]

    assert found["best_peer"] == {"name": "als", "ndcg@10": 1.0, "epochs": 15, "source": "run here"}
    assert (found["ours"], found["ratio"], found["best_simple"]) == (None, None, None)


def test_a_ratio_is_paired_and_draws_the_cases_of_a_customer_together() -> None:
    hard = np.linspace(0.01, 1.0, 60)
    cluster = np.arange(60)
    apart = np.random.default_rng(2).permutation(hard)

    paired = assemble.ratio_of(assemble.Runs(1.1 * hard), assemble.Runs(hard), cluster)
    unlike = assemble.ratio_of(assemble.Runs(1.1 * apart), assemble.Runs(hard), cluster)
    as_one = assemble.ratio_of(assemble.Runs(1.1 * apart), assemble.Runs(hard), np.zeros(60, dtype=np.int64))

    assert paired == pytest.approx((1.1, 1.1, 1.1))
    assert unlike is not None
    assert (unlike[1] < 1.0, unlike[2] > 1.2) == (True, True)
    assert as_one == pytest.approx((1.1, 1.1, 1.1))


@pytest.mark.slow
def test_twins_are_asked_of_the_days_that_neither_has_learned() -> None:
    baskets, items = a_busy_shop(customers=60)
    log = a_log(baskets, items).purchases.sequences

    pair = twins.pair(log, seeds=(1, 2))

    newest = np.unique(log.user[log.at > log.at.max() - twins.AGE_US])
    assert 0 < len(pair.champion) == len(pair.candidate) <= len(newest)
    assert pair.champion.mean() > 0.1


def test_a_gate_between_equals_claims_nothing_and_sees_what_is_twice_as_good() -> None:
    chance = np.random.default_rng(3)
    pairs = [twins.Pair(chance.random(200), chance.random(200)) for _ in range(2)]

    equal = twins.figures(pairs, resamples=20)["equal"]
    better = twins.figures([twins.Pair(2 * pair.champion, pair.champion) for pair in pairs], resamples=2)

    assert isinstance(equal, dict)
    assert isinstance(better["as_they_are"], dict)
    assert equal["claims_a_gain"] <= 0.1
    assert (better["as_they_are"]["claims_a_gain"], better["as_they_are"]["mean_gain"]) == (1.0, 1.0)


def test_a_large_log_sells_every_item_in_time_order() -> None:
    log = samples.large_log(interactions=2000, items=150, seed=1)

    assert (len(log), log["item"].nunique(), log["user"].nunique()) == (2000, 150, 200)
    assert log.groupby("user")["timestamp"].is_monotonic_increasing.all()
    assert (log["item"].diff() == 1).mean() > 0.3


def test_a_small_shop_is_500_interactions_of_whole_customers_but_the_last() -> None:
    log = samples.large_log(interactions=4000, items=150, seed=1)

    shop = samples.small_shop(log, seed=3)

    sizes = shop["user"].value_counts()
    whole = log[log["item"].isin(log["item"].value_counts().index[:100])]["user"].value_counts()
    assert len(shop) == 500
    assert (sizes < whole[sizes.index]).sum() <= 1


STARTER = """
import json, sys
from pathlib import Path
import bench.recommender.__main__
from bench.recommender import children
peaks = [
    children.run([sys.executable, "-c", code], Path("child.log"), cwd=Path()).rss_mb
    for code in ("filler = b'x' * 200_000_000", "pass")
]
heavy = [name for name in ("numpy", "pandas", "torch") if name in sys.modules]
print(json.dumps({"peaks": peaks, "heavy": heavy}))
"""


def test_a_part_is_measured_without_what_ran_before_it_or_what_started_it(tmp_path: Path) -> None:
    # A child's peak starts at its parent's: what starts the parts must stay small, as it does not here.
    started = subprocess.run(
        [sys.executable, "-c", STARTER],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    found = json.loads(started.stdout)
    large, small = found["peaks"]
    assert (found["heavy"], large > 190, small < 100) == ([], True, True)


def test_a_failed_child_says_what_it_said_last(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such log')"]

    with pytest.raises(children.PartFailed, match=r"ended with 1\. .*part\.log:\nno such log"):
        children.run(command, tmp_path / "part.log", cwd=tmp_path)


def test_a_missing_log_is_named_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--logs", "beauty", "--beauty", str(tmp_path), "--folder", str(tmp_path / "out")])

    assert code == 2
    assert "Beauty.txt is missing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_quick_run_ends_with_one_line_of_json_and_does_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--beauty", str(a_beauty_folder(tmp_path / "beauty")), "--folder", str(tmp_path / "out")]
    legs = ["beauty-new-simple", "beauty-new-without_transformer-1"]
    run = ["--quick", "--logs", "beauty", "--only", *legs, *places]

    code = main(run)
    told = capsys.readouterr().out.splitlines()
    again = main([*run, "--minutes", "0"])
    later = capsys.readouterr().out.splitlines()

    home = json.loads(told[-1])["beauty"]["new"]["home"]
    assert (code, again) == (0, 0)
    assert home["best_simple"]["ndcg@10"] > 0.9  # the next product of a walk
    assert home["ours"] is None
    missing = next(line for line in told if line.startswith("Missing, not in the figures: "))
    assert "beauty-new-ours-1" in missing
    assert "beauty-new-simple" not in missing
    assert not any(line.startswith("beauty-") for line in later)
    assert later[-1] == told[-1]

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.peers.exchange import answer, read_cases, read_train, write_answer
from bench.recommender import children, division, extras, logs, results, samples
from bench.recommender.__main__ import ROOT, main

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
    """Return the division folder of a made-up Beauty log."""
    logs.write_beauty(a_beauty_folder(tmp_path / "beauty"), tmp_path)
    files = ["--interactions", str(tmp_path / "beauty.csv"), "--items", str(tmp_path / "beauty_items.csv")]
    cut = ["--split", "leave-one-out", "--repeat", "drop", "--out", str(tmp_path / "tiny")]

    division.main(["export", *files, *cut])

    return tmp_path / "tiny"


def test_beauty_is_written_with_places_for_times_and_attributes_as_lists(tmp_path: Path) -> None:
    logs.write_beauty(a_beauty_folder(tmp_path / "beauty"), tmp_path)

    steps = (tmp_path / "beauty.csv").read_text(encoding="utf-8").split()
    items = (tmp_path / "beauty_items.csv").read_text(encoding="utf-8").split("\n")

    assert steps[:3] == ["user,item,timestamp", "1,2,1", "1,3,2"]
    assert items[:2] == ["item,title,attribute", "1,nail polish no 1,1|7"]


def test_online_retail_keeps_known_customers_and_real_sales(tmp_path: Path) -> None:
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    kept = "536365,85123a,WHITE HEART ,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    left_out = (
        "C536366,85123A,WHITE HEART,-6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
        "536367,POST,POSTAGE,1,2010-12-01 08:26:00,18.0,17850.0,United Kingdom\n"
        "536368,85123A,WHITE HEART,6,2010-12-01 08:26:00,0.0,17850.0,United Kingdom\n"
        "536369,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,,United Kingdom\n"
    )
    (tmp_path / "orders.csv").write_text(head + kept + left_out, encoding="utf-8")

    logs.write_online_retail(tmp_path / "orders.csv", tmp_path)

    assert (tmp_path / "online_retail.csv").read_text(encoding="utf-8").split("\n")[1:] == [
        "17850,85123A,2010-12-01 08:26:00,536365,6,2.55",
        "",
    ]
    assert (tmp_path / "online_retail_items.csv").read_text(
        encoding="utf-8"
    ) == "item,title\n85123A,WHITE HEART\n"


def test_a_peer_learns_from_everything_but_each_customers_last_purchase(divided: Path) -> None:
    train, asked = read_train(divided), read_cases(divided)

    assert (len(train.who), asked.cases, asked.items, asked.drop_seen) == (
        USERS * 5,
        USERS,
        ITEMS,
        True,
    )
    assert np.bincount(asked.before.who).tolist() == [5] * USERS
    assert np.array_equal(train.item[train.who == asked.users[0]], asked.before.item[asked.before.who == 0])


def test_the_judge_knows_a_perfect_answer_from_a_wrong_and_a_late_one(divided: Path, tmp_path: Path) -> None:
    cases, items = division.read_targets(divided)
    numbers = np.arange(len(cases))
    right = np.array([case.bought[0] for case in cases])
    wrong = (right + 6) % items
    answers = {
        "perfect": answer(numbers, right, count=len(cases)),
        "wrong": answer(numbers, wrong, count=len(cases)),
        "late": answer(np.concatenate([numbers] * 2), np.concatenate([wrong, right]), count=len(cases)),
    }
    for name, lists in answers.items():
        write_answer(tmp_path / "answers", f"{divided.name}-{name}", lists, {"train_s": 1.5})
    folders = ["--division", str(divided), "--answers", str(tmp_path / "answers")]

    division.main(["judge", *folders, "--out", str(tmp_path / "figures.json")])

    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert {name: round(row["ndcg@10"], 4) for name, row in figures.items()} == {
        "perfect": 1.0,
        "wrong": 0.0,
        "late": 0.6309,  # 1 / log2(3)
    }
    assert (figures["late"]["customers"], figures["late"]["train_s"]) == (USERS, 1.5)


def test_an_answer_keeps_ten_items_a_case_and_says_where_there_are_fewer() -> None:
    lists = answer(np.array([1] * 12 + [0]), np.array([*range(12), 99]), count=3)

    assert lists[:, :2].tolist() == [[99, -1], [0, 1], [-1, -1]]
    assert lists[1].tolist() == list(range(10))


def a_report(**ndcg: float) -> results.Figures:
    rows = [
        {
            "model": model,
            "label": model.capitalize(),
            "ndcg_at_10": value,
            "ndcg_low": value - 0.01,
            "ndcg_high": value + 0.01,
            "recall_at_10": 0.2,
            "hit_rate_at_10": 0.3,
            "mrr_at_10": 0.1,
            "coverage": 0.5,
            "fit_seconds": 2.0,
            "p50_ms": 0.4,
            "customers": 30,
            "is_served": model == "blend",
        }
        for model, value in ndcg.items()
    ]
    return {"metrics": rows, "train_seconds": 100.0, "served": "blend", "reason": None}


def test_the_final_json_names_ours_the_best_simple_model_and_rectools(tmp_path: Path) -> None:
    measured = results.Results(tmp_path / "results.json")
    measured.put(
        "ours:beauty",
        {"report": a_report(markov=0.06, transformer=0.08, ease=0.05, blend=0.07), "rss_mb": 900.0},
    )
    quality = dict.fromkeys(results.QUALITY, 0.065)
    measured.put("implicit:beauty", {"models": {"als": {**quality, "train_s": 3.0}}, "rss_mb": 1.0})
    stops = {
        budget: {
            **quality,
            "ndcg@10": value,
            "budget_s": float(budget),
            "train_s": float(budget),
            "epochs": 1.0,
        }
        for budget, value in (("200", 0.02), ("100", 0.01))
    }
    measured.put("rectools:beauty", {"models": stops, "rss_mb": 1500.0})

    found = results.summary(results.Results(measured.path), ["beauty", "online_retail"])

    assert list(found) == ["beauty"]
    ours, simple, rectools = (found["beauty"][name] for name in ("ours", "best_simple", "rectools_sasrec"))
    assert {name: ours[name] for name in ("ndcg@10", "low", "high", "train_s", "rss_mb", "p50_ms")} == {
        "ndcg@10": 0.07,
        "low": 0.07 - 0.01,
        "high": 0.07 + 0.01,
        "train_s": 100.0,
        "rss_mb": 900.0,
        "p50_ms": 0.4,
    }
    assert (simple["name"], simple["ndcg@10"]) == ("implicit_als", 0.065)
    assert (rectools["ndcg@10"], rectools["train_s"], rectools["with_twice_the_time"]["ndcg@10"]) == (
        0.01,
        100.0,
        0.02,
    )


def test_small_shops_are_judged_by_means_over_the_draws() -> None:
    reports = [a_report(markov=0.2, ease=0.4, blend=0.5), a_report(markov=0.5, ease=0.1, blend=0.3)]
    reports.append({**a_report(), "reason": "not enough data", "train_seconds": 120.0})

    figures = extras.small_shop_figures(reports)

    assert (figures["draws"], figures["draws_with_too_few_customers"], figures["train_s"]) == (2, 1, 120.0)
    assert figures["ndcg@10"] == pytest.approx(0.4)
    assert figures["best_simple"] == {"name": "markov", "ndcg@10": pytest.approx(0.35)}
    assert figures["less_than_each_draws_best"] == pytest.approx((0.1 - 0.2) / 2)
    # Draw by draw 0.3 more and 0.2 less than the simple model best on average: two draws tell nothing.
    lead = figures["more_than_best_simple"]
    assert (lead["mean"], lead["low"], lead["high"]) == pytest.approx((0.05, -0.2, 0.3))


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
def test_a_quick_run_ends_with_one_line_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beauty = a_beauty_folder(tmp_path / "beauty")
    places = ["--beauty", str(beauty), "--folder", str(tmp_path / "out")]

    code = main(["--quick", "--logs", "beauty", "--only", "ours", *places])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert list(found) == ["beauty"]
    assert {"ndcg@10", "low", "high", "train_s", "rss_mb", "p50_ms"} <= set(found["beauty"]["ours"])
    assert {"name", "ndcg@10"} <= set(found["beauty"]["best_simple"])
    assert found["beauty"]["rectools_sasrec"] is None

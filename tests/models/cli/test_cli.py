import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.recommender.api import Progress, Report
from models.recommender.cli.main import main
from models.recommender.cli.printing import as_json
from tests.models.shops import a_busy_shop

NOW = ["--now", "2026-11-01"]
QUICK = [*NOW, "--seconds", "3"]
OPENED = 1_780_000_000  # 28 May 2026, seconds
DAY = 86_400


def a_file(folder: Path, *, shop: str = "busy", name: str = "orders.csv") -> Path:
    """Write the interactions of a made-up shop."""
    path = folder / name
    path.write_text(SHOPS[shop](), encoding="utf-8")
    return path


def busy() -> str:
    """Return a shop with habits, whose products have names."""
    baskets, _ = a_busy_shop()
    rows = [
        f"{user},sku {item},{OPENED + int(day * DAY)},{price}\n"
        for price, (user, day, items) in enumerate(baskets)
        for item in items
    ]
    return "user,item,timestamp,price\n" + "".join(rows)


def browsing() -> str:
    """Return a shop where most customers look, some lay into the cart and few buy."""
    chance = np.random.default_rng(1)
    rows = []
    for customer in range(80):
        liked = chance.choice(40, 3, replace=False)
        for visit in range(8):
            item, moment = chance.choice(liked), OPENED + visit * 6 * DAY + int(chance.integers(DAY))
            for step, event in enumerate(("view", "add_to_cart", "purchase")[: 1 + visit % 3]):
                rows.append(f"c{customer},i{item},{moment + step * 60},{event}\n")
    return "user,item,timestamp,event\n" + "".join(rows)


def one_product() -> str:
    rows = [
        f"c{customer},mug,{OPENED + day * DAY + customer}\n"
        for day in (0, 20, 40, 50)
        for customer in range(40)
    ]
    return "user,item,timestamp\n" + "".join(rows)


def one_second() -> str:
    rows = [
        f"c{customer},i{(customer + step) % 30},{OPENED}\n" for customer in range(60) for step in range(5)
    ]
    return "user,item,timestamp\n" + "".join(rows)


def a_giant() -> str:
    rows = [f"giant,i{step % 50},{OPENED + step * 60}\n" for step in range(8000)]
    rows += [f"c{number % 50},i{number % 30},{OPENED + number * 9000}\n" for number in range(500)]
    return "user,item,timestamp\n" + "".join(rows)


def bought_once() -> str:
    rows = [f"c{number // 3},i{number},{OPENED + number * 9000}\n" for number in range(500)]
    return "user,item,timestamp\n" + "".join(rows)


def two_rows() -> str:
    return f"user,item,timestamp\na,mug,{OPENED}\nb,pot,{OPENED + DAY}\n"


SHOPS = {
    "busy": busy,
    "browsing": browsing,
    "one product": one_product,
    "one second": one_second,
    "a giant": a_giant,
    "bought once": bought_once,
    "two rows": two_rows,
}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One artifact of the busy shop, trained by the command line, for tests that only ask it."""
    folder = tmp_path_factory.mktemp("cli")
    orders = a_file(folder)
    assert main(["train", "--interactions", str(orders), "--out", str(folder / "artifact"), *QUICK]) == 0
    return folder / "artifact"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shop", "split"),
    [
        ("browsing", "last-days:14"),
        ("one product", "last-days:14"),
        ("one product", "leave-one-out"),
        ("one second", "last-days:14"),
        ("one second", "leave-one-out"),
        ("a giant", "leave-one-out"),
        ("bought once", "leave-one-out"),
        ("two rows", "last-days:14"),
    ],
)
def test_any_shop_gets_a_sane_report(
    shop: str, split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "report.json"
    asked = ["--interactions", str(a_file(tmp_path, shop=shop)), "--split", split, "--report", str(told)]

    code = main(["evaluate", *asked, *QUICK])

    report = json.loads(told.read_text(encoding="utf-8"))
    assert code == 0
    assert [row["is_served"] for row in report["metrics"]].count(True) == 1
    for row in report["metrics"]:
        figures = [row[name] for name in ("ndcg_at_10", "recall_at_10", "hit_rate_at_10", "mrr_at_10")]
        assert figures == [None] * 4 or all(0 <= figure <= 1 for figure in figures)
    assert report["summary"] in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_repeat_drop_asks_only_for_what_is_new(tmp_path: Path) -> None:
    orders = a_file(tmp_path)
    customers = {}
    for repeat in ("keep", "drop"):
        told = tmp_path / f"{repeat}.json"
        main(["evaluate", "--interactions", str(orders), "--repeat", repeat, "--report", str(told), *QUICK])
        customers[repeat] = json.loads(told.read_text(encoding="utf-8"))["metrics"][0]["customers"]

    assert 0 <= customers["drop"] < customers["keep"]


def test_score_speaks_the_names_of_the_file(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "--artifact", str(artifact), "-k", "3", "sku 100", "sku 101"]) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert all(line["item"].startswith("sku ") for line in lines)
    assert all(line["reason"]["item"] is None or "sku" in line["reason"]["item"] for line in lines)


def test_what_the_artifact_does_not_know_is_told_and_left_out(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "--artifact", str(artifact), "-k", "1", "unheard of", "sku 100"]) == 0

    answer = capsys.readouterr()
    assert len(answer.out.splitlines()) == 1
    assert answer.err == "Not known to the artifact, and left out of the history: 'unheard of'.\n"
    assert main(["score", "--artifact", str(artifact), "--context", "unheard of"]) == 2
    assert capsys.readouterr().err == "The artifact knows no item 'unheard of'.\n"


def test_explain_says_why_in_words(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = ["explain", "--artifact", str(artifact), "-k", "4", "sku 100", "sku 105", "sku 110"]

    assert main(question) == 0

    plain = capsys.readouterr().out.splitlines()
    assert [bool(re.match(r" *[1-4]\. sku 1\d\d: \w", line)) for line in plain] == [True] * 4


def test_train_writes_an_artifact_that_score_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text(f"user,item,timestamp\nada,5,{OPENED}\n", encoding="utf-8")
    out = str(tmp_path / "artifact")

    assert main(["train", "--interactions", str(orders), "--out", out, *NOW]) == 0
    assert "not enough data" in capsys.readouterr().out
    assert main(["score", "--artifact", str(tmp_path / "artifact"), "-k", "1"]) == 0

    line = json.loads(capsys.readouterr().out)
    assert (line["item"], line["reason"]["kind"], line["reason"]["count"]) == (5, "POPULAR", 1)


EVALUATE = ["evaluate", "--interactions", "orders.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--interactions", "nowhere.csv", "--out", "out"], "There is no file nowhere.csv."),
        (
            ["train", "--interactions", "orders.csv", "--out", "full"],
            "The artifact folder full is not empty.",
        ),
        (["score", "--artifact", "nowhere"], "manifest.json is missing"),
        (["explain", "--artifact", "nowhere"], "manifest.json is missing"),
        (["evaluate", "--interactions", "nowhere.csv"], "There is no file nowhere.csv."),
        (
            ["evaluate", "--interactions", "good.csv", "--items", "nowhere.csv"],
            "There is no file nowhere.csv.",
        ),
        (EVALUATE, "orders.csv row 3, column timestamp: 'soon' is not a moment"),
        ([*EVALUATE, "--split", "random:0.2"], "'random:0.2' is neither leave-one-out nor last-days:N"),
        ([*EVALUATE, "--split", "last-days:-1"], "'last-days:-1' is neither leave-one-out nor last-days:N"),
        ([*EVALUATE, "--report", "no/folder/out.json"], "The folder no/folder for out.json does not exist."),
        (
            ["evaluate", "--interactions", "full"],
            "full is a folder or a pipe; a CSV or Parquet file is expected.",
        ),
        (
            ["evaluate", "--interactions", "positions.csv"],
            "positions.csv has positions, not moments, so there are no last days; use --split leave-one-out.",
        ),
    ],
)
def test_bad_input_is_one_message_and_exit_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full", "here").touch()
    Path("orders.csv").write_text("user,item,timestamp\na,b,2026-01-01\na,b,soon\n")
    Path("good.csv").write_text("user,item,timestamp\na,b,2026-01-01\n")
    Path("positions.csv").write_text("user,item,timestamp\na,b,1\na,c,2\n")
    before = sorted(tmp_path.rglob("*"))

    code = main(arguments)

    errors = capsys.readouterr().err.splitlines()
    assert (code, message in errors[-1]) == (2, True), errors
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["evaluate"], "the following arguments are required: --interactions"),
        ([*EVALUATE, "--seconds", "0"], "argument --seconds: 0 is not above zero"),
        ([*EVALUATE, "--seconds", "soon"], "argument --seconds: invalid"),
        ([*EVALUATE, "--now", "yesterday"], "argument --now: 'yesterday' is not a moment in ISO 8601"),
        ([*EVALUATE, "--repeat", "some"], "argument --repeat: invalid choice: 'some'"),
        (["score", "--artifact", "x", "-k", "0"], "argument -k: 0 is not above zero"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    errors = capsys.readouterr().err.splitlines()
    assert (left.value.code, len(errors), message in errors[0]) == (2, 1, True), errors


@pytest.mark.parametrize("command", ["evaluate", "train", "score", "explain", "reproduce"])
def test_help_fits_a_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])

    told = capsys.readouterr().out
    assert (left.value.code, told.startswith(f"usage: python -m models.recommender {command}")) == (0, True)
    assert max(map(len, told.splitlines())) <= 110


def test_score_refuses_a_damaged_artifact(
    trained: tuple[Report, list[Progress]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = Path(shutil.copytree(trained[0].manifest.parent, tmp_path / "artifact"))
    damaged = next(artifact.glob("*.npy"))
    damaged.write_bytes(b"nothing")

    assert main(["score", "--artifact", str(artifact), "100"]) == 2

    assert f"{damaged.name} does not match" in capsys.readouterr().err


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_json_holds_everything_and_no_figure_that_is_none(
    trained: tuple[Report, list[Progress]], figure: float
) -> None:
    read = json.loads(as_json(replace(trained[0], peak_memory_mb=figure, params={"folder": Path("here")})))

    assert read["peak_memory_mb"] is None
    assert read["params"] == {"folder": "here"}
    assert len(read["metrics"][0]["intervals"]["mrr_at_10"]) == 2

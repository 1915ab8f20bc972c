import json
import shutil
from pathlib import Path

import pytest

from models.recommender.__main__ import main
from models.recommender.api import Progress, Report
from tests.models.shops import a_dataset

ORDER_LINES = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n" + "".join(
    f"{1000 + number},{number % 3 + 22420},MUG,1,2010-12-{number + 1:02d} 08:26:00,2.5,{number % 4}.0,UK\n"
    for number in range(12)
)


def test_train_writes_an_artifact_that_score_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = a_dataset(tmp_path / "dataset", [("ada", 1, [5])], [5, 6])

    assert main(["train", "--dataset", str(dataset), "--out", str(tmp_path / "artifact")]) == 0
    assert "not enough data" in capsys.readouterr().out
    assert main(["score", "--artifact", str(tmp_path / "artifact"), "-k", "1"]) == 0

    line = json.loads(capsys.readouterr().out)
    assert (line["item"], line["reason"]) == (5, {"kind": "POPULAR", "item": None, "count": 1})


def test_evaluate_reads_order_lines_and_writes_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, report = tmp_path / "orders.csv", tmp_path / "report.json"
    orders.write_text(ORDER_LINES, encoding="utf-8")

    assert main(["evaluate", "--order-lines", str(orders), "--report", str(report)]) == 0

    assert "Popular products (served)" in capsys.readouterr().out
    assert json.loads(report.read_text(encoding="utf-8"))["interactions"] == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--dataset", "nowhere", "--out", "out"], "nowhere has no dataset.json"),
        (["score", "--artifact", "nowhere"], "manifest.json is missing"),
        (["evaluate", "--order-lines", "nowhere.csv"], "nowhere.csv"),
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

    code = main(arguments)

    error = capsys.readouterr().err.splitlines()[-1]
    assert (code, message in error) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_score_refuses_a_damaged_artifact(
    trained: tuple[Report, list[Progress]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = Path(shutil.copytree(trained[0].manifest.parent, tmp_path / "artifact"))
    (artifact / "item_ids.npy").write_bytes(b"nothing")

    assert main(["score", "--artifact", str(artifact), "100"]) == 2

    assert "item_ids.npy does not match" in capsys.readouterr().err

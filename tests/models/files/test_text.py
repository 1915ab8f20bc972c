from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.recommender.files.interactions import read_interactions
from models.recommender.values import DatasetInvalid

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
OPEN = "a quotation mark opens the value and does not close at its end."
LINES = "the value goes over 2 lines; is a quotation mark left open?"


def write(folder: Path, rows: list[list[str]], *, delimiter: str = ",", name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows), encoding="utf-8")
    return path


HEADER = ["user", "item", "timestamp", "note"]
DAY = "2026-05-01"


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "orders.csv"), (";", "orders.csv"), ("\t", "orders.tsv")]
)
@pytest.mark.parametrize(
    ("case", "rows", "message"),
    [
        (
            "opened and closed by the mark of a later row",
            [["ada", '"mug', DAY, ""], ["bob", "pot", DAY, ""], ["eve", '"pan', DAY, ""]],
            f"row 2, column item: {OPEN}",
        ),
        (
            "opened and never closed",
            [["ada", "mug", DAY, ""], ["bob", '"pot', DAY, ""], ["eve", "pan", DAY, ""]],
            f"row 3, column item: {OPEN}",
        ),
        (
            "opened in a column that is not read",
            [["ada", "mug", DAY, '"big'], ["bob", "pot", DAY, ""]],
            f"row 2, column note: {OPEN}",
        ),
        (
            "closed before the value ends",
            [["ada", '"mug" big', DAY, ""]],
            f"row 2, column item: {OPEN}",
        ),
        (
            "escaped by a backslash",
            [["ada", '"12\\" mug"', DAY, ""]],
            f"row 2, column item: {OPEN}",
        ),
        (
            "closed in the next row, as if the value went over two lines",
            [["ada", "mug", DAY, ""], ["bob", '"pot', DAY, ""], ["eve", 'pan"', DAY, ""]],
            f"row 3, column item: {LINES}",
        ),
        (
            "swallowing rows in a column that is not read",
            [["ada", "mug", DAY, '"big'], ["bob", "pot", DAY, 'small"'], ["eve", "pan", DAY, ""]],
            f"row 2, column note: {LINES}",
        ),
        (
            "opened after a space and closed before the value ends",
            [["ada", "mug", DAY, ""], ["bob", ' "mug" big', DAY, ""]],
            f"row 3, column item: {OPEN}",
        ),
    ],
)
def test_marks_that_are_not_quotes_in_every_row_are_refused(
    case: str, rows: list[list[str]], message: str, delimiter: str, name: str, tmp_path: Path
) -> None:
    path = write(tmp_path, [HEADER, *rows], delimiter=delimiter, name=name)

    with pytest.raises(DatasetInvalid) as refused:
        read_interactions(path, now=NOW)

    assert str(refused.value) == f"{name} {message}", case


def test_rows_are_counted_past_values_of_several_lines_and_blank_lines(tmp_path: Path) -> None:
    rows = [["ada", "mug", DAY, '"big\nand round"'], [""], ["bob", '"pot', DAY, ""]]
    path = write(tmp_path, [[""], HEADER, *rows])

    with pytest.raises(DatasetInvalid) as refused:
        read_interactions(path, now=NOW)

    assert str(refused.value) == f"orders.csv row 5, column item: {OPEN}"


def test_quotes_that_close_are_read(tmp_path: Path) -> None:
    rows = [['"ada"', '"mug, ""big"""', DAY, '"in two\nlines"'], ["bob", '12" pan', DAY, ""]]
    rows.append(["bob", ' "lid"', DAY, ""])
    path = write(tmp_path, [HEADER, *rows])

    log = read_interactions(path, now=NOW)

    assert log.item_names == ('12" pan', "lid", 'mug, "big"')


def test_a_title_may_go_over_several_lines(tmp_path: Path) -> None:
    items = write(tmp_path, [["item", "title"], ["mug", '"Big,\nround"']], name="items.csv")
    orders = write(tmp_path, [HEADER, ["ada", "mug", DAY, ""]])

    log = read_interactions(orders, items, now=NOW)

    assert log.facts[0].title == "Big,\nround"


def test_an_id_of_the_items_file_may_not(tmp_path: Path) -> None:
    items = write(tmp_path, [["item", "title"], ['"mug', "Big"], ['pot"', "Round"]], name="items.csv")
    orders = write(tmp_path, [HEADER, ["ada", "mug", DAY, ""]])

    with pytest.raises(DatasetInvalid) as refused:
        read_interactions(orders, items, now=NOW)

    assert str(refused.value) == f"items.csv row 2, column item: {LINES}"

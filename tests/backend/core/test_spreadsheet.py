"""Tables for spreadsheets: what is written comes back, and nothing in it is run."""

import csv
import io

import pytest

from backend.core.spreadsheet import csv_line

RUN = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize(
    "cells",
    [
        ["plain", "", "a, b", 'he said "so"', "two\r\nlines", "naïve café 茶"],
        ["3 - 2", "a-b", "shop@example.com", "−1.1%", "x = y"],
    ],
)
def test_a_table_is_read_back_as_it_was_written(cells: list[str]) -> None:
    line = csv_line(cells)

    assert line.endswith("\r\n")
    assert next(csv.reader(io.StringIO(line, newline=""))) == cells


@pytest.mark.parametrize("begin", list(RUN))
def test_no_cell_begins_with_what_a_spreadsheet_runs(begin: str) -> None:
    [cell] = next(csv.reader(io.StringIO(csv_line([f"{begin}1+1"]), newline="")))

    assert cell[0] == "'"
    assert cell.endswith("1+1")


@pytest.mark.parametrize("before", ["  ", "\n", "a\n", "a\r\n", "a;", "a,", 'a"', '","', "a|", "a\t"])
@pytest.mark.parametrize("begin", list("=+-@＝＋－＠"))
def test_no_cell_that_another_reader_finds_inside_one_begins_so_either(before: str, begin: str) -> None:
    line = csv_line([f"{before}{begin}cmd|'/c calc'!A1"])

    assert f"{before[-1].replace(chr(34), chr(34) * 2)}{begin}cmd" not in line
    assert f"'{begin}cmd" in line

"""
Whether the quotation marks of a text file are what a reader takes them for.

A mark at the start of a value quotes it to the next mark, line breaks and delimiters included (RFC 4180).
Where a file means no quoting by it, a reader swallows all rows up to the next mark and nothing fails.
So a mark that opens a value must close where the value ends, in every row.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO

from models.recommender.files.dataset import DatasetInvalid

MARK = b'"'
BLOCK_BYTES = 1 << 20
STARTS_LIKE_A_MOMENT = re.compile(r"\s*\d{4}")


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out: the names of its columns, what parts them, lines before the rows."""

    names: list[str]
    delimiter: str
    lines: int


def has_marks(stream: IO[bytes]) -> bool:
    """Return whether a text holds any quotation mark; most logs hold none, and this is told fast."""
    return any(MARK in block for block in iter(lambda: stream.read(BLOCK_BYTES), b""))


def require_closed(stream: IO[bytes], file: str, layout: Layout, *, one_line: Collection[str]) -> None:
    """
    Refuse a text in which a quotation mark opens a value and does not close at its end, or is part of one.

    :param one_line: columns whose values can't go over several lines, as titles may
    :raises DatasetInvalid: naming row and column of the first
    """
    places = [place for place, name in enumerate(layout.names) if name in one_line]
    with io.TextIOWrapper(stream, encoding="latin-1", newline="") as text:
        record = _Record(text)
        rows = csv.reader(record, delimiter=layout.delimiter, strict=True)
        row = 0
        while (cells := _next_row(rows, record, f"{file} row {row + 1}", layout)) is not None:
            # Blank lines may come before the header, which has the number of its last line.
            row += record.lines if row < layout.lines else 1
            if row > layout.lines:
                _require_nothing_before(cells, places, f"{file} row {row}", layout)
            if row > layout.lines and record.lines > 1:
                _require_own_lines(cells, places, f"{file} row {row}", layout)


class _Record:
    """The lines of a text, a sign for each byte, with how many make up the row that is being read."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self.begin()

    def begin(self) -> None:
        self.lines, self.first = 0, ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._text)
        self.first = self.first if self.lines else line
        self.lines += 1
        return line


def _next_row(rows: Iterator[list[str]], record: _Record, where: str, layout: Layout) -> list[str] | None:
    record.begin()
    try:
        return next(rows, None)
    except csv.Error as error:
        column = _column(layout, _open_place(record.first, layout.delimiter))
        raise DatasetInvalid(
            f"{where}{column}: a quotation mark opens the value and does not close at its end."
        ) from error


def _column(layout: Layout, place: int) -> str:
    return f", column {layout.names[place]}" if place < len(layout.names) else ""


def _open_place(line: str, delimiter: str) -> int:
    """Return the place of the first value of a line that a mark opens and none closes."""
    value = re.compile(rf'(?:"(?:[^"]|"")*"|[^"{re.escape(delimiter)}][^{re.escape(delimiter)}]*|)')
    place, at = 0, 0
    while (found := value.match(line, at)) and line[found.end() : found.end() + 1] == delimiter:
        place, at = place + 1, found.end() + 1
    return place


def _require_nothing_before(cells: list[str], places: list[int], where: str, layout: Layout) -> None:
    """Refuse a mark after spaces: it would be part of the value, which is another one without it."""
    for place in places:
        if place < len(cells) and cells[place][:1] == " " and cells[place].lstrip()[:1] == '"':
            raise DatasetInvalid(
                f"{where}{_column(layout, place)}: a space stands before the quotation mark."
            )


def _require_own_lines(cells: list[str], places: list[int], where: str, layout: Layout) -> None:
    """Refuse a row whose value of several lines has swallowed other rows, however well it closes."""
    for place, cell in enumerate(cells):
        lines = cell.splitlines()
        if len(lines) > 1 and (place in places or any(_is_row(line, layout) for line in lines[1:])):
            raise DatasetInvalid(
                f"{where}{_column(layout, place)}: the value goes over {len(lines)} lines; is a quotation "
                f"mark left open?"
            )


def _is_row(line: str, layout: Layout) -> bool:
    """Return whether a line inside a value looks like a row of interactions itself."""
    cells = line.split(layout.delimiter)
    if len(cells) != len(layout.names) or "timestamp" not in layout.names:
        return False
    return bool(STARTS_LIKE_A_MOMENT.match(cells[layout.names.index("timestamp")]))

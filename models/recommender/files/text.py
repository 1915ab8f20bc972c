"""
Reading CSV and TSV as RFC 4180 has it, and nothing that could be meant otherwise.

A mark at the start of a value quotes it to the next mark, line breaks and delimiters included. Where a
file means no quoting by it, a reader swallows all rows up to the next mark and nothing fails. So a mark
that opens a value must close where the value ends, in every row.
"""

import csv
import gzip
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TextIO, cast

import pyarrow as pa

from models.recommender.values import DatasetInvalid

Tell = Callable[[str], None]

HEAD_BYTES = 65_536  # enough for a header and for a look at what a file is
BLOCK_ROWS = 65_536  # that are made a column at once
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
GZIP = b"\x1f\x8b"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
STARTS_LIKE_A_MOMENT = re.compile(r"\s*\d{4}")
UNDECODED = re.compile("[\udc80-\udcff]")  # what a byte that is not UTF-8 is read as
LONGEST_QUOTE = 60  # characters of a bad value that a message repeats
OPEN = "a quotation mark opens the value and does not close at its end"


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out: the names of its columns, what parts them, rows up to the header."""

    file: str
    names: list[str]
    delimiter: str
    rows: int

    def at(self, row: int, place: int | None) -> str:
        """Return how a message calls a cell, or a row."""
        is_named = place is not None and place < len(self.names)
        return f"{self.file} row {row}" + (f", column {self.names[place or 0]}" if is_named else "")


def read_text(
    path: Path,
    required: Sequence[str],
    choose: Callable[[Sequence[str]], list[str]],
    *,
    one_line: Collection[str],
    most: int,
    tell: Tell,
) -> tuple[pa.Table, int]:
    """
    Return the chosen columns as words, with the number of the first row.

    :param choose: the columns to read out of those there are
    :param one_line: columns whose values can't go over several lines, as titles may
    :param most: no more than a block of rows above that are read
    """
    layout = _layout(path, required)
    chosen = {name: layout.names.index(name) for name in choose(layout.names)}
    if layout.delimiter != _usual(path):
        tell(f"{path.name}: a {DELIMITERS[layout.delimiter]} parts its columns.")
    parts: dict[str, list[pa.Array]] = {name: [] for name in chosen}
    first = layout.rows + 1
    for block in _blocks(path, layout, one_line):
        for name, place in chosen.items():
            parts[name].append(_as_words([row[place] for row in block], layout, place, first))
        first += len(block)
        if first > most + layout.rows + 1:
            break
    columns = {name: pa.chunked_array(chunks, pa.string()) for name, chunks in parts.items()}
    return pa.table(columns), layout.rows + 1


def _layout(path: Path, required: Sequence[str]) -> Layout:
    """Return the layout by which a file has the required columns; blank lines may come before them."""
    with _unpacked(path) as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith(UTF16):
        raise DatasetInvalid(f"{path.name} is UTF-16 text; save it as UTF-8.")
    if b"\0" in head:
        raise DatasetInvalid(f"{path.name} is neither text nor Parquet; a CSV or Parquet file is expected.")
    text = head.decode("utf-8-sig", errors="replace")
    delimiters = dict.fromkeys([_usual(path), *DELIMITERS])
    layouts = [_parted(path.name, text, delimiter) for delimiter in delimiters]
    return next((layout for layout in layouts if set(required) <= set(layout.names)), layouts[0])


def _usual(path: Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","


def _parted(file: str, text: str, delimiter: str) -> Layout:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        cells = next((row for row in reader if any(cell.strip() for cell in row)), [])
    except csv.Error:
        cells = []
    return Layout(file, [cell.strip().lower() for cell in cells], delimiter, reader.line_num)


def _unpacked(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        is_packed = stream.read(2) == GZIP
    # A GzipFile is a stream of bytes in all but its declared type.
    return cast("IO[bytes]", gzip.open(path)) if is_packed else path.open("rb")


def _opened(path: Path) -> TextIO:
    return io.TextIOWrapper(_unpacked(path), "utf-8-sig", errors="surrogateescape", newline="")


def _blocks(path: Path, layout: Layout, one_line: Collection[str]) -> Iterator[list[list[str]]]:
    with _opened(path) as lines:
        rows = _rows(path, lines, layout, one_line)
        while block := list(islice(rows, BLOCK_ROWS)):
            yield block


def _rows(path: Path, lines: TextIO, layout: Layout, one_line: Collection[str]) -> Iterator[list[str]]:
    """Yield the rows below the header, each with a cell for each of its columns."""
    for _ in range(layout.rows):
        next(lines)
    reader = csv.reader(lines, delimiter=layout.delimiter, strict=True, skipinitialspace=True)
    width, number, read = len(layout.names), layout.rows, 0
    blank = [""] * width
    try:
        for cells in reader:
            number += 1
            if len(cells) != width and cells:
                raise DatasetInvalid(_uneven(layout, number, cells))
            if reader.line_num > read + 1:
                _require_own_lines(cells, one_line, number, layout)
            read = reader.line_num
            yield cells or blank
    except csv.Error as error:
        place = _open_place(path, layout.rows + read, layout.delimiter)
        raise DatasetInvalid(f"{layout.at(number + 1, place)}: {OPEN}.") from error


def _uneven(layout: Layout, row: int, cells: list[str]) -> str:
    shown, width = quoted(layout.delimiter.join(cells)), len(layout.names)
    return f"{layout.at(row, None)} has {len(cells)} columns where the header has {width}: {shown}."


def _open_place(path: Path, lines_before: int, delimiter: str) -> int:
    """Return the place of the first value of a line that a mark opens and none closes."""
    with _opened(path) as lines:
        line = next(islice(lines, lines_before, None), "")
    other = re.escape(delimiter)
    value = re.compile(rf' *(?:"(?:[^"]|"")*"|[^"{other}][^{other}]*|)')
    place, at = 0, 0
    while (found := value.match(line, at)) and line[found.end() : found.end() + 1] == delimiter:
        place, at = place + 1, found.end() + 1
    return place


def _require_own_lines(cells: list[str], one_line: Collection[str], row: int, layout: Layout) -> None:
    """Refuse a row whose value of several lines has swallowed other rows, however well it closes."""
    for place, cell in enumerate(cells):
        lines = cell.splitlines()
        if len(lines) > 1 and (
            layout.names[place] in one_line or any(_is_row(line, layout) for line in lines[1:])
        ):
            raise DatasetInvalid(
                f"{layout.at(row, place)}: the value goes over {len(lines)} lines; is a quotation mark left "
                f"open?"
            )


def _is_row(line: str, layout: Layout) -> bool:
    """Return whether a line inside a value looks like a row of interactions itself."""
    cells = line.split(layout.delimiter)
    if len(cells) != len(layout.names) or "timestamp" not in layout.names:
        return False
    return bool(STARTS_LIKE_A_MOMENT.match(cells[layout.names.index("timestamp")]))


def _as_words(words: list[str], layout: Layout, place: int, first: int) -> pa.Array:
    """Return some rows of a column; ``first`` is the number of the first of them."""
    try:
        return pa.array(words, pa.string())
    except UnicodeEncodeError as error:
        row, found = next(
            (row, bad) for row, word in enumerate(words, first) if (bad := UNDECODED.search(word))
        )
        byte = ord(found[0]) - 0xDC00
        raise DatasetInvalid(f"{layout.at(row, place)}: byte 0x{byte:02x} is not UTF-8.") from error


def several(count: int, noun: str) -> str:
    """Return a count with its noun, as in ``1 row`` and ``2 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def quoted(value: object) -> str:
    """Return a bad value as a message shows it: short, and without control characters."""
    text = str(value)
    return repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…")

"""
One table in a file that anybody may have written: CSV or TSV (also gzipped) or Parquet, in columns.

A file's kind is told by its first bytes, not by its name. Rows are numbered as a spreadsheet shows
them: in a text file the header is row 1, in Parquet the first row is row 1.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from models.recommender.files.dataset import DatasetInvalid
from models.recommender.files.quoting import Layout, has_marks, require_closed
from models.recommender.log.arrays import Bools, Ints, Reals

Tell = Callable[[str], None]

ROW_LIMIT = 20_000_000  # four times the largest log that the models are made for; about 4 GiB
HEAD_BYTES = 65_536  # of a text file: enough for its header and for a look at what it is
BLOCK_BYTES = 4 << 20  # of a text file that is read at once; also the longest row
LONGEST_QUOTE = 60  # characters of a bad value that a message repeats
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
# What tools write where a number or a moment is missing. Among ids and words the same signs are a value:
# an item may be called NA, so only an empty cell is missing there.
MISSING = ("", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "n/a", "<NA>", "NaT", r"\N")
EMPTY = ("",)
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
LOSSY = 2.0**53  # from here on not every whole number is a fraction of 64 bits
TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Table:
    """
    The columns of one file by their names in lower case.

    Text columns hold the bytes of the file: they are decoded where they are used.
    """

    path: Path
    columns: dict[str, pa.ChunkedArray]
    rows: int
    first_row: int  # the number that a reader of the file gives to row 0
    tell: Tell
    kept: Ints | None = None  # the rows of the file that are left, if not all

    def row(self, index: int) -> int:
        """Return the number of a row as the file's reader counts."""
        return self.first_row + (index if self.kept is None else int(self.kept[index]))

    def where(self, keep: Bools) -> "Table":
        """Return the table with the marked rows only; they keep their numbers."""
        if keep.all():
            return self
        columns = {name: column.filter(pa.array(keep)) for name, column in self.columns.items()}
        return replace(self, columns=columns, rows=int(keep.sum()), kept=np.flatnonzero(keep))

    def say(self, message: str) -> None:
        """Tell something about this file."""
        self.tell(f"{self.path.name}: {message}")

    def wrong(self, name: str, index: int, what: str) -> DatasetInvalid:
        """Return the error of one cell."""
        return DatasetInvalid(f"{self.path.name} row {self.row(index)}, column {name}: {what}")

    def coded(self, name: str) -> "Cells":
        """Return a column of ids or words as places in a list of the distinct ones."""
        return self._coded(name, self.columns[name], first=0, missing=EMPTY)

    def blocks(self, name: str, *, missing: Sequence[str] = MISSING) -> Iterator["Cells"]:
        """Yield a column in pieces, each with its own words: less memory where few words repeat."""
        first = 0
        for chunk in self.columns[name].chunks:
            yield self._coded(name, pa.chunked_array([chunk]), first=first, missing=missing)
            first += len(chunk)

    def _coded(self, name: str, column: pa.ChunkedArray, *, first: int, missing: Sequence[str]) -> "Cells":
        if pa.types.is_nested(column.type):
            raise self.wrong(name, 0, f"the column holds {column.type}, not text.")
        if pa.types.is_floating(column.type):
            column = self._whole(name, column)
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        unified = encoded.unify_dictionaries()
        words = unified.chunk(0).dictionary if unified.num_chunks else pa.array([], pa.string())
        parts = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in unified.chunks]
        places = np.concatenate([*parts, np.zeros(0, dtype=np.int32)])
        plain = self._text(name, words, Cells(places, words, first))
        trimmed = pc.utf8_trim_whitespace(plain)
        is_missing = pc.is_in(trimmed, pa.array([*missing, None]))
        if trimmed.equals(plain) and not pc.any(is_missing).as_py():
            return Cells(places, plain, first)
        # Cells that differ by spaces around them only are one word.
        distinct = pc.if_else(is_missing, None, trimmed).dictionary_encode()
        moved = np.append(distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int32(-1))
        return Cells(moved[places], distinct.dictionary, first)

    def words(self, name: str) -> list[str | None]:
        """Return a column as trimmed text, one entry a row."""
        cells = self.coded(name)
        known = [*cells.words.to_pylist(), None]
        return [known[place] for place in cells.places]

    def missing(self, name: str, words: Sequence[str] = EMPTY) -> Bools:
        """Return where a column's cells are empty, or hold one of the words that mean so."""
        column = self.columns[name]
        if self.is_text(name):
            return np.concatenate([cells.places < 0 for cells in self.blocks(name, missing=words)])
        is_missing: Bools = column.is_null(nan_is_null=True).to_numpy()
        return is_missing

    def numbers(self, name: str) -> Reals:
        """
        Return a column as numbers; NaN where a cell is empty.

        :raises DatasetInvalid: if a cell holds anything else, or infinity
        """
        if self.is_text(name):
            numbers = np.concatenate([self._numbers(name, cells) for cells in self.blocks(name)])
        else:
            self._require_numeric(name)
            numbers = pc.cast(self.columns[name], pa.float64(), safe=False).to_numpy()
        endless = np.flatnonzero(np.isinf(numbers))
        if len(endless):
            raise self.wrong(name, int(endless[0]), "infinity is not an amount.")
        return numbers

    def _numbers(self, name: str, cells: "Cells") -> Reals:
        known = self.cast(name, cells, pa.float64(), "is not a number")
        numbers: Reals = np.append(known.to_numpy(zero_copy_only=False), np.nan)[cells.places]
        return numbers

    def is_text(self, name: str) -> bool:
        """Return whether a column holds words, which in a text file is every column."""
        kind = self.columns[name].type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        return any(test(kind) for test in TEXT_TYPES)

    def cast(self, name: str, cells: "Cells", kind: pa.DataType, complaint: str) -> pa.Array:
        """Return the distinct words of cells as another type, or complain of the first misfit."""
        try:
            return pc.cast(cells.words, kind)
        except pa.ArrowInvalid:
            misfit = _first_misfit(cells.words, kind)
        raise self.wrong(name, cells.index(misfit), f"{quoted(cells.words[misfit].as_py())} {complaint}.")

    def _require_numeric(self, name: str) -> None:
        kind = self.columns[name].type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise self.wrong(name, 0, f"the column holds {kind}, not numbers.")

    def _whole(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return ids that became fractions because one of them was missing as whole numbers again."""
        known = pc.if_else(pc.is_nan(column), None, column)
        too_long = pc.index(pc.greater_equal(pc.abs(known), LOSSY), True).as_py()
        if too_long >= 0:
            raise self.wrong(
                name, too_long, "the column holds fractions, in which an id so long loses digits."
            )
        try:
            return pc.cast(known, pa.int64())
        except pa.ArrowInvalid as error:
            raise self.wrong(name, 0, f"the column holds fractions, not ids ({error}).") from error

    def _text(self, name: str, values: pa.Array, cells: "Cells") -> pa.StringArray:
        """Return the distinct values of a column as text."""
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        try:
            return pc.cast(values, pa.string())
        except pa.ArrowInvalid:
            return self._decoded(name, values, cells)

    def _decoded(self, name: str, values: pa.Array, cells: "Cells") -> pa.StringArray:
        """Return cells as UTF-8 where they are, and else as Windows-1252, which western tools write."""
        found: list[str | None] = []
        misfits: list[tuple[int, int]] = []
        for place, value in enumerate(values.to_pylist()):
            try:
                found.append(None if value is None else value.decode("utf-8"))
            except UnicodeDecodeError as error:
                index = cells.index(place)
                misfits.append((index, value[error.start]))
                found.append(self._western(name, index, value))
        index, byte = min(misfits)
        self.say(
            f"row {self.row(index)}, column {name}: byte 0x{byte:02x} is not UTF-8; "
            f"{several(len(misfits), 'value')} of the column read as Windows-1252."
        )
        return pa.array(found, pa.string())

    def _western(self, name: str, index: int, value: bytes) -> str:
        try:
            return value.decode("cp1252")
        except UnicodeDecodeError as error:
            raise self.wrong(
                name, index, f"byte 0x{value[error.start]:02x} is neither UTF-8 nor Windows-1252."
            ) from error


@dataclass(frozen=True)
class Cells:
    """Cells of a column as places in a list of distinct words; -1 where a cell is empty."""

    places: NDArray[np.int32]
    words: pa.StringArray
    first: int  # the index of the first cell's row

    def index(self, place: int) -> int:
        """Return the index of the first row that holds a word."""
        return self.first + int(np.argmax(self.places == place))


def several(count: int, noun: str) -> str:
    """Return a count with its noun, as in ``1 row`` and ``2 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def quoted(value: object) -> str:
    """Return a bad value as a message shows it: short, and without control characters."""
    text = str(value)
    return repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…")


def read_table(
    path: Path,
    *,
    required: Sequence[str],
    optional: Collection[str] | None,
    one_line: Collection[str],
    tell: Tell,
) -> Table:
    """
    Return the required and optional columns of a file; all of them if ``optional`` is None.

    :param one_line: columns of a text file whose values can't go over several lines, as titles may
    :raises DatasetInvalid: if there is no such table in the file
    """
    if path.is_dir():
        raise DatasetInvalid(f"{path} is a folder; a CSV or Parquet file is expected.")
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        if not magic:
            raise DatasetInvalid(f"{path.name} is empty.")
        if magic == PARQUET:
            table = _read_parquet(path, required, optional, tell)
        else:
            table = _read_text(path, required, optional, one_line, tell)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise DatasetInvalid(_unreadable(path, error)) from error
    if not table.rows:
        raise DatasetInvalid(f"{path.name} has a header but no rows.")
    return table


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}."
    return f"{path.name} cannot be read: it is damaged or cut short ({_first_line(error)})."


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def _first_misfit(values: pa.Array, kind: pa.DataType) -> int:
    """Return where the first value stands that cannot be cast, by halving."""
    first, last = 0, len(values)
    while last - first > 1:
        middle = (first + last) // 2
        try:
            pc.cast(values.slice(first, middle - first), kind)
            first = middle
        except pa.ArrowInvalid:
            last = middle
    return first


def _chosen(
    path: Path, names: Sequence[str], required: Sequence[str], optional: Collection[str] | None, tell: Tell
) -> list[str]:
    """Return the columns to read out of those that a file has."""
    for place, name in enumerate(names):
        if name and name in names[:place]:
            raise DatasetInvalid(f"{path.name} has two columns {name}.")
    missing = [name for name in required if name not in names]
    if missing:
        found = ", ".join(quoted(name) for name in names[:20]) or "none"
        raise DatasetInvalid(
            f"{path.name} has no column {' and no column '.join(missing)}. Its columns are: {found}."
        )
    if optional is None:
        return [name for name in names if name]
    unused = [name for name in names if name and name not in required and name not in optional]
    if unused:
        tell(f"{path.name}: not used: column {', '.join(unused[:20])}.")
    return [name for name in names if name in required or name in optional]


def _read_parquet(path: Path, required: Sequence[str], optional: Collection[str] | None, tell: Tell) -> Table:
    source = parquet.ParquetFile(path)
    if source.metadata.num_rows > ROW_LIMIT:
        raise _too_long(path)
    spelled = source.schema_arrow.names
    names = [name.strip().lower() for name in spelled]
    chosen = _chosen(path, names, required, optional, tell)
    read = source.read(columns=[spelled[names.index(name)] for name in chosen])
    columns = {name: _plain(read.column(spelled[names.index(name)])) for name in chosen}
    return Table(path, columns, read.num_rows, first_row=1, tell=tell)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without types that say nothing of it: one that is null in every row is an empty one."""
    for is_odd, usual in (
        (pa.types.is_null, pa.string()),
        (pa.types.is_string_view, pa.large_string()),
        (pa.types.is_binary_view, pa.large_binary()),
    ):
        if is_odd(column.type):
            return pc.cast(column, usual)
    return column


def _too_long(path: Path) -> DatasetInvalid:
    return DatasetInvalid(f"{path.name} has more than {ROW_LIMIT:,} rows; leave out the oldest.")


def _read_text(
    path: Path,
    required: Sequence[str],
    optional: Collection[str] | None,
    one_line: Collection[str],
    tell: Tell,
) -> Table:
    layout = _layout(path, required)
    chosen = _chosen(path, layout.names, required, optional, tell)
    _require_closed_quotes(path, layout, one_line)
    usual = "\t" if ".tsv" in path.suffixes else ","
    if layout.delimiter != usual:
        tell(f"{path.name}: a {DELIMITERS[layout.delimiter]} parts its columns.")
    parts: dict[str, list[pa.Array]] = {name: [] for name in chosen}
    rows = 0
    for batch in _batches(path, layout, chosen):
        rows += batch.num_rows
        if rows > ROW_LIMIT:
            raise _too_long(path)
        for name in chosen:
            parts[name].append(_packed(batch.column(name)))
    columns = {name: _joined(chunks) for name, chunks in parts.items()}
    return Table(path, columns, rows, first_row=layout.lines + 1, tell=tell)


def _require_closed_quotes(path: Path, layout: Layout, one_line: Collection[str]) -> None:
    with _unpacked(path) as stream:
        if not has_marks(stream):
            return
    with _unpacked(path) as stream:
        require_closed(stream, path.name, layout, one_line=one_line)


def _packed(column: pa.Array) -> pa.Array:
    """Return a column with each distinct value once: ids, words and days repeat."""
    return column.dictionary_encode()


def _joined(chunks: list[pa.Array]) -> pa.ChunkedArray:
    return pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.binary()))


def _layout(path: Path, required: Sequence[str]) -> Layout:
    head = _head(path)
    if head.startswith(UTF16):
        raise DatasetInvalid(f"{path.name} is UTF-16 text; save it as UTF-8.")
    if b"\0" in head:
        raise DatasetInvalid(f"{path.name} is neither text nor Parquet; a CSV or Parquet file is expected.")
    text = head.decode("utf-8-sig", errors="replace")
    first = "\t" if ".tsv" in path.suffixes else ","
    layouts = [_parted(text, delimiter) for delimiter in dict.fromkeys([first, *DELIMITERS])]
    return next((layout for layout in layouts if set(required) <= set(layout.names)), layouts[0])


def _head(path: Path) -> bytes:
    with _unpacked(path) as stream:
        return stream.read(HEAD_BYTES)


def _unpacked(path: Path) -> IO[bytes]:
    # A GzipFile is a stream of bytes in all but its declared type.
    return cast("IO[bytes]", gzip.open(path)) if _is_packed(path) else path.open("rb")


def _parted(text: str, delimiter: str) -> Layout:
    """Return the layout of a text whose columns a delimiter parts; blank lines may come first."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        cells = next((row for row in reader if any(cell.strip() for cell in row)), [])
    except csv.Error:
        cells = []
    return Layout([cell.strip().lower() for cell in cells], delimiter, reader.line_num)


def _batches(path: Path, layout: Layout, chosen: Collection[str]) -> Any:
    """Yield the rows of a text file in blocks, each cell as the bytes of the file."""
    uneven: list[Any] = []

    def refuse(row: Any) -> str:
        uneven.append(row)
        return "error"

    # Columns without a name get one that no header can hold.
    names = [name or f"\0{place}" for place, name in enumerate(layout.names)]
    try:
        yield from arrow_csv.open_csv(
            pa.input_stream(path, compression="gzip" if _is_packed(path) else None),
            # One thread: only then does a refused row come with its number.
            arrow_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=layout.lines
            ),
            arrow_csv.ParseOptions(
                delimiter=layout.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=refuse,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), include_columns=list(chosen)
            ),
        )
    except pa.ArrowInvalid as error:
        if uneven:
            raise DatasetInvalid(_uneven(path, uneven[0])) from error
        if "straddling" in str(error):
            raise DatasetInvalid(
                f"{path.name} has a row longer than {BLOCK_BYTES >> 20} MiB; is a quotation mark left open?"
            ) from error
        if "Could not skip" not in str(error) and "Empty CSV" not in str(error):
            raise


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == GZIP


def _uneven(path: Path, row: Any) -> str:
    return (
        f"{path.name} row {row.number} has {row.actual_columns} columns where the header has "
        f"{row.expected_columns}: {quoted(row.text)}."
    )

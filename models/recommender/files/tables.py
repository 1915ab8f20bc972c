"""
One table in a file that anybody may have written: CSV or TSV (also gzipped) or Parquet, in columns.

A file's kind is told by its first bytes, not by its name. Rows are numbered as a spreadsheet shows
them: in a text file the header is row 1, in Parquet the first row is row 1.
"""

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from models.recommender.files.text import Tell, quoted, read_text, several
from models.recommender.log.arrays import Bools, Reals
from models.recommender.values import DatasetInvalid

Column: TypeAlias = "pd.Series[Any]"  # its index is the numbers of the rows
Why = str | Callable[[int], str]  # what is wrong with a cell, from its place if it depends on that

ROW_LIMIT = 20_000_000  # four times the largest log that the models are made for; about 4 GiB
# What tools write where a number or a moment is missing. Among ids and words the same signs are a value:
# an item may be called NA, so only an empty cell is missing there.
MISSING = ("nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "n/a", "<NA>", "NaT", r"\N")
PARQUET = b"PAR1"
LOSSY = 2**53  # from here on not every whole number is a fraction of 64 bits
TEXT_TYPES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_null,  # null in every row: an empty column
)


@dataclass(frozen=True)
class Table:
    """
    The columns of one file by their names in lower case, each row with its number for the file's reader.

    Words are trimmed, and missing where that leaves nothing.
    """

    path: Path
    frame: pd.DataFrame
    tell: Tell

    @classmethod
    def of(cls, path: Path, columns: pa.Table, *, first_row: int, tell: Tell) -> "Table":
        """Return the table of a file's columns."""
        plain = {name: _plain(columns.column(name)) for name in columns.column_names}
        index = pd.RangeIndex(first_row, first_row + columns.num_rows)
        frame = {name: pd.arrays.ArrowExtensionArray(column) for name, column in plain.items()}
        return cls(path, pd.DataFrame(frame, index=index), tell)

    def where(self, keep: Bools) -> "Table":
        """Return the table with the marked rows only; they keep their numbers."""
        return replace(self, frame=self.frame[keep])

    def __contains__(self, name: str) -> bool:
        return name in self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)

    def say(self, message: str) -> None:
        """Tell something about this file."""
        self.tell(f"{self.path.name}: {message}")

    def refuse(self, is_bad: Bools, name: str, why: Why, *, count: bool = False) -> None:
        """
        Complain of the first cell that is bad, if any is.


        :param count: whether to tell how many there are
        :raises DatasetInvalid: naming row and column
        """
        bad = np.flatnonzero(is_bad)
        if not len(bad):
            return
        told = why if isinstance(why, str) else why(int(bad[0]))
        others = f" ({len(bad):,} rows are like this)" if count and len(bad) > 1 else ""
        raise DatasetInvalid(
            f"{self.path.name} row {self.frame.index[bad[0]]}, column {name}: {told}{others}."
        )

    def refuse_missing(self, name: str, why: str = "the value is missing") -> None:
        """Complain of the first empty cell of a column."""
        self.refuse(self.missing(name), name, why)

    def set_aside(self, rows: Bools, why: str) -> None:
        """Tell that rows are set aside, if any are."""
        if rows.any():
            first = self.frame.index[int(np.argmax(rows))]
            self.say(f"{several(int(rows.sum()), 'row')} set aside: {why}; the first is row {first}.")

    def is_text(self, name: str) -> bool:
        """Return whether a column holds words, which in a text file is every column."""
        return bool(pa.types.is_large_string(self._type(name)))

    def is_whole(self, name: str) -> bool:
        """Return whether a column holds whole numbers."""
        return bool(pa.types.is_integer(self._type(name)))

    def is_list(self, name: str) -> bool:
        """Return whether the cells of a column are lists."""
        return bool(pa.types.is_list(self._type(name)) or pa.types.is_large_list(self._type(name)))

    def missing(self, name: str, words: Sequence[str] = ()) -> Bools:
        """Return where a column's cells are empty, or hold one of the words that mean so."""
        column = self.frame[name]
        is_missing: Bools = column.isna().to_numpy(dtype=np.bool_)
        if words and self.is_text(name):
            is_missing = is_missing | column.isin(words).to_numpy(dtype=np.bool_)
        if pa.types.is_floating(self._type(name)):
            is_missing = is_missing | np.isnan(_reals(column))
        return is_missing

    def ids(self, name: str) -> Column:
        """Return a column of ids as words; refuses those of a type that may have lost digits."""
        column, kind = self.frame[name], self._type(name)
        if pa.types.is_nested(kind):
            self.refuse(np.ones(len(self), dtype=np.bool_), name, f"the column holds {kind}, not text")
        if pa.types.is_floating(kind):
            values = _reals(column)
            fractions = "the column holds fractions, "
            self.refuse(abs(values) >= LOSSY, name, f"{fractions}in which an id so long loses digits")
            self.refuse(~np.isnan(values) & (np.floor(values) != values), name, f"{fractions}not ids")
            column = column.mask(np.isnan(values)).astype(pd.ArrowDtype(pa.int64()))
        return column if self.is_text(name) else column.astype(pd.ArrowDtype(pa.large_string()))

    def numbers(self, name: str) -> Reals:
        """
        Return a column as numbers; NaN where a cell is empty.

        :raises DatasetInvalid: if a cell holds anything else, or infinity
        """
        column, kind = self.frame[name], self._type(name)
        if self.is_text(name):
            is_missing = self.missing(name, MISSING)
            column = pd.to_numeric(column.mask(is_missing), errors="coerce")
            is_word = np.isnan(_reals(column)) & ~is_missing
            self.refuse(is_word, name, lambda place: f"{self.quoted(name, place)} is not a number")
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            self.refuse(np.ones(len(self), dtype=np.bool_), name, f"the column holds {kind}, not numbers")
        values = _reals(column)
        self.refuse(np.isinf(values), name, "infinity is not an amount")
        return values

    def quoted(self, name: str, place: int) -> str:
        """Return a cell as a message shows it."""
        return quoted(self.frame[name].iloc[place])

    def _type(self, name: str) -> pa.DataType:
        return self.frame[name].dtype.pyarrow_dtype


def _reals(column: Column) -> Reals:
    """Return a column of numbers, NaN where a cell is empty."""
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column in the few types that are told apart: all words as trimmed, long text."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if not any(test(column.type) for test in TEXT_TYPES):
        return column
    trimmed = pc.utf8_trim_whitespace(pc.cast(column, pa.large_string()))
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


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
    # A pipe gives its bytes once, and here a file's head is read, then its rows, then all for a hash.
    if path.exists() and not path.is_file():
        raise DatasetInvalid(f"{path} is a folder or a pipe; a CSV or Parquet file is expected.")

    def choose(names: Sequence[str]) -> list[str]:
        return _chosen(path, names, required, optional, tell)

    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        if not magic:
            raise DatasetInvalid(f"{path.name} is empty.")
        if magic == PARQUET:
            columns, first_row = _read_parquet(path, choose), 1
        else:
            columns, first_row = read_text(
                path, required, choose, one_line=one_line, most=ROW_LIMIT, tell=tell
            )
        _require_fit(path, columns.num_rows)
        return Table.of(path, columns, first_row=first_row, tell=tell)
    except FileNotFoundError as error:
        raise DatasetInvalid(f"There is no file {path}.") from error
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        told = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise DatasetInvalid(f"{path.name} cannot be read: it is damaged or cut short ({told}).") from error


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


def _require_fit(path: Path, rows: int) -> None:
    if rows > ROW_LIMIT:
        raise DatasetInvalid(f"{path.name} has more than {ROW_LIMIT:,} rows; leave out the oldest.")


def _read_parquet(path: Path, choose: Callable[[Sequence[str]], list[str]]) -> pa.Table:
    with parquet.ParquetFile(path) as source:
        _require_fit(path, source.metadata.num_rows)
        spelled = source.schema_arrow.names
        names = [name.strip().lower() for name in spelled]
        chosen = {name: spelled[names.index(name)] for name in choose(names)}
        read = source.read(columns=list(chosen.values()))
        return pa.table({name: read.column(column) for name, column in chosen.items()})

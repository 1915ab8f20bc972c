"""
Reading a column of moments whose form nobody announced.

Accepted: ISO 8601 (a moment without a zone is UTC), days as YYYYMMDD, seconds, milliseconds,
microseconds or nanoseconds since 1970, and plain positions 0, 1, 2 … within a customer's sequence.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.recommender.dataset import DAY_US, Bools, Ints
from models.recommender.tables import Cells, Reals, Table

MOMENT = "is not a moment (ISO 8601, or seconds or milliseconds since 1970)"
# The zone at the end of a moment. A date alone ends like one: "-09".
ZONED = r"^.{11,}(Z|[+-]\d{2}(:?\d{2})?)$"
# Small letters, and more digits than microseconds have.
SPELLINGS = ((r"(\d)t(\d)", r"\1T\2"), (r"(\d)z$", r"\1Z"), (r"(\.\d{6})\d+", r"\1"))
US = "us"
LATEST_US = 9e18  # what 64 bits hold, nearly; in the year 2255
TO_COME_US = DAY_US  # clocks and time zones differ: so far ahead of now a moment is believed


@dataclass(frozen=True)
class Unit:
    """What whole numbers of one magnitude count; ``scale`` is microseconds in one."""

    below: float
    words: str
    scale: float


# Positions stay below what a date as YYYYMMDD looks like; seconds are of 1973 or later.
POSITIONS = Unit(1e7, "positions in a customer's sequence", DAY_US)
DATES = Unit(1e8, "days written YYYYMMDD", 0)
CLOCKS = (
    Unit(1e11, "seconds since 1970", 1e6),
    Unit(1e14, "milliseconds since 1970", 1e3),
    Unit(1e17, "microseconds since 1970", 1),
    Unit(np.inf, "nanoseconds since 1970", 1e-3),
)


@dataclass(frozen=True)
class Moments:
    """A column of moments, microseconds since 1970; positions count as days."""

    at: Ints
    has_clock: bool  # False for positions, which say nothing across customers


def read_moments(table: Table, name: str, *, now: int, among: Bools) -> Moments:
    """
    Return a column of moments, known and not after ``now`` and a day in all rows ``among``.

    What the other rows are said to be means nothing.

    :param now: microseconds since 1970
    :raises DatasetInvalid: naming the first row that breaks this
    """
    missing = among & table.missing(name)
    if missing.any():
        raise table.wrong(name, int(np.argmax(missing)), "the value is missing.")
    found = _of_text(table, name) if table.is_text(name) else _of_values(table, name)
    if found.has_clock:
        _refuse(table, name, found.at, among & (found.at < 0), "is before 1970")
        _refuse(table, name, found.at, among & (found.at > now + TO_COME_US), "lies in the future")
    return found


def _refuse(table: Table, name: str, at: Ints, is_bad: Bools, complaint: str) -> None:
    bad = np.flatnonzero(is_bad)
    if len(bad):
        shown = at[bad[:1]].astype("datetime64[us]")[0]
        others = f" ({len(bad):,} rows are like this)" if len(bad) > 1 else ""
        raise table.wrong(name, int(bad[0]), f"{shown} {complaint}{others}.")


def _of_text(table: Table, name: str) -> Moments:
    blocks = list(table.blocks(name))
    try:
        values = [pc.cast(cells.words, pa.float64()) for cells in blocks[:1]]
    except pa.ArrowInvalid:
        written = [np.append(_written(table, name, cells), 0)[cells.places] for cells in blocks]
        return Moments(np.concatenate(written), has_clock=True)
    values += [table.cast(name, cells, pa.float64(), MOMENT) for cells in blocks[1:]]
    known = zip(values, blocks, strict=True)
    numbers = [np.append(value.to_numpy(), np.nan)[cells.places] for value, cells in known]
    return _counted(table, name, np.concatenate(numbers))


def _of_values(table: Table, name: str) -> Moments:
    """Return the moments of a Parquet column that holds moments, days or numbers."""
    column = table.columns[name]
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp(US))
    if pa.types.is_timestamp(column.type):
        whole = pc.cast(pc.cast(column, pa.timestamp(US, column.type.tz), safe=False), pa.int64())
        return Moments(whole.fill_null(0).to_numpy(), has_clock=True)
    return _counted(table, name, table.numbers(name))


def _written(table: Table, name: str, cells: Cells) -> Ints:
    """Return the distinct words of cells, which are ISO 8601, as moments."""
    try:
        known = pc.cast(cells.words, pa.timestamp(US))
    except pa.ArrowInvalid:
        known = _zoned(table, name, cells)
    at: Ints = pc.cast(known, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return at


def _zoned(table: Table, name: str, cells: Cells) -> pa.Array:
    """Return moments of which some carry a zone or more digits than microseconds have."""
    clean = cells.words
    for written, meant in SPELLINGS:
        clean = pc.replace_substring_regex(clean, written, meant)
    is_zoned = pc.match_substring_regex(clean, ZONED)
    # Those with a zone are left empty among those without and the other way round: places stay true.
    unzoned = replace(cells, words=pc.if_else(is_zoned, None, clean))
    local = table.cast(name, unzoned, pa.timestamp(US), MOMENT)
    others = replace(cells, words=pc.if_else(is_zoned, clean, None))
    zoned = table.cast(name, others, pa.timestamp(US, "UTC"), MOMENT)
    return pc.coalesce(local, pc.cast(zoned, pa.timestamp(US)))


def _counted(table: Table, name: str, values: Reals) -> Moments:
    """Return numbers as moments; what they count is told by the size of most of them."""
    unit = _unit(values)
    table.say(f"column {name} counts {unit.words}.")
    if unit is DATES:
        return Moments(_dates(table, name, values), has_clock=True)
    if unit is POSITIONS:
        is_strange = (values < 0) | (values >= POSITIONS.below) | (np.floor(values) != np.nan_to_num(values))
        _refuse_number(table, name, values, is_strange & ~np.isnan(values), unit)
        return Moments(np.nan_to_num(values).astype(np.int64) * DAY_US, has_clock=False)
    _refuse_number(table, name, values, values < DATES.below, unit)
    scaled = np.minimum(np.nan_to_num(values) * unit.scale, LATEST_US)
    return Moments(np.round(scaled).astype(np.int64), has_clock=True)


def _unit(values: Reals) -> Unit:
    middle = float(np.nanmedian(values))
    return next(unit for unit in (POSITIONS, DATES, *CLOCKS) if middle < unit.below)


def _refuse_number(table: Table, name: str, values: Reals, is_bad: Bools, unit: Unit) -> None:
    if is_bad.any():
        index = int(np.argmax(is_bad))
        raise table.wrong(name, index, f"{values[index]:.15g} does not count {unit.words}, as most rows do.")


def _dates(table: Table, name: str, values: Reals) -> Ints:
    days, places = np.unique(values, return_inverse=True)
    words = pa.array([None if np.isnan(day) else f"{day:.0f}" for day in days], pa.string())
    dashed = pc.replace_substring_regex(words, r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
    known = table.cast(name, Cells(places.astype(np.int32), dashed, first=0), pa.timestamp(US), MOMENT)
    at: Ints = pc.cast(known, pa.int64()).fill_null(0).to_numpy()[places]
    return at

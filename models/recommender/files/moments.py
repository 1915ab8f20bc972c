"""
Reading a column of moments whose form nobody announced.

Accepted: ISO 8601 (a moment without a zone is UTC; ``UTC`` and ``GMT`` are zones), days, minutes or
seconds written in digits as YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, seconds, milliseconds,
microseconds or nanoseconds since 1970, and plain positions 0, 1, 2 … within a customer's sequence.

What numbers count is guessed from most of them and has to be true of every one.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.recommender.files.tables import MISSING, Cells, Table
from models.recommender.log.arrays import DAY_US, Bools, Ints, Reals

MOMENT = "is not a moment (ISO 8601, or seconds or milliseconds since 1970)"
# The zone at the end of a moment. A date alone ends like one: "-09".
ZONED = r"^.{11,}(Z|[+-]\d{2}(:?\d{2})?)$"
# Small letters, zones apart from the time or by name, and more digits than microseconds have.
SPELLINGS = (
    (r"(\d)t(\d)", r"\1T\2"),
    (r"(\d) ?(z|Z|[Uu][Tt][Cc]|[Gg][Mm][Tt])$", r"\1Z"),
    (r"(:\d{2}(?:\.\d+)?) ([+-]\d{2}:?\d{0,2})$", r"\1\2"),
    (r"(\.\d{6})\d+", r"\1"),
)
US = "us"
# No log of a shop is older. Numbers in another unit than the guessed one, and times that another program
# read in the wrong unit, come to lie in the first years after 1970.
EARLIEST_US = 315_532_800_000_000  # 1980
FEWEST_FOR_TWO_READINGS = 3  # one in eight million by chance
LATEST_US = 9e18  # what 64 bits hold, nearly; in the year 2255
TO_COME_US = DAY_US  # clocks and time zones differ: so far ahead of now a moment is believed


@dataclass(frozen=True)
class Unit:
    """What whole numbers of one magnitude count; ``scale`` is microseconds in one."""

    least: float
    below: float
    words: str
    scale: float

    def holds(self, values: Reals) -> Bools:
        """Return which numbers have this unit's magnitude."""
        found: Bools = (values >= self.least) & (values < self.below)
        return found


# Positions stay below what a date as YYYYMMDD looks like; seconds are of 1973 or later. The written forms
# are of 1900 to 2099; what counts milliseconds there lies in 1976, or in the future.
POSITIONS = Unit(0, 1e7, "positions in a customer's sequence", DAY_US)
WRITTEN = (
    Unit(1e7, 1e8, "days written YYYYMMDD", 0),
    Unit(1.9e11, 2.1e11, "minutes written YYYYMMDDHHMM", 0),
    Unit(1.9e13, 2.1e13, "seconds written YYYYMMDDHHMMSS", 0),
)
SECONDS = Unit(1e8, 1e11, "seconds since 1970", 1e6)
CLOCKS = (
    SECONDS,
    Unit(1e11, 1e14, "milliseconds since 1970", 1e3),
    Unit(1e14, 1e17, "microseconds since 1970", 1),
    Unit(1e17, np.inf, "nanoseconds since 1970", 1e-3),
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
    missing = among & table.missing(name, MISSING)
    if missing.any():
        raise table.wrong(name, int(np.argmax(missing)), "the value is missing.")
    found = _of_text(table, name, among) if table.is_text(name) else _of_values(table, name, among)
    if found.has_clock:
        _refuse(table, name, found.at, among & (found.at < EARLIEST_US), "is before 1980, older than any log")
        _refuse(table, name, found.at, among & (found.at > now + TO_COME_US), "lies in the future")
    return found


def _refuse(table: Table, name: str, at: Ints, is_bad: Bools, complaint: str) -> None:
    bad = np.flatnonzero(is_bad)
    if len(bad):
        shown = at[bad[:1]].astype("datetime64[us]")[0]
        others = f" ({len(bad):,} rows are like this)" if len(bad) > 1 else ""
        raise table.wrong(name, int(bad[0]), f"{shown} {complaint}{others}.")


def _of_text(table: Table, name: str, among: Bools) -> Moments:
    blocks = list(table.blocks(name))
    try:
        values = [pc.cast(cells.words, pa.float64()) for cells in blocks[:1]]
    except pa.ArrowInvalid:
        written = [np.append(_written(table, name, cells), 0)[cells.places] for cells in blocks]
        return Moments(np.concatenate(written), has_clock=True)
    values += [table.cast(name, cells, pa.float64(), MOMENT) for cells in blocks[1:]]
    known = zip(values, blocks, strict=True)
    numbers = [np.append(value.to_numpy(), np.nan)[cells.places] for value, cells in known]
    return _counted(table, name, np.concatenate(numbers), among)


def _of_values(table: Table, name: str, among: Bools) -> Moments:
    """Return the moments of a Parquet column that holds moments, days or numbers."""
    column = table.columns[name]
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp(US))
    if pa.types.is_timestamp(column.type):
        whole = pc.cast(pc.cast(column, pa.timestamp(US, column.type.tz), safe=False), pa.int64())
        return Moments(whole.fill_null(0).to_numpy(), has_clock=True)
    return _counted(table, name, table.numbers(name), among)


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


def _counted(table: Table, name: str, numbers: Reals, among: Bools) -> Moments:
    """Return numbers as moments; what they count is told by the size of most of them."""
    values = np.where(among, numbers, np.nan)
    unit = _unit(values)
    is_whole = np.floor(values) == values
    _refuse_number(table, name, values, ~unit.holds(values) | ~(is_whole | (unit in CLOCKS)), unit)
    if unit is POSITIONS:
        _refuse_late_start(table, name, values)
    if unit is SECONDS:
        _refuse_two_readings(table, name, values)
    table.say(f"column {name} counts {unit.words}.")
    if unit in WRITTEN:
        return Moments(_written_in_digits(table, name, values), has_clock=True)
    if unit is POSITIONS:
        return Moments(np.nan_to_num(values).astype(np.int64) * DAY_US, has_clock=False)
    scaled = np.minimum(np.nan_to_num(values) * unit.scale, LATEST_US)
    return Moments(np.round(scaled).astype(np.int64), has_clock=True)


def _unit(values: Reals) -> Unit:
    """Return what the middle one of the numbers counts; written forms lie inside milliseconds and win."""
    middle = np.array([np.nanmedian(values)])
    return next(
        unit for unit in (*WRITTEN, POSITIONS, *CLOCKS) if unit is CLOCKS[-1] or unit.holds(middle)[0]
    )


def _refuse_number(table: Table, name: str, values: Reals, is_bad: Bools, unit: Unit) -> None:
    bad = np.flatnonzero(is_bad & ~np.isnan(values))
    if len(bad):
        others = f" ({len(bad):,} rows are like this)" if len(bad) > 1 else ""
        raise table.wrong(
            name, int(bad[0]), f"{values[bad[0]]:.15g} does not count {unit.words}, as most rows do{others}."
        )


def _refuse_late_start(table: Table, name: str, values: Reals) -> None:
    """Refuse numbers that are too small for moments and begin too late for positions: days, months, years."""
    first = int(np.nanargmin(values))
    if values[first] > 1:
        raise table.wrong(
            name,
            first,
            f"{values[first]:.15g} is the least of the column: too small for a moment, while positions begin "
            f"at 0 or 1.",
        )


def _refuse_two_readings(table: Table, name: str, values: Reals) -> None:
    """Refuse seconds that all read as YYMMDDHHMM too: of 200 moments in seconds one does by chance."""
    moments = np.unique(values[~np.isnan(values)])
    day, minute = np.divmod(moments, 10_000)
    month_day = day % 10_000
    fits = (month_day >= 101) & (month_day < 1232) & (month_day % 100 >= 1) & (month_day % 100 <= 31)
    fits &= (minute % 100 < 60) & (minute < 2400) & (moments >= 1e9)
    if len(moments) >= FEWEST_FOR_TWO_READINGS and fits.all():
        first = int(np.argmax(~np.isnan(values)))
        raise table.wrong(
            name, first, f"{values[first]:.15g} may count seconds since 1970 or be written YYMMDDHHMM."
        )


def _written_in_digits(table: Table, name: str, values: Reals) -> Ints:
    moments, places = np.unique(values, return_inverse=True)
    words = pa.array([None if np.isnan(moment) else f"{moment:.0f}" for moment in moments], pa.string())
    spelled = pc.replace_substring_regex(words, r"^(\d{4})(\d{2})(\d{2})", r"\1-\2-\3 ")
    spelled = pc.replace_substring_regex(spelled, r" (\d{2})(\d{2})", r" \1:\2:")
    clean = pc.utf8_rtrim(spelled, " :")
    known = table.cast(name, Cells(places.astype(np.int32), clean, first=0), pa.timestamp(US), MOMENT)
    at: Ints = pc.cast(known, pa.int64()).fill_null(0).to_numpy()[places]
    return at

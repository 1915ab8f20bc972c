"""
Reading a column of moments whose form nobody announced.

Accepted: ISO 8601 (a moment without a zone is UTC; ``UTC`` and ``GMT`` are zones), days, minutes or
seconds written in digits as YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, seconds, milliseconds,
microseconds or nanoseconds since 1970, and plain positions 0, 1, 2 … within a customer's sequence.

What numbers count is guessed from most of them and has to be true of every one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from models.recommender.files.tables import MISSING, Column, Table
from models.recommender.log.arrays import DAY_US, Bools, Ints, Reals

MOMENT = "is not a moment (ISO 8601, or seconds or milliseconds since 1970)"
ISO = r"^\d{4}-\d{2}-\d{2}"  # how one begins; pandas would also read words such as "now"
# No log of a shop is older. Numbers in another unit than the guessed one, and times that another program
# read in the wrong unit, come to lie in the first years after 1970.
EARLIEST_US = 315_532_800_000_000  # 1980
FEWEST_FOR_TWO_READINGS = 3  # one in eight million by chance
LATEST_US = 9e18  # what 64 bits hold, nearly; in the year 2255
TO_COME_US = DAY_US  # clocks and time zones differ: so far ahead of now a moment is believed


@dataclass(frozen=True)
class Unit:
    """What whole numbers of one magnitude count."""

    least: float
    below: float
    words: str
    scale: float = 0.0  # microseconds in one
    form: str = ""  # of a moment that is written in digits

    def holds(self, values: Reals) -> Bools:
        """Return which numbers have this unit's magnitude."""
        found: Bools = (values >= self.least) & (values < self.below)
        return found


# Positions stay below what a date as YYYYMMDD looks like; seconds are of 1973 or later. The written forms
# are of 1900 to 2099; what counts milliseconds there lies in 1976, or in the future.
POSITIONS = Unit(0, 1e7, "positions in a customer's sequence", DAY_US)
WRITTEN = (
    Unit(1e7, 1e8, "days written YYYYMMDD", form="%Y%m%d"),
    Unit(1.9e11, 2.1e11, "minutes written YYYYMMDDHHMM", form="%Y%m%d%H%M"),
    Unit(1.9e13, 2.1e13, "seconds written YYYYMMDDHHMMSS", form="%Y%m%d%H%M%S"),
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


def read_moments(table: Table, name: str, *, now: int | None, among: Bools) -> Moments:
    """
    Return a column of moments, known and not after ``now`` and a day in all rows ``among``.

    What the other rows are said to be means nothing.

    :param now: microseconds since 1970; None believes any moment
    :raises DatasetInvalid: naming the first row that breaks this
    """
    if not among.any():
        return Moments(np.zeros(len(table), dtype=np.int64), has_clock=True)
    table.refuse(among & table.missing(name, MISSING), name, "the value is missing")
    found = _read(table, name, among)
    if found.has_clock:
        shown = found.at.astype("datetime64[us]")
        latest = np.iinfo(np.int64).max if now is None else now + TO_COME_US
        old, new = "is before 1980, older than any log", "lies in the future"
        table.refuse(among & (found.at < EARLIEST_US), name, lambda row: f"{shown[row]} {old}", count=True)
        table.refuse(among & (found.at > latest), name, lambda row: f"{shown[row]} {new}", count=True)
    return found


def _read(table: Table, name: str, among: Bools) -> Moments:
    column = table.frame[name]
    kind = column.dtype.pyarrow_dtype
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Moments(_microseconds(pd.to_datetime(column, utc=True)), has_clock=True)
    if not table.is_text(name):
        return _counted(table, name, table.numbers(name), among)
    words = column.mask(table.missing(name, MISSING))
    numbers = pd.to_numeric(words, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    is_word = words.notna().to_numpy() & np.isnan(numbers)
    if is_word[int(np.argmax(words.notna()))]:
        return Moments(_written(table, name, words), has_clock=True)
    table.refuse(is_word, name, lambda place: f"{table.quoted(name, place)} {MOMENT}")
    return _counted(table, name, numbers, among)


def _microseconds(moments: Column) -> Ints:
    """Return moments in microseconds; a missing one is the smallest number."""
    plain = moments.dt.tz_localize(None).to_numpy(dtype="datetime64[us]", na_value=np.datetime64("NaT"))
    return np.asarray(plain.astype(np.int64))


def _written(table: Table, name: str, words: Column) -> Ints:
    """Return moments in ISO 8601; what is not spelled as pandas knows it is spelled so first."""
    moments = _parsed(words)
    odd = (moments.isna() & words.notna()).to_numpy()
    if odd.any():
        respelled = words[odd].str.upper().str.replace(r" ?(UTC|GMT)$", "Z", regex=True)
        moments[odd] = _parsed(respelled.where(respelled.str.match(ISO)))
    is_none = (moments.isna() & words.notna()).to_numpy()
    table.refuse(is_none, name, lambda place: f"{table.quoted(name, place)} {MOMENT}")
    return _microseconds(moments)


def _parsed(words: Column) -> Column:
    # Digits beyond microseconds would make pandas count nanoseconds, which reach from 1677 to 2262.
    plain = words.where(words.str.match(ISO)).str.replace(r"(\.\d{6})\d+", r"\1", regex=True)
    parsed = pd.to_datetime(plain, format="ISO8601", utc=True, errors="coerce")
    return parsed.astype("datetime64[us, UTC]")


def _counted(table: Table, name: str, numbers: Reals, among: Bools) -> Moments:
    """Return numbers as moments; what they count is told by the size of most of them."""
    values = np.where(among, numbers, np.nan)
    unit = _unit(values)
    is_odd = ~unit.holds(values) | ((np.floor(values) != values) & (unit not in CLOCKS))
    complaint = f"does not count {unit.words}, as most rows do"
    table.refuse(is_odd & ~np.isnan(values), name, lambda row: f"{values[row]:.15g} {complaint}", count=True)
    if unit is POSITIONS:
        _refuse_late_start(table, name, values)
    if unit is SECONDS:
        _refuse_two_readings(table, name, values)
    table.say(f"column {name} counts {unit.words}.")
    if unit.form:
        return Moments(_written_in_digits(table, name, values, unit), has_clock=True)
    scaled = np.minimum(np.nan_to_num(values) * unit.scale, LATEST_US)
    return Moments(np.round(scaled).astype(np.int64), has_clock=unit is not POSITIONS)


def _unit(values: Reals) -> Unit:
    """Return what the middle one of the numbers counts; written forms lie inside milliseconds and win."""
    middle = np.array([np.nanmedian(values)])
    return next(
        unit for unit in (*WRITTEN, POSITIONS, *CLOCKS) if unit is CLOCKS[-1] or unit.holds(middle)[0]
    )


def _refuse_late_start(table: Table, name: str, values: Reals) -> None:
    """Refuse numbers that are too small for moments and begin too late for positions: days, months, years."""
    least = np.nanmin(values)
    table.refuse(
        (values == least) & (least > 1),
        name,
        f"{least:.15g} is the least of the column: too small for a moment, while positions begin at 0 or 1",
    )


def _refuse_two_readings(table: Table, name: str, values: Reals) -> None:
    """Refuse seconds that all read as YYMMDDHHMM too: of 200 moments in seconds one does by chance."""
    moments = np.unique(values[~np.isnan(values)])
    day, minute = np.divmod(moments, 10_000)
    month_day = day % 10_000
    fits = (month_day >= 101) & (month_day < 1232) & (month_day % 100 >= 1) & (month_day % 100 <= 31)
    fits &= (minute % 100 < 60) & (minute < 2400) & (moments >= 1e9)
    is_doubtful = len(moments) >= FEWEST_FOR_TWO_READINGS and fits.all()
    doubt = "may count seconds since 1970 or be written YYMMDDHHMM"
    table.refuse(~np.isnan(values) & is_doubtful, name, lambda row: f"{values[row]:.15g} {doubt}")


def _written_in_digits(table: Table, name: str, values: Reals, unit: Unit) -> Ints:
    whole = pd.Series(np.nan_to_num(values).astype(np.int64), dtype=str)
    moments = pd.to_datetime(whole, format=unit.form, utc=True, errors="coerce")
    is_none = moments.isna().to_numpy() & ~np.isnan(values)
    table.refuse(is_none, name, lambda row: f"{table.quoted(name, row)} {MOMENT}")
    return _microseconds(moments)

"""When versions answered shoppers, by what a shop's pointer held."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from typing import Final

from backend.rollouts.values.answering import Answering, Pointing

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Time:
    """The same versions answered all through it."""

    versions: tuple[int, ...]
    since: datetime
    until: datetime


def answering(pointings: Sequence[Pointing], *, now: datetime) -> list[Answering]:
    """
    Return when each version answered shoppers, the newest version first.

    :param pointings: everything that a shop's pointer held, the first one first
    """
    times = _times(pointings, now=now)
    versions = {version for one in times for version in one.versions}
    return [_answering(version, times) for version in sorted(versions, reverse=True)]


def _times(pointings: Sequence[Pointing], *, now: datetime) -> list[_Time]:
    began = [(versions, next(few).at) for versions, few in groupby(pointings, key=lambda one: one.versions)]
    return [_Time(versions, since, until) for (versions, since), (_, until) in pairwise([*began, ((), now)])]


def _answering(version: int, times: Sequence[_Time]) -> Answering:
    its = [one for one in times if version in one.versions]
    alone = (one for one in its if one.versions == (version,))
    return Answering(
        version,
        since=its[0].since,
        until=None if its[-1] is times[-1] else its[-1].until,
        days_alone=tuple(day for one in alone for day in _whole_days(one)),
    )


def _whole_days(one: _Time) -> Iterator[date]:
    midnight = datetime.combine(one.since.astimezone(UTC), time(), UTC)
    if midnight < one.since:
        midnight += DAY
    while midnight + DAY <= one.until:
        yield midnight.date()
        midnight += DAY

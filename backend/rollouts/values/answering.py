"""When versions answered shoppers, and how each did beside the one in use."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Pointing:
    """From one moment on these versions answered shoppers, by number: one, or two while a rollout was on."""

    at: datetime
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answering:
    """
    When a version answered shoppers.

    :param until: None while it does
    :param days_alone: whole days, in UTC, on which no other version answered anybody, oldest first
    """

    version: int
    since: datetime
    until: datetime | None
    days_alone: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class BesideChampion:
    """
    What a version's newest rollout measured, beside the version that was in use.

    :param words: a sentence with an interval for each metric
    """

    rollout: int
    champion: int
    visitors: int
    champion_visitors: int
    words: tuple[str, ...]

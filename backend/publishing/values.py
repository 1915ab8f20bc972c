"""What crosses the boundary of publishing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

# Stands for the home page where a product's id would be: Shopify numbers from 1.
HOME: Final = 0

# Stands for the list that visitors see who are held out, on whatever page.
POPULAR: Final = -1

# Before the first page.
START: Final = -2

# A claim whose holder was silent for this long is anybody's. The longest silence of a living worker is one
# call to Shopify: half a minute for the budget, then three tries of at most half a minute.
LEASE: Final = timedelta(minutes=3)

# How long one message is worked on. What is left then is asked for by the next one, so that no broker
# takes a long publishing for a dead worker, and short jobs get their turn.
TURN: Final = timedelta(minutes=4)

# Stock, popularity and new products change what a version would show.
REFRESH: Final = timedelta(days=1)

# After a try that ended early: doubling from the first to the longest.
FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one shop's lists, until ``LEASE`` after the last sign of life."""

    shop_id: int
    token: UUID


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of a shop's pages, the home page among them, are compared with what a version would show."""

    done: int
    pages: int


@dataclass(frozen=True, slots=True)
class Held:
    """
    What a shop's pages hold, as other apps see it.

    ``version_id`` is None while the pages hold the lists of no version completely. ``goal_id`` is the version
    that they are being compared with; it stays where a worker was stopped.
    """

    version_id: UUID | None = None
    goal_id: UUID | None = None
    installed_at: datetime | None = None
    heard_at: datetime | None = None
    retry_at: datetime | None = None
    compared_at: datetime | None = None
    failure: str = ""


NOTHING: Final = Held()

"""One list drawn from two versions' lists, and what shoppers' clicks say of the two."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# What a decision's inputs call whose each place is.
TEAMS: Final = "teams"


class Team(StrEnum):
    """Whose product one place shows."""

    CHAMPION = "champion"
    CANDIDATE = "candidate"
    NOBODY = "nobody"  # both agree on it, or one alone had something left to add: a click on it tells nothing


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A list of two versions: the products, and for each place whose it is."""

    products: tuple[int, ...]
    teams: tuple[Team, ...]


@dataclass(frozen=True, slots=True)
class Preferences:
    """Visitors by the version whose product they clicked first; each visitor counts once."""

    candidate: int = 0
    champion: int = 0

"""What the staff dashboard shows beside plain rows."""

from dataclasses import dataclass
from enum import StrEnum

from backend.audit.values import DecisionRecord
from backend.core.errors import Refused

# Decisions of today that the headline counts: this many or more.
MOST_DECISIONS = 100_000


class NotExplained(Refused):
    """There is nothing in a decision that a model could explain."""

    code = "not_explained"


class JobState(StrEnum):
    """What becomes of a job that was asked for and is not done."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    SILENT = "SILENT"  # its worker is
    FAILING = "FAILING"
    SET_ASIDE = "SET_ASIDE"


class Link(StrEnum):
    """How a decision belongs to an order, strongest first."""

    ADDED = "Added to cart from it"
    CLICKED = "Clicked in it"
    SEEN = "Shown to this customer in the week before"


@dataclass(frozen=True, slots=True)
class Inference:
    """One decision behind an order, with how it belongs there and what of it was bought."""

    decision: DecisionRecord
    link: Link
    bought: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The dashboard's headline. Latency and fallbacks are those of today's storefront answers."""

    shops: int
    models_live: int
    trainings_running: int
    decisions: int
    fallback_share: float | None
    p50_ms: float | None
    p99_ms: float | None
    credits: int

    @property
    def has_more_decisions(self) -> bool:
        """Whether there may be more decisions than were counted."""
        return self.decisions >= MOST_DECISIONS


@dataclass(frozen=True, slots=True)
class ExplainedItem:
    """
    One product of a decision, put to the proof.

    Places count from 1 among everything on offer. ``removals`` says of each cause in
    turn where the product would stand without it, the strongest cause first.
    """

    position: int
    product_id: int
    told: str
    proven: str
    place: int
    removals: tuple[tuple[int, int], ...]  # product id of the cause, place without it


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision asked again of the version that made it, with what was known of its visitor then."""

    steps: int  # of the visitor's past
    items: tuple[ExplainedItem, ...]

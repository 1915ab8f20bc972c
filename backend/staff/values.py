"""What the staff dashboard shows beside plain rows."""

from dataclasses import dataclass
from enum import StrEnum

from backend.audit.values import DecisionRecord


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

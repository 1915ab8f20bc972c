"""What crosses the boundary of attribution."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

# How long after a click on a recommendation a purchase still counts as its doing.
DEFAULT_WINDOW = timedelta(days=7)


class Kind(StrEnum):
    """How a decision reached the order, strongest first."""

    ADD_TO_CART = "ADD_TO_CART"  # the carousel's own button
    CLICK = "CLICK"  # a card was clicked


@dataclass(frozen=True, slots=True)
class BoughtLine:
    """One order line. ``decision_id`` is that of its property, which older versions of the block set."""

    line_id: int
    product_id: int | None
    quantity: int
    amount: Decimal
    decision_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Clicked:
    """
    A decision that the cart's attributes name.

    :param product_id: the clicked product, if known
    :param at: when it was clicked by the shopper's browser, to the second; None where that was not told
    """

    decision_id: UUID
    product_id: int | None
    at: datetime | None = None
    kind: Kind = Kind.CLICK


@dataclass(frozen=True, slots=True)
class BoughtOrder:
    """One order as attribution sees it. A cancelled or test order counts for nothing."""

    order_id: int
    placed_at: datetime
    currency: str
    counts: bool
    lines: tuple[BoughtLine, ...]
    clicks: tuple[Clicked, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision as attribution sees it: when, and which products at which position."""

    decision_id: UUID
    at: datetime
    positions: dict[int, int]


@dataclass(frozen=True, slots=True)
class Match:
    """One order line that a decision earns."""

    line_id: int
    product_id: int
    decision_id: UUID
    kind: Kind
    position: int
    quantity: int
    amount: Decimal
    shown_at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what orders claim could be joined to a decision."""

    orders: int
    orders_naming_decisions: int
    orders_credited: int
    named: int
    known: int

    @property
    def share_known(self) -> float | None:
        """Named decisions that exist in the ledger, 0..1; None when no order named one."""
        return self.known / self.named if self.named else None

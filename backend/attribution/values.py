"""What crosses the boundary of attribution."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

# How long after a click on a recommendation a purchase still counts as its doing.
DEFAULT_WINDOW: Final = timedelta(days=7)
# How long after a product was seen in a list, and not clicked.
VIEW_WINDOW: Final = timedelta(days=1)


class Kind(StrEnum):
    """What the shopper did with the recommendation, strongest first."""

    ADD_TO_CART = "ADD_TO_CART"  # the card's own button
    CLICK = "CLICK"  # the card was clicked
    VIEW = "VIEW"  # the card was really seen, and nothing more


# The clicked product itself was bought. What was only seen is told apart and never added to it.
DIRECT: Final = (Kind.ADD_TO_CART, Kind.CLICK)


class Via(StrEnum):
    """How an order and a decision were joined."""

    ATTRIBUTE = "ATTRIBUTE"  # the cart's attribute names it
    LINE = "LINE"  # a line's property names it, as older versions of the block wrote it
    CHECKOUT = "CHECKOUT"  # the browser that checked out told of it
    CUSTOMER = "CUSTOMER"  # it was made for the customer, and their browser told of the click


class Reason(StrEnum):
    """Why a row of credit was written. Every one but the first corrects what stood before."""

    BOUGHT = "BOUGHT"  # a line of the order is a recommendation's doing
    REFUNDED = "REFUNDED"  # some of it went back
    CANCELLED = "CANCELLED"  # the order was
    DELETED = "DELETED"  # the order was
    TEST = "TEST"  # the order turned out to be one
    EDITED = "EDITED"  # the merchant changed the line
    REPLACED = "REPLACED"  # a better claim to the line came to be known
    CORRECTED = "CORRECTED"  # the order's moment or currency changed, or the claim fell


# What takes money back, while the others move it from one row to another.
TAKEN_BACK: Final = (Reason.REFUNDED, Reason.CANCELLED, Reason.DELETED, Reason.TEST, Reason.EDITED)


class Outcome(StrEnum):
    """
    Whether an order could be joined to what its shopper saw, or why not.

    A browser that left nothing says not why: see ``NO_CONSENT``.
    """

    JOINED = "JOINED"  # its clicks are known, or its browser's events are and there was no click
    BEFORE_INSTALL = "BEFORE_INSTALL"  # placed before the app was there
    OTHER_CHANNEL = "OTHER_CHANNEL"  # a draft, a till or an API client: no page of the storefront was open
    NO_PIXEL = "NO_PIXEL"  # no event of any shopper of the shop came that day
    NO_SCRIPT = "NO_SCRIPT"  # the browser's checkout is known; of our block nothing came, so it did not run
    BLOCKED = "BLOCKED"  # the block asked for this customer, so it ran with consent; its events never came
    NO_CONSENT = "NO_CONSENT"  # nothing came: refused, or everything blocked, which look alike


@dataclass(frozen=True, slots=True)
class BoughtLine:
    """One order line: what is left of it after refunds, and what that cost in the shop's currency."""

    line_id: int
    product_id: int | None
    quantity: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BoughtOrder:
    """
    One order as attribution sees it.

    :param void: why it earns nobody anything, or None if it counts
    :param took_back: what took some of it back last, such as ``refund 300``; empty if nothing did
    """

    order_id: int
    placed_at: datetime
    currency: str
    lines: tuple[BoughtLine, ...]
    void: Reason | None = None
    took_back: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """
    Somebody says that a decision led to an order. Nothing is proved yet.

    :param product_id: the clicked product; None where the whole order is meant
    :param acted_at: when it was clicked or seen; None where that was not told
    """

    via: Via
    kind: Kind
    decision_id: UUID
    product_id: int | None
    acted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A decision as attribution sees it: when, for whom, and which products at which position.

    :param customer_key: the customer it was made for, if that is known to be one
    """

    decision_id: UUID
    at: datetime
    positions: Mapping[int, int]
    customer_key: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a decision did for a product before an order, proved as far as it can be."""

    kind: Kind
    decision_id: UUID
    product_id: int
    position: int
    shown_at: datetime
    acted_at: datetime | None

    @property
    def at(self) -> datetime:
        """When the shopper acted; where that was not told, the showing stands for it."""
        return self.acted_at or self.shown_at


@dataclass(frozen=True, slots=True)
class Match:
    """One order line that a decision earns."""

    line_id: int
    claim: Claim
    quantity: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Stand:
    """What the rows of one line sum up to for one claim."""

    line_id: int
    claim: Claim
    quantity: int
    amount: Decimal
    currency: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class Posting:
    """A row of credit to be written. Quantity and amount are signed."""

    line_id: int
    claim: Claim
    quantity: int
    amount: Decimal
    currency: str
    placed_at: datetime
    reason: Reason
    caused_by: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What can be known of an order's shopper when nothing joins it.

    :param has_pixel: whether any event of the shop came on that day
    :param told_of_checkout: whether the browser's checkout is known by its own word
    :param told_of_block: whether that browser told of any recommendation before
    :param asked_for_customer: whether a list was made for this customer within the window, so the script ran
    """

    is_of_storefront: bool
    is_before_install: bool
    has_pixel: bool
    told_of_checkout: bool
    told_of_block: bool
    asked_for_customer: bool


# What others read


@dataclass(frozen=True, slots=True)
class CreditInfo:
    """What is credited of one order line now: the sum of its rows."""

    order_id: int
    line_id: int
    product_id: int
    decision_id: UUID
    kind: Kind
    quantity: int
    amount: Decimal
    currency: str
    acted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Earned:
    """
    What recommendations earned in a time.

    :param revenue: what is left after all that was taken back
    :param reversed: what was taken back, as a positive amount; ``revenue`` has it off already
    :param orders: orders with something left
    :param lines: lines with something left
    """

    revenue: Decimal = Decimal(0)
    reversed: Decimal = Decimal(0)
    orders: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class CurrencyResults:
    """What was earned in one currency. The two are never added up."""

    currency: str
    direct: Earned
    view_through: Earned


@dataclass(frozen=True, slots=True)
class Results:
    """What recommendations earned, the currency with most orders first; windows as stated to the merchant."""

    currencies: tuple[CurrencyResults, ...]
    window: timedelta = DEFAULT_WINDOW
    view_window: timedelta = VIEW_WINDOW


@dataclass(frozen=True, slots=True)
class TopProduct:
    """A product and what clicks on its recommendations sold of it."""

    product_id: int
    title: str
    currency: str
    revenue: Decimal
    quantity: int
    orders: int


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """
    Of how many orders it is known what their shoppers did with recommendations.

    An order counts if one of its products was recommended to anybody within the window before it: in an
    answer of that time, or in a list that stood on the pages. Whether its own shopper saw that is what
    can't be known of those that were not joined. Test orders count for nothing.

    :param reasons: of the orders that could not be joined, how many for which reason
    """

    orders_with_recommended_product: int
    joined: int
    reasons: Mapping[Outcome, int] = field(default_factory=dict)

    @property
    def share_joined(self) -> float | None:
        """Return the part that could be joined, 0..1; None when there was nothing to join."""
        total = self.orders_with_recommended_product
        return self.joined / total if total else None


@dataclass(frozen=True, slots=True)
class JoinInfo:
    """That an order and a decision belong together, and how that is known."""

    decision_id: UUID
    product_id: int
    via: Via
    kind: Kind
    acted_at: datetime | None
    shown_at: datetime
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class PostingInfo:
    """One row of credit as it was written."""

    id: int
    line_id: int
    product_id: int
    decision_id: UUID
    kind: Kind
    quantity: int
    amount: Decimal
    currency: str
    reason: Reason
    caused_by: str
    acted_at: datetime | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderStory:
    """
    All that attribution knows of one order.

    :param outcome: whether it could be joined; None before anybody looked at it
    :param postings: every row of credit, oldest first
    :param credits: what they sum up to now, for lines with something left
    """

    order_id: int
    outcome: Outcome | None
    joins: tuple[JoinInfo, ...]
    postings: tuple[PostingInfo, ...]
    credits: tuple[CreditInfo, ...]

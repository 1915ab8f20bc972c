"""What the staff dashboard shows beside plain rows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.audit.values import DecisionRecord
from backend.core.errors import Refused

# Decisions of today that the headline counts: this many or more.
MOST_DECISIONS = 100_000


class Role(StrEnum):
    """What a staff account may do. Each may do what the one before it may."""

    SUPPORT = "support"  # reads
    OPERATOR = "operator"  # acts: asks again for jobs that were set aside, stops a rollout that hurts
    ADMIN = "admin"  # manages accounts


class StaffAct(StrEnum):
    """What was done that concerns staff and no shop."""

    ACCOUNT_MADE = "ACCOUNT_MADE"
    ACCOUNT_CHANGED = "ACCOUNT_CHANGED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 -- an act's name
    SECOND_FACTOR_ENROLLED = "SECOND_FACTOR_ENROLLED"
    SECOND_FACTOR_RESET = "SECOND_FACTOR_RESET"
    RECOVERY_CODES_MADE = "RECOVERY_CODES_MADE"
    SIGNED_IN = "SIGNED_IN"
    SESSIONS_ENDED = "SESSIONS_ENDED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    ACCOUNT_UNLOCKED = "ACCOUNT_UNLOCKED"
    JOB_ASKED_AGAIN = "JOB_ASKED_AGAIN"  # one that is no shop's


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: a staff account by its id, or the system."""

    user_id: int | None = None
    address: str = ""

    @property
    def name(self) -> str:
        """Return it as ledgers name it."""
        return "system" if self.user_id is None else f"staff:{self.user_id}"


SYSTEM = Actor()


@dataclass(frozen=True, slots=True)
class Look:
    """A page of one shop that somebody of ours is shown: a list, or one thing's own page."""

    shop_id: int
    page: str
    thing: str = ""

    @property
    def subject(self) -> str:
        """Return it as the shop's ledger names it."""
        return f"{self.page} {self.thing}".strip()


class Found(StrEnum):
    """What a search finds, by the page that shows it."""

    ORDER = "catalog_order"
    DECISION = "audit_decision"
    VERSION = "registry_modelversion"
    SHOP = "shops_shop"


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that is called as somebody asked."""

    found: Found
    key: str  # of its row
    shop_id: int
    shop: str  # its domain
    label: str
    at: datetime | None


class NotSetAside(Refused):
    """A job that is not set aside can't be asked for again by hand."""

    code = "not_set_aside"


class NotStoppable(Refused):
    """A rollout that is not under way can't be stopped."""

    code = "not_stoppable"
    status = 409


class ReasonMissing(Refused):
    """An act that a merchant reads needs a reason."""

    code = "reason_missing"


class CodeRefused(Refused):
    """A code is wrong, was used before, or came too soon after a wrong one: which of them nobody is told."""

    code = "code_refused"


class NotPermitted(Refused):
    """The rules of staff accounts forbid it."""

    code = "not_permitted"
    status = 403


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

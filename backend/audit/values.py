"""What crosses the boundary of the ledgers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """What somebody or something did. A new kind of act gets its line here first."""

    SHOP_INSTALLED = "SHOP_INSTALLED"
    SHOP_UNINSTALLED = "SHOP_UNINSTALLED"
    SHOP_REDACTED = "SHOP_REDACTED"
    SCOPES_UPDATED = "SCOPES_UPDATED"
    SHOP_SETTINGS_CHANGED = "SHOP_SETTINGS_CHANGED"
    PIXEL_ACTIVATED = "PIXEL_ACTIVATED"
    REAUTH_NEEDED = "REAUTH_NEEDED"
    CUSTOMER_REDACTED = "CUSTOMER_REDACTED"
    CUSTOMER_DATA_REQUESTED = "CUSTOMER_DATA_REQUESTED"
    CUSTOMER_DATA_DOWNLOADED = "CUSTOMER_DATA_DOWNLOADED"
    IMPORT_REQUESTED = "IMPORT_REQUESTED"
    IMPORT_FINISHED = "IMPORT_FINISHED"
    IMPORT_FAILED = "IMPORT_FAILED"
    TRAINING_REQUESTED = "TRAINING_REQUESTED"
    TRAINING_FAILED = "TRAINING_FAILED"
    TRAINING_CANCELLED = "TRAINING_CANCELLED"
    MODEL_REGISTERED = "MODEL_REGISTERED"
    MODEL_STATE_CHANGED = "MODEL_STATE_CHANGED"
    GATE_DECIDED = "GATE_DECIDED"
    RELEASE_SETTINGS_CHANGED = "RELEASE_SETTINGS_CHANGED"
    TRIGGER_SETTINGS_CHANGED = "TRIGGER_SETTINGS_CHANGED"
    HOLDOUT_CHANGED = "HOLDOUT_CHANGED"
    SURFACE_POINTED = "SURFACE_POINTED"
    ROLLOUT_OPENED = "ROLLOUT_OPENED"
    ROLLOUT_MOVED = "ROLLOUT_MOVED"
    ROLLOUT_SETTINGS_CHANGED = "ROLLOUT_SETTINGS_CHANGED"
    LOOK_BACK_REQUESTED = "LOOK_BACK_REQUESTED"
    PREVIEW_REQUESTED = "PREVIEW_REQUESTED"  # an address that shows the storefront as one arm of a rollout
    RECOMMENDATIONS_PUBLISHED = "RECOMMENDATIONS_PUBLISHED"
    ARTIFACT_REFUSED = "ARTIFACT_REFUSED"
    LEDGER_RETIRED = "LEDGER_RETIRED"
    STAFF_LOOKED = "STAFF_LOOKED"  # somebody of ours was shown a page of the shop
    JOB_ASKED_AGAIN = "JOB_ASKED_AGAIN"  # an operator of ours, after it had failed too often


class Ledger(StrEnum):
    """The two ledgers, each with a chain of seals for each shop."""

    ACTS = "acts"
    DECISIONS = "decisions"


class Surface(StrEnum):
    """Where in the storefront recommendations are shown."""

    PRODUCT_PAGE = "product_page"
    HOME_PAGE = "home_page"


class Channel(StrEnum):
    """How recommendations reach the shopper."""

    APP_PROXY = "app_proxy"  # asked for by the visitor's page, personal
    METAFIELD = "metafield"  # written ahead, rendered by Liquid, the same for everyone


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One recommended product as it was shown. ``score`` is None where a fallback filled in."""

    product_id: int
    score: float | None
    why: str
    position: int


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """
    One answer to "what shall this visitor see?", complete enough to explain and to replay later.

    ``visitor_key`` is a pseudonym, never a customer's or a browser's own id.
    ``fallback`` is empty when the model filled every place, else the reason.

    :param id: a UUID version 7 of the moment ``at``
    :param latency_ms: what passed until it was written; the whole answer's time is a metric
    :param feature_version: of the features that went in
    :param rules: those that were applied, in their order
    :param inputs: what went in, by name; not read back with the record: see ``audit.queries.inputs_of``
    :param personal_inputs: what of it is the visitor's own and goes with the tie to them
    :param erased_by: the act that cut the tie to the visitor, where there was one
    :param damage: what of the record can't be read, in a sentence; empty where all can
    """

    id: UUID
    shop_id: int
    at: datetime
    surface: Surface
    channel: Channel
    arm: str
    items: tuple[ShownItem, ...]
    requested: int
    latency_ms: float
    visitor_key: str | None = None
    version_id: UUID | None = None
    version_number: int | None = None
    context_product_id: int | None = None
    fallback: str = ""
    request_id: str = ""
    feature_version: str = ""
    rules: tuple[str, ...] = ()
    inputs: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    personal_inputs: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    erased_by: UUID | None = None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """
    A condition as SQL, for the statement that depends on it.

    :param hold: a statement sent before, in the same transaction, after which what ``sql`` finds stays true
    """

    sql: str
    values: tuple[object, ...]
    hold: str = ""
    hold_values: tuple[object, ...] = ()


class ActorKind(StrEnum):
    """Who may act on a shop."""

    SYSTEM = "SYSTEM"
    MERCHANT = "MERCHANT"  # somebody of the shop's own, by Shopify's number of their account
    STAFF = "STAFF"  # somebody of ours, by the number of their account here


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts are asked for: [since, until), by one kind of actor, of some events. None stands for any."""

    since: datetime | None = None
    until: datetime | None = None
    actor: ActorKind | None = None
    events: frozenset[Event] | None = None


@dataclass(frozen=True, slots=True)
class ShownList:
    """Whose decision one is, when it was made, and which products it shows."""

    id: UUID
    shop_id: int
    at: datetime
    product_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class DecisionShare:
    """A share of what one version answered by one channel, in percent, drawn by chance."""

    shop_id: int
    version_id: UUID
    channel: Channel
    percent: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the ledger of acts."""

    id: UUID
    at: datetime
    event: Event
    actor: str
    subject: str
    reason: str
    details: Mapping[str, object] = field(default_factory=dict)
    # What changed, by name, as it was and as it became.
    old: Mapping[str, object] | None = None
    new: Mapping[str, object] | None = None
    source: str = ""
    request_id: str = ""


class Fault(StrEnum):
    """What may be wrong with a ledger."""

    ALTERED = "ALTERED"  # a row is not what was sealed
    REORDERED = "REORDERED"  # a row stands where another one was sealed
    DROPPED = "DROPPED"  # a sealed row is gone, and no retention took it
    ADDED = "ADDED"  # a row that was never sealed stands among sealed ones
    MOVED = "MOVED"  # a sealed row belongs to another shop now
    ERASED = "ERASED"  # a row was wiped, and no act tells of it
    CONTENT = "CONTENT"  # what a row refers to is gone or was changed
    RESEALED = "RESEALED"  # a segment is not what was signed
    TAIL = "TAIL"  # the newest segments are gone


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a chain. What is wrong with a segment names its first row's number."""

    fault: Fault
    words: str
    arrival: int | None = None
    row_id: UUID | None = None
    segment: int | None = None


@dataclass(frozen=True, slots=True)
class Unsealed:
    """The rows at the end of a ledger that no seal covers yet."""

    rows: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at a chain and its rows found, the first bad row first."""

    ledger: Ledger
    segments: int
    rows: int
    erased: int
    retired: int  # sealed rows that retention has taken since
    unsealed: Unsealed
    findings: tuple[Finding, ...]
    # What heads that were kept outside say, among the findings; None where there were none to compare with.
    by_anchors: tuple[Finding, ...] | None = None

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.findings

    @property
    def first_bad(self) -> Finding | None:
        """Return the finding about the first bad row."""
        return self.findings[0] if self.findings else None


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far a ledger of a shop is sealed, and what was found when it was last verified."""

    ledger: Ledger
    sealed_at: datetime | None  # the newest seal
    segments: int
    rows: int
    unsealed: Unsealed
    verified_at: datetime | None
    finding: str  # empty when nothing was wrong


@dataclass(frozen=True, slots=True)
class Chains:
    """
    How the chains of all shops over one ledger stand.

    :param verified_since: when the one that was verified longest ago was
    :param findings: what is wrong with some, each with the shop's domain
    """

    chains: int
    verified: int
    verified_since: datetime | None
    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SealedHead:
    """The newest head of a chain, as it leaves the host."""

    shop_id: int
    ledger: Ledger
    chain: UUID
    number: int
    head: str  # hex
    sealed_at: datetime

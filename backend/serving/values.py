"""What crosses the boundary of serving."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from backend.audit.values import DecisionRecord, ShownItem, Surface
from backend.core.errors import Refused, Unavailable
from backend.core.statistics import Estimate
from backend.features.values import NO_PAST, Past
from backend.rollouts.values.interleaving import Team

MAX_ITEMS = 24  # longer than any carousel; keeps one answer and its record small
MAX_LISTED = 50  # products that one list of a request may name: cart, recently viewed, excluded

# Of so many lists one is shown in which two neighbouring products changed places by chance, where the
# merchant agreed. Clicks on changed lists are what tells; twice as many lists would cost twice as much.
EXPLORED_ONE_IN: Final = 10
# Fewer who clicked one of two swapped products leave a ratio uncertain by more than a quarter.
MIN_EXPLORED_VISITORS: Final = 100


class BadAsk(Refused):
    """A parameter of the request has the wrong form."""

    code = "bad_request"


class ScoringUnavailable(Unavailable):
    """
    The model can't answer now. Another source must fill the answer.

    ``reason`` goes into the decision: ``late``, ``busy``, ``loading``, ``resting``, ``failed``,
    ``not_finite`` or ``artifact_refused``.
    """

    code = "scoring_unavailable"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Why(StrEnum):
    """The kinds of reason a model gives; the words for them are in ``rules.explain``."""

    BOUGHT_BEFORE = "BOUGHT_BEFORE"
    OFTEN_BOUGHT_AFTER = "OFTEN_BOUGHT_AFTER"
    BOUGHT_TOGETHER = "BOUGHT_TOGETHER"
    FOR_YOU = "FOR_YOU"
    SIMILAR_TO = "SIMILAR_TO"
    NEW_SIMILAR_TO = "NEW_SIMILAR_TO"
    POPULAR = "POPULAR"
    NEWEST = "NEWEST"
    NEW_ARRIVAL = "NEW_ARRIVAL"


class Rule(StrEnum):
    """What else than a model's order decided a list, as a decision tells it."""

    HELD_OUT = "held_out"  # the visitor sees what is popular, so that the gain of the others is known
    IN_STOCK = "in_stock"  # what the model chose and the shop can't show was left out
    NOT_IN_CART = "not_in_cart"
    NOT_SHOWN_NEARBY = "not_shown_nearby"
    NOT_JUST_SEEN = "not_just_seen"  # what was only looked at in this visit was left out
    COLLECTION_FIRST = "collection_first"  # nothing is known to go with the page's product
    PLACE_FOR_NEW = "place_for_new"  # the last place went to a product that never sold
    NEIGHBOURS_SWAPPED = "neighbours_swapped"  # two neighbouring products changed places by chance


class Form(StrEnum):
    """The shape of the answer."""

    JSON = "json"
    LIQUID = "liquid"


class Purpose(StrEnum):
    """What a visitor may allow, by the names of Shopify's Customer Privacy API."""

    ANALYTICS = "analytics"
    PREFERENCES = "preferences"
    MARKETING = "marketing"
    SALE_OF_DATA = "sale_of_data"


@dataclass(frozen=True, slots=True)
class Override:
    """
    Which arm of a rollout somebody wants to see.

    :param is_signed: whether we said that they may see what no visitor sees yet
    :param rollout_id: the one that a signature is for; None for whichever is on
    """

    arm: str
    is_signed: bool
    rollout_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PageDraw:
    """
    The rollout that a page has drawn its visitor in, before it asked.

    :param rollout_id: None where the page belongs to none: it is older, has expired or met its visitor first
    :param percent: of the visitors whom the candidate answers, as the page knows it
    """

    rollout_id: UUID | None = None
    percent: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """
    One well-formed question from a storefront.

    Of a visitor who did not allow preferences it says nothing but what not to show.

    :param exclude: products that are shown nearby
    :param override: the arm that somebody wants to see, whichever they would be drawn into
    :param drawn: what the page has drawn; None where it says nothing of it
    """

    shop_domain: str
    surface: Surface
    limit: int
    form: Form
    context_product_id: int | None = None
    cart: tuple[int, ...] = ()
    recent: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    visitor: str | None = None
    customer_id: int | None = None
    override: Override | None = None
    drawn: PageDraw | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """
    What an answer is asked for: where, when, and all that is known of whom. It names nobody.

    :param past: what the visitor bought, looked at and put into carts; empty for somebody unknown
    :param recent: what they looked at in this visit, the newest first
    :param exclude: products that must not be shown, whatever the shelf says
    :param is_held_out: whether the visitor sees what is popular, so that the gain of the others is known
    """

    surface: Surface
    limit: int
    now: datetime
    context_product_id: int | None = None
    past: Past = NO_PAST
    recent: tuple[int, ...] = ()
    cart: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    is_held_out: bool = False


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """
    What a model is asked.

    :param now: microseconds since 1970, UTC
    :param available: the products that the shop can show
    :param explained: how many of those that it can show need a reason, best first; no more are shown
    :param has_place: whether a place is kept for a new product
    """

    past: Past
    now: int
    context: int | None
    exclude: AbstractSet[int]
    k: int
    available: AbstractSet[int]
    explained: int
    has_place: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """
    What a shop may show: every published product in stock, newest first, and the popular ones.

    ``recorded`` is the same as a decision's inputs, by name.
    """

    newest: tuple[int, ...]
    available: frozenset[int]
    popular: tuple[int, ...]
    recorded: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Mates:
    """The products that share a collection with one, the closest first; ``recorded`` as of a shelf."""

    product_ids: tuple[int, ...]
    recorded: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MadeAhead:
    """The list that a page of the shop holds already, best first, and the decision that chose it."""

    product_ids: tuple[int, ...] = ()
    decision_id: UUID | None = None
    version_number: int | None = None


NOTHING_AHEAD: Final = MadeAhead()


@dataclass(frozen=True, slots=True)
class Preference:
    """
    One product as a model ranks it.

    :param why: None of a product that is not among the first that can be shown
    :param cause: the product that speaks for it, if one does
    """

    product_id: int
    score: float
    why: Why | None
    cause: int | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model says of one question."""

    preferences: tuple[Preference, ...]  # best first
    arrival: Preference | None = None  # the product for the place of a new one, where one was asked for
    new: AbstractSet[int] = frozenset()  # product ids: all that are new
    # The products that the model was told of since its training, as a decision's inputs, by name.
    recorded: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)


NO_OPINION: Final = Opinion(())


@dataclass(frozen=True, slots=True)
class Rival:
    """A candidate that drafts a list with the champion, and what it says."""

    version_id: UUID
    opinion: Opinion


@dataclass(frozen=True, slots=True)
class Bought:
    """How often one customer bought one product, and when last."""

    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Ranked:
    """One product as some source ranked it; ``score`` is None outside models."""

    product_id: int
    score: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a storefront needs to draw one product."""

    product_id: int
    handle: str
    title: str
    product_type: str
    url: str
    price: str
    currency: str
    image_url: str
    image_alt: str
    image_width: int | None
    image_height: int | None


@dataclass(frozen=True, slots=True)
class Filled:
    """A finished list and, when the model did not fill it alone, why not."""

    items: tuple[ShownItem, ...]
    fallback: str


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What one version would show, before it is put into words.

    :param told: what the model says of these products, and maybe of others
    :param spare: what would follow
    """

    filled: Filled
    told: tuple[Preference, ...]
    is_personal: bool
    rules: tuple[Rule, ...]
    spare: tuple[ShownItem, ...] = ()

    @property
    def listed(self) -> dict[int, ShownItem]:
        """The list and what would follow, by product, best first."""
        return {item.product_id: item for item in (*self.filled.items, *self.spare)}


@dataclass(frozen=True, slots=True)
class Exploration:
    """
    By which chance a list was shown in just this order.

    :param epsilon: the probability that two neighbouring products changed places
    :param pairs: how many pairs could have, each as likely as another
    :param place: of the first of the two that did; None where the model's order was shown
    """

    mechanism: str
    epsilon: float
    pairs: int
    place: int | None = None

    @property
    def propensity(self) -> float:
        """The probability of the order that was shown."""
        return 1 - self.epsilon if self.place is None else self.epsilon / self.pairs


@dataclass(frozen=True, slots=True)
class ExploredClick:
    """A product that somebody followed from a list whose order chance could change."""

    decision: DecisionRecord
    product_id: int
    exploration: Exploration


@dataclass(frozen=True, slots=True)
class Explored:
    """
    What clicks say of two neighbours, each of them having stood in both places as often.

    :param visitors: who clicked one of two products that had changed places
    :param order: clicks of the product that the model puts first over those of the other; None while too few
        visitors tell
    :param place: clicks of the place in front over those of the one behind it; None likewise
    """

    visitors: int = 0
    order: Estimate | None = None
    place: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """
    What is shown, and why.

    :param is_personal: whether what is known of the visitor chose products: only then may a heading say so
    :param rules: those that were applied
    :param teams: whose each place is, where two versions drafted the list
    :param exploration: by which chance it has this order; None where it could have no other
    """

    items: tuple[ShownItem, ...]
    fallback: str
    is_personal: bool
    rules: tuple[Rule, ...] = ()
    teams: tuple[Team, ...] = ()
    exploration: Exploration | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the storefront."""

    decision_id: UUID
    surface: Surface
    items: tuple[tuple[ShownItem, Card], ...]
    version_number: int | None
    fallback: str
    is_personal: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What would be shown now, and why; nothing of it is on record.

    :param arm: the version that answers, ``none`` where no version could
    :param steps: how much of the customer's past went in, purchase by purchase
    """

    surface: Surface
    items: tuple[tuple[ShownItem, Card], ...]
    arm: str
    version_id: UUID | None
    version_number: int | None
    fallback: str
    is_personal: bool
    steps: int


class ReplayVerdict(StrEnum):
    """What came of making a decision again."""

    EQUAL = "EQUAL"  # the same products, reasons and scores
    DIFFERENT = "DIFFERENT"  # the same inputs gave something else
    ERASED = "ERASED"  # what its visitor did was wiped with the visitor
    INCOMPLETE = "INCOMPLETE"  # an input is not on record, or can't be read
    VERSION_GONE = "VERSION_GONE"  # the files of the version that chose can't be opened any more
    UNKNOWN = "UNKNOWN"  # the shop has no such decision on record


class Aspect(StrEnum):
    """What may differ between a decision and its replay."""

    ITEM = "ITEM"
    REASON = "REASON"
    SCORE = "SCORE"
    FALLBACK = "FALLBACK"
    RULES = "RULES"
    CHANCE = "CHANCE"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a replay found otherwise; ``position`` is None where it is of the whole list."""

    aspect: Aspect
    position: int | None
    recorded: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replay:
    """
    A decision made again from what went into it then.

    :param decision: as it is on record; None where the shop has no such decision
    :param explanation: what came of it, as a whole sentence for a person
    :param items: as they would be shown; empty where it could not be made again
    :param is_same_code: whether the code that made the decision runs here
    """

    verdict: ReplayVerdict
    explanation: str
    decision: DecisionRecord | None = None
    items: tuple[ShownItem, ...] = ()
    differences: tuple[Difference, ...] = ()
    is_same_code: bool = True

    @property
    def is_equal(self) -> bool:
        """Return whether the decision could be made again and came out the same."""
        return self.verdict is ReplayVerdict.EQUAL


@dataclass(frozen=True, slots=True)
class PastStep:
    """One thing that a visitor did before a decision; ``what`` is a kind of the recommender's ``Event``."""

    product_id: int
    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Ingredients:
    """
    What went into a past decision, as it was recorded.

    :param past: oldest first; empty for somebody unknown
    :param available: how many products could be shown
    :param new_products: how many the model was told of since its training
    :param exploration: by which chance the list has its order; None where it could have no other
    :param is_erased: whether there was a visitor's past, which was erased with the visitor
    :param problem: why the rest is not told; empty where nothing is wrong
    """

    past: tuple[PastStep, ...] = ()
    recent: tuple[int, ...] = ()
    cart: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()
    available: int = 0
    popular: int = 0
    new_products: int = 0
    shows_new_products: bool = True
    exploration: Exploration | None = None
    is_erased: bool = False
    problem: str = ""


class Stage(StrEnum):
    """A step of flow 3, as its timer calls it; they follow one another."""

    VERIFY = "verify"  # the signature, and what is asked
    ARM = "arm"  # the shop's versions, and which of them answers
    PAST = "past"  # who asks, and what they did before
    SCORE = "score"  # what the version says
    DECIDE = "decide"  # what is shown of it, and why
    RECORD = "record"  # the decision, until it is durable
    RESPOND = "respond"  # the bytes of the answer
    STAND_IN = "stand_in"  # the step that failed, and the list that is given instead


class BreakerState(StrEnum):
    """What a breaker does with calls."""

    CLOSED = "closed"  # lets them through
    OPEN = "open"  # refuses them
    HALF_OPEN = "half_open"  # lets one at a time try


@dataclass(frozen=True, slots=True)
class BreakerFigures:
    """
    How a breaker stands, and what it did since it was made.

    :param failures: within the window
    :param calls: within the window, failures among them
    :param opened: times that it opened
    :param refused: calls that it did not let through, or would not have
    """

    state: BreakerState
    failures: int
    calls: int
    opened: int
    refused: int


@dataclass(frozen=True, slots=True)
class VersionHealth:
    """
    How one version is in one process.

    :param data_until: the last day that it learned from; None while it is not in memory
    :param bytes: of its files
    :param loaded_seconds: since it is in memory
    :param answers: whose milliseconds are known, the last ones
    """

    shop_id: int
    version_id: UUID
    version_number: int
    data_until: str | None
    bytes: int
    loaded_seconds: float | None
    answers: int
    p50_ms: float | None
    p99_ms: float | None
    breaker: BreakerFigures


@dataclass(frozen=True, slots=True)
class Health:
    """
    How one process is, and what it did since it began.

    :param spooled: answers whose decision went to disk because the ledger was away
    :param unrecorded: answers that were not given because neither took their decision
    :param fallbacks: answers that a visitor's version did not fill alone, by the reason
    """

    is_ready: bool
    versions: tuple[UUID, ...]
    answers: int
    p50_ms: float | None
    p99_ms: float | None
    spooled: int
    unrecorded: int
    fallbacks: Mapping[str, int]

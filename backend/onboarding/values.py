"""What crosses the boundary of onboarding."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A block that nobody vouched for in this time may be gone: Shopify tells nobody when one is taken away.
SEEN_LATELY = timedelta(days=7)


class StepId(StrEnum):
    """The steps from install to a live carousel, in order."""

    INSTALL = "install"
    IMPORT_PRODUCTS = "import_products"
    IMPORT_ORDERS = "import_orders"
    TRAIN = "train"
    PUBLISH = "publish"
    THEME_BLOCK = "theme_block"


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "DONE"
    RUNNING = "RUNNING"
    WAITING = "WAITING"  # its turn comes by itself
    FAILED = "FAILED"
    NEEDS_ACTION = "NEEDS_ACTION"  # only the merchant can do it


class BlockStatus(StrEnum):
    """What App Bridge says of our theme block."""

    ACTIVE = "active"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class Placement(StrEnum):
    """Where in the theme one of our blocks may stand."""

    PRODUCT = "product"
    HOME = "home"


class BlockState(StrEnum):
    """What is known of one of our blocks."""

    PLACED = "PLACED"
    NOT_SEEN = "NOT_SEEN"  # it was seen once, and not lately
    MISSING = "MISSING"
    UNAVAILABLE = "UNAVAILABLE"  # the theme takes no app blocks there


class Serving(StrEnum):
    """What answers shoppers."""

    MODEL = "MODEL"
    FALLBACK = "FALLBACK"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist. ``done`` and ``total`` are None where nothing can be counted."""

    id: StepId
    title: str
    state: StepState
    detail: str = ""
    done: int | None = None
    total: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of a shop's history is here."""

    products: int
    orders: int
    order_lines: int
    customers: int
    guest_orders: int


@dataclass(frozen=True, slots=True)
class ImportPart:
    """One half of the import. ``state`` is the catalogue's; None before the first import."""

    state: str | None
    done: int
    total: int
    unit: str
    error: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Training:
    """The newest training run. ``state`` is training's; None before the first run."""

    state: str | None = None
    fraction: float = 0.0
    message: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """The evidence about one block: App Bridge's last word, and when a shopper's page last asked us."""

    placement: Placement
    status: BlockStatus | None = None
    reported_at: datetime | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One block for the merchant. ``seen_at`` is the newest moment at which it was known to stand there."""

    placement: Placement
    state: BlockState
    detail: str
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Publishing:
    """How many of the pages hold the lists of the live version."""

    done: int
    pages: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checklist is made from."""

    amounts: Amounts
    products: ImportPart
    orders: ImportPart
    training: Training
    version_number: int | None
    is_published: bool  # the pages hold the lists of the live version
    has_lists: bool  # the pages hold lists of ours, of whatever version
    publishing: Publishing | None  # while the lists of the live version are being written
    publish_failure: str
    blocks: tuple[Block, ...]
    needs_reauth: bool
    missing_scopes: tuple[str, ...]
    has_all_orders: bool
    has_available_product: bool
    has_purchases: bool


@dataclass(frozen=True, slots=True)
class Setup:
    """How far a shop has come, for its merchant."""

    shop: str
    steps: tuple[Step, ...]
    counts: Amounts
    recommendations_live: bool
    serving: Serving
    missing: tuple[str, ...]
    blocks: tuple[Block, ...]
    theme_editor_urls: dict[str, str]

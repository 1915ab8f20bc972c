"""What crosses the recommender's boundary: recipe, progress, report, scores. Standard library only."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class DatasetInvalid(ValueError):
    """What shall be learned from cannot be used; the message names file, row and column."""


class Stage(StrEnum):
    """Where a training run is."""

    READING = "READING"  # the dataset folder is read and checked
    BASELINES = "BASELINES"  # the simple models are fitted and tuned on the validation days
    TRAINING = "TRAINING"  # the transformer learns; early stopping looks at the validation days
    EVALUATING = "EVALUATING"  # every model ranks the test days
    REFITTING = "REFITTING"  # the chosen models learn the newest days too
    EXPORTING = "EXPORTING"  # the artifact folder is written and read back
    DONE = "DONE"


class ReasonKind(StrEnum):
    """Why an item is recommended; the words are the caller's."""

    # item: itself, count: how often this customer bought it (0: only looked at), last_at: when last
    BOUGHT_BEFORE = "BOUGHT_BEFORE"
    OFTEN_BOUGHT_AFTER = "OFTEN_BOUGHT_AFTER"  # item: what the customer bought or looks at
    BOUGHT_TOGETHER = "BOUGHT_TOGETHER"  # item: the product of the page
    SIMILAR_TO = "SIMILAR_TO"  # item: what the customer knows and this one resembles
    NEW_SIMILAR_TO = "NEW_SIMILAR_TO"  # likewise, of a product never sold; group: its type, if known
    FOR_YOU = "FOR_YOU"  # the whole history speaks for it, no single item does
    POPULAR = "POPULAR"  # count: how often it was sold
    NEWEST = "NEWEST"  # never sold; the newest come first
    # Never sold, and given the place that is kept for such products. item: what the customer met that won
    # it the place, if a single thing did; group: its type, if known
    NEW_ARRIVAL = "NEW_ARRIVAL"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one item is recommended: a kind, the item that caused it and what more is known of it."""

    kind: ReasonKind
    item: int | None = None
    count: int | None = None
    last_at: int | None = None  # microseconds since 1970
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One recommended item. Scores order one answer; they do not compare across answers."""

    item: int
    score: float
    reason: Reason


@dataclass(frozen=True)
class Recipe:
    """
    How to train: everything that, with the data and the code, decides the weights.

    ``train_seconds`` is a wall-clock budget for the whole run. Steps stop when it is spent, so two
    runs are equal bit for bit only when both end by ``epochs`` or by patience; the report tells.
    """

    seed: int = 7
    train_seconds: float = 200.0
    # One, because a second thread waits for the first by spinning: on two cores with other work an
    # epoch on Online Retail took 36 s with one thread and 311 s with two (alone: 13.5 s and 8.5 s).
    threads: int = 1
    device: str = "auto"  # "auto", "cpu" or "cuda"
    width: int = 64
    layers: int = 2
    heads: int = 2
    window: int = 96  # newest purchases that the transformer sees
    dropout: float = 0.5  # measured on Beauty (0.071 to 0.074) and Online Retail (0.340 to 0.343)
    learning_rate: float = 6e-3
    weight_decay: float = 0.01
    batch_tokens: int = 2048
    epochs: int = 60
    patience: int = 5  # epochs without a better validation NDCG before training stops
    averaging: float = 0.98  # decay a step of the moving average of the weights that is served
    full_softmax_items: int = 5_000  # up to here every item is a rival in the loss
    negatives: int = 512  # sampled rivals of a batch above that, beside all that its rows hold
    together_share: float = 0.03  # share of in-basket positions that learn "the rest of this basket"
    # Which readout of the transformer answers: the next order, or "together", the rest of this one.
    readout: str = "next"
    # Share of items whose own vector is hidden a step, so that words learn to speak for new products.
    id_dropout: float = 0.1
    has_transformer: bool = True  # without it the simple models alone are blended
    repeat: str = "keep"  # or "drop": what the customer bought before is no answer and no rival
    # Steps of each stage, as a former run reported them; followed exactly, whatever the clock says.
    schedule: dict[str, dict[str, int]] | None = None
    test_days: float = 14.0
    validation_days: float = 14.0

    def as_params(self) -> dict[str, Any]:
        """Return the recipe as the manifest and MLflow keep it."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """One report from a running training. ``fraction`` never falls; ``seconds`` is time spent."""

    stage: Stage
    epoch: int
    epochs: int
    fraction: float
    seconds: float
    train_loss: float | None
    validation_ndcg: float | None
    message: str


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Drop a progress report."""


@dataclass(frozen=True)
class CurvePoint:
    """One validated epoch of the learning curve."""

    step: int
    epoch: int
    seconds: float
    train_loss: float
    validation_ndcg: float | None


@dataclass(frozen=True)
class ModelMetrics:
    """
    How one model ranks the test days; all figures are None when there was not enough data.

    ``ndcg_low`` and ``ndcg_high`` bound a 95 % bootstrap interval over customers.
    """

    model: str
    label: str
    ndcg_at_10: float | None
    ndcg_low: float | None
    ndcg_high: float | None
    recall_at_10: float | None
    hit_rate_at_10: float | None
    mrr_at_10: float | None
    coverage: float | None
    fit_seconds: float | None
    customers: int
    is_served: bool
    is_transformer: bool
    # 95 % bounds of each of the four figures, by the names above; empty where there are none.
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    p50_ms: float | None = None  # one customer, all items ranked, on the machine that trained
    p99_ms: float | None = None


@dataclass(frozen=True)
class GateEvidence:
    """
    How the new model does beside the one that serves, on the same customers of the newest days.

    Both were asked for what these customers bought from ``since`` on, and neither had seen it. Gains
    are relative (0.02 is 2 %); ``low`` and ``high`` bound the 95 % paired-bootstrap interval. Each had
    learned what came before ``candidate_until`` and ``champion_until``: the champion is what serves,
    the candidate as it would serve from ``since`` on.
    """

    customers: int
    since: str  # ISO 8601
    until: str
    candidate: float | None = None  # NDCG@10
    champion: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None  # why there are no figures, in plain words; None when there are
    candidate_until: str | None = None
    champion_until: str | None = None
    asked: str = "customers"  # or "orders", for their rest, where few customers come back


@dataclass(frozen=True)
class TimeRound:
    """One round of a look back: what a copy of the candidate and the version that was live reached."""

    since: str  # ISO 8601
    until: str
    customers: int
    candidate: float  # NDCG@10
    champion: float
    rival: str  # the artifact folder of the version that was live


@dataclass(frozen=True)
class TimeTravel:
    """
    How a candidate's way of learning would have done over the last weeks, beside what was live.

    ``gain``, ``low`` and ``high`` are as of :class:`GateEvidence`, over customers, each counted once.
    """

    rounds: list[TimeRound]
    customers: int
    since: str
    until: str
    gain: float | None
    low: float | None
    high: float | None
    reason: str | None  # why there are no figures, in plain words; None when there are


@dataclass(frozen=True)
class Gain:
    """
    What is served beside the best simple model on the test's customers, relative (0.02 is 2 %).

    ``low`` and ``high`` bound the 95 % paired-bootstrap interval.
    """

    model: str  # the best simple one
    label: str
    gain: float
    low: float
    high: float
    customers: int
    asked: str = "customers"  # or "orders", for their rest, where few customers come back


@dataclass(frozen=True)
class ColdStart:
    """
    How often items without any sale before the cut are found for those who then bought them.

    A place is the last of ten, kept for an arrival; see ``arrivals``. What it changes in NDCG@10 is
    relative (-0.02 is 2 % less), over customers of every kind, with a 95 % paired-bootstrap interval.
    """

    items: int  # without a sale before the cut, bought after it
    customers: int
    recall_at_10: float  # ranked among all items
    popularity_recall_at_10: float
    recall_among_cold_at_10: float  # ranked among the items without a sale only
    recall_with_place_at_10: float  # ranked among all items
    chance_with_place_at_10: float  # popularity, whose place goes to any arrival by chance
    place_ndcg_change: float
    place_ndcg_low: float
    place_ndcg_high: float
    # Whether nobody knows which items were there unsold: then every one counts that sold later, no claim.
    is_simulated: bool


@dataclass(frozen=True)
class Slice:
    """How what is served does for some of the test's customers, with a 95 % bootstrap interval."""

    name: str
    customers: int
    ndcg_at_10: float
    ndcg_low: float
    ndcg_high: float


@dataclass(frozen=True)
class PopularityBias:
    """How popular what is shown is, and what was bought: mean percentiles by sales, 1 is the best seller."""

    shown: float
    bought: float


@dataclass(frozen=True)
class WayMetrics:
    """How one way of answering a surface ranks the orders after the cut; 95 % interval over customers."""

    way: str
    label: str
    ndcg_at_10: float
    ndcg_low: float
    ndcg_high: float
    hit_rate_at_10: float
    coverage: float
    is_served: bool


@dataclass(frozen=True)
class SurfaceReport:
    """
    What serves one surface of the storefront, and how good it is beside other ways of answering it.

    Gains are paired, over customers; None where what serves is that way, or nothing was measured.
    """

    surface: str
    orders: int  # after the cut that were asked; at home, customers
    customers: int
    chosen_on: int  # orders before them by which what serves was chosen; 0: it was not chosen
    ways: list[WayMetrics] = field(default_factory=list)  # empty where there was not enough data
    over_popular: Gain | None = None
    over_simple: Gain | None = None  # over the best simple way
    words: str = ""


@dataclass(frozen=True)
class Report:
    """What a finished training has to say for itself."""

    metrics: list[ModelMetrics]
    surfaces: list[SurfaceReport]
    served: str
    related_by: str
    related_share: float  # how much louder than the customer a page's product is
    cart_share: float  # and what lies in the cart
    curve: list[CurvePoint]
    train_seconds: float
    params: dict[str, Any]
    data_hash: str
    data_until: str
    interactions: int
    users: int
    items: int
    code_revision: str
    seed: int
    peak_memory_mb: float
    summary: str
    reason: str | None  # why metrics are None, in plain words; None when there are metrics
    manifest: Path
    versions: dict[str, str] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)  # share of each model in what is served
    blend: dict[str, Any] = field(default_factory=dict)  # how the blend did when it was chosen
    against_simple: Gain | None = None  # None where nothing was measured
    gate: GateEvidence | None = None
    cold: ColdStart | None = None
    asked: str = "customers"  # or "orders", for their rest, where few customers come back
    slices: list[Slice] = field(default_factory=list)
    popularity_bias: PopularityBias | None = None
    card: str = ""  # Markdown

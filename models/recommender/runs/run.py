"""One training run: the log and its cuts, and what was learned so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from models.recommender.judging.gate import MIN_CUSTOMERS
from models.recommender.judging.surfaces import Choice
from models.recommender.learning.baskets import Baskets
from models.recommender.learning.blend.choice import Learned
from models.recommender.learning.progress import Reporter
from models.recommender.learning.simple.tuning import DEFAULTS, Params, fit_all
from models.recommender.learning.transformer.inference import serving_model
from models.recommender.learning.transformer.learner import Learner
from models.recommender.learning.transformer.network import Recommender
from models.recommender.log.log import Log
from models.recommender.log.splits import (
    Asked,
    Case,
    Division,
    Kind,
    Split,
    ValidationCut,
    divide,
    validation_cuts,
)
from models.recommender.metrics.ranking import MIN_CASES
from models.recommender.serving.blend import Blend
from models.recommender.serving.rankers import POPULARITY, TRANSFORMER, Model
from models.recommender.serving.transformer import TOGETHER
from models.recommender.values import Recipe

# Of the places in orders: where nobody comes back, orders are all that there is to learn from.
TOGETHER_SHARE = 0.3
LEFT_OUT = "The transformer was tried and left out: the other methods do as well without it in this shop."
RARE = 10  # orders for each customer who came back: who is asked then speaks for few of the shop's visitors


@dataclass
class Run:
    """One training run in progress: the shop's log, how it is cut, and what was learned so far."""

    log: Log
    split: Split
    recipe: Recipe
    reporter: Reporter
    test: Division
    cuts: list[ValidationCut]  # those for validation, the oldest first, at least one
    params: Params
    tried: Learner | None = None  # who taught the transformer that validation looked at
    learner: Learner | None = None  # the same; None where nothing that serves asks a transformer
    learned: Learned | None = None
    baskets: Baskets | None = None  # what orders say of what goes with what, beside what customers buy next
    choice: Choice = field(default_factory=Choice)  # of what serves product pages and carts
    seconds: dict[str, float] = field(default_factory=dict)  # each model's last fit

    @property
    def validation(self) -> ValidationCut:
        """The newest cut for validation."""
        return self.cuts[-1]

    @property
    def is_taught(self) -> bool:
        """Whether enough was asked before the test to choose what serves."""
        return self.validated >= MIN_CASES

    @property
    def reason(self) -> str | None:
        """Return why nothing can be measured, or None."""
        asked = len(self.test.cases)
        if asked >= MIN_CASES and self.is_taught:
            return None
        before = "" if self.is_taught else f" and {self.validated} in the days before"
        if self.split.asked is Asked.ORDERS:
            return (
                f"not enough data: {asked} orders of the newest days hold two or more products; "
                f"{MIN_CASES} are needed to compare models."
            )
        return (
            f"not enough data: {asked} customers came back in the newest days{before}; {MIN_CASES} are "
            f"needed to compare models, or as many orders of two or more products."
        )

    @property
    def validated(self) -> int:
        """How many customers the validation cuts ask; who is asked at several counts at each."""
        return sum(len(cut.cases) for cut in self.cuts)

    @property
    def network(self) -> Recommender | None:
        """The transformer as it serves; None before it has learned, and where it was left out."""
        return self.learner.trainer.average if self.learner else None

    def leave_out_unasked(self) -> None:
        """Let the transformer go if nothing that validation chose asks it: no more time is spent on it."""
        assert self.learned is not None, "What serves is chosen before anything is left out."
        if self.learner is not None and TRANSFORMER not in {*self.learned.weights, self.choice.related_by}:
            self.learner = None
            self.reporter.notices.append(LEFT_OUT)  # progress names no method

    def members(self, log: Log, *, moment: int, cases: Sequence[Case]) -> list[Model]:
        """Return every model fitted on a log, the plainest first and the transformer last."""
        models, seconds = fit_all(log, self.params)
        self.seconds |= seconds
        if self.learner is not None and self.network is not None:
            kind = self.recipe.readout
            models.append(serving_model(self.network, log, moment=moment, cases=cases, kind=kind))
            self.seconds[TRANSFORMER] = self.learner.seconds
        return models

    def served(self, members: list[Model], log: Log, *, moment: int) -> Model:
        """Return what answers shoppers: what validation chose, or popularity without any."""
        if self.learned is None:
            return next(model for model in members if model.name == POPULARITY)
        return self.learned.apply(members, log=log, moment=moment)

    def basket(self, log: Log, *, moment: int) -> Blend | None:
        """Return what says what goes with what in an order; None where too few orders taught it."""
        return None if self.baskets is None else self.baskets.over(log, moment=moment)


Cuts = tuple[Split, Division, list[ValidationCut]]  # how a log is cut, the test, and the cuts for validation


def start(log: Log, split: Split, recipe: Recipe, reporter: Reporter) -> Run:
    """Return a run with its cases drawn; nothing is learned yet."""
    split, test, cuts = _cuts(log, split, recipe)
    if split.asked is Asked.ORDERS:
        recipe = replace(recipe, repeat=split.repeat, readout=TOGETHER, together_share=TOGETHER_SHARE)
    return Run(
        log=replace(log, has_clock=test.train.has_clock),
        split=split,
        recipe=recipe,
        reporter=reporter,
        test=test,
        cuts=cuts,
        params=DEFAULTS,
    )


def choose_split(log: Log, split: Split, recipe: Recipe) -> Split:
    """Return the split by which a log is cut: it asks orders for their rest where few customers come back."""
    return _cuts(log, split, recipe)[0]


def _cuts(log: Log, split: Split, recipe: Recipe) -> Cuts:
    customers = _cut(log, split, recipe)
    asked, before = _asked(customers)
    if split.kind is Kind.LEAVE_ONE_OUT or min(asked, before) >= MIN_CUSTOMERS:
        return customers
    # Guests place orders too.
    orders = _cut(log, split.of_orders(), recipe)
    ordered, ordered_before = _asked(orders)
    are_few = before < MIN_CASES or RARE * asked <= ordered
    return orders if are_few and ordered_before >= MIN_CASES else customers


def _asked(cuts: Cuts) -> tuple[int, int]:
    """Return how many cases the test has, and how many the cuts before it."""
    _, test, earlier = cuts
    return len(test.cases), sum(len(cut.cases) for cut in earlier)


def _cut(log: Log, split: Split, recipe: Recipe) -> Cuts:
    test = divide(log, split, seed=recipe.seed)
    earlier = replace(split, days=recipe.validation_days)
    return split, test, validation_cuts(test.train, earlier, seed=recipe.seed)

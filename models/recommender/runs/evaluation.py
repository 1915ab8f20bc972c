"""How the models of a run do on the test: figures, gains, and a summary in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from models.recommender.judging import gate, surfaces
from models.recommender.judging.cold_start import cold_start
from models.recommender.judging.slices import popularity_bias, slices
from models.recommender.judging.surfaces import LABELS
from models.recommender.learning.simple.tuning import FAMILIES
from models.recommender.log.splits import Asked, Division
from models.recommender.metrics.intervals import gain_interval, interval
from models.recommender.metrics.ranking import Ranking, rank
from models.recommender.runs.run import Run
from models.recommender.runs.storefront import surface_reports
from models.recommender.serving.artifact import ArtifactMismatch, load
from models.recommender.serving.rankers import POPULARITY, TRANSFORMER, Model
from models.recommender.values import (
    ColdStart,
    Gain,
    GateEvidence,
    ModelMetrics,
    PopularityBias,
    Slice,
    Stage,
    SurfaceReport,
)

FIGURES = {
    "ndcg_at_10": "ndcg",
    "recall_at_10": "recall",
    "hit_rate_at_10": "hit",
    "mrr_at_10": "reciprocal_rank",
}


@dataclass(frozen=True)
class ChampionArtifact:
    """A version that serves, or served, on disk."""

    artifact: Path
    until: str | None = None  # when its data end, ISO 8601; its manifest's word where it is None


@dataclass(frozen=True)
class Evaluation:
    """How the models did on the test cases, with what was known before them."""

    members: list[Model]
    served: Model
    metrics: list[ModelMetrics]
    surfaces: list[SurfaceReport]
    against_simple: Gain | None
    cold: ColdStart | None
    gate: GateEvidence | None
    summary: str
    seconds: float  # since the run began, when everything was fitted
    slices: list[Slice]
    popularity_bias: PopularityBias | None


def evaluate(run: Run, live: ChampionArtifact | None = None) -> Evaluation:
    """Let every model learn all that came before the test cases, then rank those."""
    known = run.test.train
    if run.learner is not None:
        run.learner.extend(known)
    members = run.members(known, moment=run.test.moment, cases=run.test.cases)
    served = run.served(members, known, moment=run.test.moment)
    seconds = run.reporter.seconds
    run.reporter.stage(Stage.EVALUATING, "Ranking the newest days with every model.", fraction=0.0)
    ranked = {model.name: model for model in [*members, served]}
    rankings = {name: _rank(run, model) for name, model in ranked.items()}
    is_measured = run.reason is None
    metrics = [
        _metrics(run, name, rankings[name] if is_measured else None, is_served=name == served.name)
        for name in rankings
    ]
    against_simple = _over(run, rankings, served.name, _best_simple(rankings)) if is_measured else None
    return Evaluation(
        members=members,
        served=served,
        metrics=metrics,
        surfaces=[
            _home(run, metrics, rankings, against_simple),
            *surface_reports(run, members, served),
        ],
        against_simple=against_simple,
        cold=_cold_start(run, served, ranked[POPULARITY]),
        gate=None if live is None else _gate(run, served, live),
        summary=(
            _too_little(run, served.name)
            if against_simple is None
            else _summarise(run, rankings, served.name, against_simple)
        ),
        seconds=seconds,
        slices=_slices(run, rankings[served.name]) if is_measured else [],
        popularity_bias=popularity_bias(rankings[served.name], run.test.cases, known)
        if is_measured
        else None,
    )


def _home(
    run: Run, metrics: list[ModelMetrics], rankings: dict[str, Ranking], against_simple: Gain | None
) -> SurfaceReport:
    """Return what serves customers who came before, with its figures where these were asked."""
    served = next(row.model for row in metrics if row.is_served)
    if run.split.asked is Asked.ORDERS:
        return surfaces.home_unasked(served)
    can_gain = run.reason is None and served != POPULARITY
    return surfaces.at_home(
        metrics,
        len(run.test.cases),
        run.validated if run.learned is not None else 0,
        over_popular=_over(run, rankings, served, POPULARITY) if can_gain else None,
        over_simple=None if against_simple is None or against_simple.model == served else against_simple,
        why_not=run.reason or "",
    )


def _slices(run: Run, ranking: Ranking) -> list[Slice]:
    # An order that is asked for its rest is of nobody in particular.
    if run.split.asked is Asked.ORDERS:
        return []
    return slices(ranking, run.test.cases, seed=run.recipe.seed)


def _rank(run: Run, model: Model) -> Ranking:
    return rank(model.scores, run.test.cases, items=run.log.items, drop_seen=run.split.drops_seen)


def _cold_start(run: Run, served: Model, popularity: Model) -> ColdStart | None:
    """Return how products without a sale are found for customers, where customers are asked."""
    if run.split.asked is Asked.ORDERS:
        return None
    known, cases = run.test.train, run.test.cases
    moment, drop_seen = run.test.moment, run.split.drops_seen
    return cold_start(served, popularity, known, cases, moment=moment, drop_seen=drop_seen)


def _gate(run: Run, served: Model, live: ChampionArtifact) -> GateEvidence:
    """Return how what is served here does beside the version that serves now."""
    log, seed = run.log, run.recipe.seed
    try:
        champion = gate.Champion.of(load(live.artifact), until=live.until)
    except ArtifactMismatch as error:
        why = f"the current version's files cannot be read: {error}"
        return gate.without_figures(log, run.test.moment, reason=why)
    days = gate.unseen_days(champion, log, run.split, cut=run.test.moment, seed=seed)
    if len(days.cases) < gate.MIN_CUSTOMERS:
        return gate.without_figures(
            log, days.moment, reason=gate.TOO_FEW[run.split.asked], customers=len(days.cases)
        )
    with _known_until(run, served, days) as candidate:
        return gate.compare(candidate, champion, log, days, run.split, seed=seed)


@contextmanager
def _known_until(run: Run, served: Model, days: Division) -> Iterator[Model]:
    """
    Lend what is served here as it would be when some days begin.

    A champion that learned part of the test's days is asked about the rest; what is served here was
    measured without that part, which alone is worth a few percent. It learns it in a copy: what is
    released must not depend on which version it was compared with.
    """
    if days.moment <= run.test.moment:
        yield served
        return
    run.reporter.stage(Stage.EVALUATING, "Learning what the current version knows.", fraction=0.75)
    with nullcontext() if run.learner is None else run.learner.caught_up(days.train):
        members = run.members(days.train, moment=days.moment, cases=days.cases)
        yield run.served(members, days.train, moment=days.moment)


def _metrics(run: Run, name: str, ranking: Ranking | None, *, is_served: bool) -> ModelMetrics:
    rows = {figure: getattr(ranking, row) for figure, row in FIGURES.items()} if ranking else {}
    bounds = {figure: interval(values, seed=run.recipe.seed) for figure, values in rows.items()}
    low, high = bounds.get("ndcg_at_10", (None, None))
    return ModelMetrics(
        **{figure: float(rows[figure].mean()) if rows else None for figure in FIGURES},
        model=name,
        label=LABELS[name],
        ndcg_low=low,
        ndcg_high=high,
        coverage=ranking.coverage if ranking else None,
        fit_seconds=run.seconds.get(name),
        customers=len(ranking.ndcg) if ranking else 0,
        is_served=is_served,
        is_transformer=name == TRANSFORMER,
        intervals=bounds,
    )


def _best_simple(rankings: dict[str, Ranking]) -> str:
    """Return the simple model with the best NDCG; the plainer one, listed first, wins a tie."""
    simple = [family.name for family in FAMILIES]
    return max(simple, key=lambda name: rankings[name].ndcg_mean)


def _over(run: Run, rankings: dict[str, Ranking], served: str, rival: str) -> Gain:
    """Return how what is served does beside another model; nothing is gained over itself."""
    ours, theirs = rankings[served].ndcg, rankings[rival].ndcg
    gain, low, high = gain_interval(ours, theirs, seed=run.recipe.seed)
    return Gain(rival, LABELS[rival], gain, low, high, len(ours), run.split.asked)


def _summarise(run: Run, rankings: dict[str, Ranking], served: str, over: Gain) -> str:
    """Say in plain words what is served and how it stands against the best simple model."""
    told = f"“{LABELS[served]}” is served: on the days before the newest ones nothing was clearly better."
    if served == over.model:
        return (
            f"{told} It is also the best simple model on the newest days, NDCG@10 {_ndcg(rankings, served)}."
        )
    low, high = over.low, over.high
    verdict = "clearly better than" if low > 0 else "clearly worse than" if high < 0 else "about as good as"
    return (
        f"{told} On the newest days, which nothing was chosen by, it is {verdict} the best simple model, "
        f"“{over.label}”: NDCG@10 {_ndcg(rankings, served)} against {_ndcg(rankings, over.model)}, "
        f"{over.gain:+.1%} (95 % interval {low:+.1%} to {high:+.1%}, {over.customers} {over.asked})."
        f"{_how_asked(run)}"
    )


def _how_asked(run: Run) -> str:
    if run.split.asked is Asked.CUSTOMERS:
        return ""
    return (
        " Few customers come back, so it is asked what else is in an order of which some products are known."
    )


def _ndcg(rankings: dict[str, Ranking], name: str) -> str:
    return f"{rankings[name].ndcg_mean:.3f}"


def _too_little(run: Run, served: str) -> str:
    if not len(run.log):
        return "There are no orders yet: the newest products are shown first."
    if run.learned is None:
        return f"Popular products are shown: {run.reason}"
    told = f"“{LABELS[served]}” is served: it did best before the newest days."
    return f"{told} To measure it there is {run.reason}"

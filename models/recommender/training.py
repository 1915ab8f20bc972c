"""
One training run from a dataset folder to an artifact folder.

Three cuts in time: models are tuned and stopped on the validation days, compared on the test days
that follow (after learning everything before them), and then learn those too before they serve. The
served weights are therefore never the very ones that were measured, but come from the same steps
with two more weeks of purchases; leaving the newest days out would hide every new product.
"""

import resource
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.recommender import evaluation, export, scoring
from models.recommender.dataset import Log
from models.recommender.evaluation import MIN_CASES, Ranking
from models.recommender.fitting import Fitter, head_of, readouts, validate
from models.recommender.learner import Learner
from models.recommender.network import Recommender
from models.recommender.progress import Reporter
from models.recommender.rankers import (
    ITEM_KNN,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    TRANSFORMER,
    Floats,
    ItemTable,
    Model,
    top_k,
)
from models.recommender.splits import Case, Division, Split, divide
from models.recommender.tuning import DEFAULTS, Params, fit_simple, tune
from models.recommender.values import ModelMetrics, Recipe, Report, Stage

LABELS = {
    POPULARITY: "Popular products",
    PERSONAL_FREQUENCY: "Bought before",
    MARKOV: "Bought next",
    ITEM_KNN: "Bought by the same customers",
    TRANSFORMER: "Transformer",
}
VERSIONED = ("torch", "numpy", "scipy", "pandas", "onnx", "onnxruntime")
RELATED_WIDTH = 100  # related items kept for each product
RELATED_BY_TRANSFORMER_ITEMS = 20_000  # above, a table from the transformer costs minutes
ROWS_AT_ONCE = 256  # products whose related items the transformer scores together


@dataclass
class Run:
    """One training run in progress: the shop's purchases, how they are cut, and what was learned so far."""

    log: Log
    split: Split
    recipe: Recipe
    reporter: Reporter
    test: Division
    validation: Division
    related_cases: list[Case]
    params: Params
    learner: Learner | None = None

    @property
    def end(self) -> int:
        """The moment after the newest step, microseconds."""
        return int(self.log.at.max()) + 1 if len(self.log) else 0

    @property
    def reason(self) -> str | None:
        """Return why nothing can be measured, or None."""
        asked, tuned = len(self.test.cases), len(self.validation.cases)
        if min(asked, tuned) >= MIN_CASES:
            return None
        return (
            f"not enough data: {asked} customers came back in the newest days and "
            f"{tuned} in the days before; {MIN_CASES} are needed to compare models."
        )

    def rank(self, model: Model) -> Ranking:
        """Rank the test's cases with one model."""
        cases, items = self.test.cases, self.log.items
        return evaluation.rank(model.scores, cases, items=items, drop_seen=self.split.drops_seen)


def start(log: Log, split: Split, recipe: Recipe, reporter: Reporter) -> Run:
    """Return a run with its cases drawn; nothing is learned yet."""
    test = divide(log, split, seed=recipe.seed)
    earlier = replace(split, days=recipe.validation_days)
    return Run(
        log=replace(log, has_clock=test.train.has_clock),
        split=split,
        recipe=recipe,
        reporter=reporter,
        test=test,
        validation=divide(test.train, earlier, seed=recipe.seed),
        related_cases=evaluation.basket_cases(log, cut=test.moment, seed=recipe.seed),
        params=DEFAULTS,
    )


def learn(run: Run) -> None:
    """Tune the simple models and fit the transformer on what came before the validation days."""
    earlier = run.validation

    def say(message: str) -> None:
        run.reporter.stage(Stage.BASELINES, message, fraction=run.reporter.fraction + 0.01)

    say("Tuning popularity and repeat purchases.")
    run.params = tune(earlier.train, earlier.cases, say=say)
    run.reporter.stage(Stage.TRAINING, "The transformer starts to learn.", fraction=0.05)
    torch.set_num_threads(run.recipe.threads)
    run.learner = Learner(Fitter(run.recipe, items=run.log.items), run.reporter, [], {})
    run.learner.learn(earlier.train, earlier.cases, moment=earlier.moment)


@dataclass(frozen=True)
class Standing:
    """
    How the models did on the test days, and which of them won.

    The winner is chosen by the same figures that are reported, so its own is a
    little too good: the best of five estimates is not an unbiased one. A third
    stretch of days for choosing would cost small shops the days they learn from.
    """

    metrics: list[ModelMetrics]
    related_metrics: list[ModelMetrics]
    served: str
    related_by: str
    summary: str


def compare(run: Run) -> Standing:
    """Let every model learn all that came before the test days, then rank those days."""
    known = run.test.train
    models, seconds = fit_simple(known, run.params)
    tables = {MARKOV: models.markov.table, ITEM_KNN: models.item_knn.table}
    rankings = {}
    if run.learner is not None:
        run.learner.extend(known, "extend", stage=Stage.EVALUATING)
        network = run.learner.fitter.average
        rankings[TRANSFORMER] = validate(
            network, known, run.test.cases, moment=run.test.moment, drop_seen=run.split.drops_seen
        )
        seconds[TRANSFORMER] = run.learner.seconds
        tables |= transformer_table(network, known, moment=run.test.moment)
    run.reporter.stage(Stage.EVALUATING, "Ranking the newest days with every model.", fraction=0.0)
    for model in models.all():
        rankings[model.name] = run.rank(model)
    related = {name: _rank_related(run, table.without_self()) for name, table in tables.items()}
    return _standing(run, rankings, related, seconds)


def transformer_table(network: Recommender, log: Log, *, moment: int) -> dict[str, ItemTable]:
    """Return what the transformer puts into a basket with each single item, if the shop is small enough."""
    if log.items > RELATED_BY_TRANSFORMER_ITEMS:
        return {}
    head = head_of(network, log, moment=moment)
    width = head.vectors.shape[1]
    parts = []
    for start in range(0, log.items, ROWS_AT_ONCE):
        singles = [np.array([item]) for item in range(start, min(start + ROWS_AT_ONCE, log.items))]
        queries = readouts(network, singles, kind="together")[:, :width]
        parts.append(_strongest(queries @ head.vectors.T + head.bias, first=start))
    return {TRANSFORMER: ItemTable.stacked(parts)}


def _strongest(logits: Floats, *, first: int) -> ItemTable:
    """Return each row's strongest other items with their softmax probabilities."""
    rows, items = logits.shape
    logits[np.arange(rows), first + np.arange(rows)] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    width = min(RELATED_WIDTH, items - 1)
    tops = np.stack([top_k(row, width) for row in chances])
    return ItemTable(
        starts=np.arange(rows + 1, dtype=np.int64) * width,
        items=tops.ravel().astype(np.int32),
        values=np.take_along_axis(chances, tops, axis=1).ravel().astype(np.float32),
    )


def _rank_related(run: Run, table: ItemTable) -> Ranking:
    """Judge a table by what shares a basket with one of its items in the test days."""
    pages = [int(case.history.items[0]) for case in run.related_cases]
    tops = [table.row(page)[0][: evaluation.CUTOFF].astype(np.int64) for page in pages]
    return evaluation.judge(tops, run.related_cases, items=run.log.items)


def _standing(
    run: Run, rankings: dict[str, Ranking], related: dict[str, Ranking], seconds: dict[str, float]
) -> Standing:
    is_measured = run.reason is None
    served = _best(rankings, otherwise=POPULARITY) if is_measured else POPULARITY
    knows_anything = bool(len(run.test.train))
    is_related_measured = knows_anything and len(run.related_cases) >= MIN_CASES
    related_by = _best(related, otherwise=ITEM_KNN) if is_related_measured else ITEM_KNN

    def row(name: str, ranking: Ranking, winner: str, *, measured: bool) -> ModelMetrics:
        figures = ranking if measured else None
        return _metrics(
            name, figures, seconds=seconds.get(name), is_served=name == winner, seed=run.recipe.seed
        )

    return Standing(
        metrics=[row(name, rankings[name], served, measured=is_measured) for name in rankings],
        related_metrics=[
            row(name, related[name], related_by, measured=is_related_measured) for name in related
        ],
        served=served,
        related_by=related_by,
        summary=summarise(rankings, served, seed=run.recipe.seed) if is_measured else _too_little(run),
    )


def _best(rankings: dict[str, Ranking], *, otherwise: str) -> str:
    """Return the model with the best NDCG; the simpler one, listed first in LABELS, wins a tie."""
    names = [name for name in LABELS if name in rankings]
    return max(names, key=lambda name: rankings[name].ndcg_mean, default=otherwise)


def _metrics(
    name: str, ranking: Ranking | None, *, seconds: float | None, is_served: bool, seed: int
) -> ModelMetrics:
    low, high = evaluation.interval(ranking.ndcg, seed=seed) if ranking else (None, None)
    return ModelMetrics(
        model=name,
        label=LABELS[name],
        ndcg_at_10=ranking.ndcg_mean if ranking else None,
        ndcg_low=low,
        ndcg_high=high,
        recall_at_10=float(ranking.recall.mean()) if ranking else None,
        hit_rate_at_10=float(ranking.hit.mean()) if ranking else None,
        mrr_at_10=float(ranking.reciprocal_rank.mean()) if ranking else None,
        coverage=ranking.coverage if ranking else None,
        fit_seconds=seconds,
        customers=len(ranking.ndcg) if ranking else 0,
        is_served=is_served,
        is_transformer=name == TRANSFORMER,
    )


def summarise(rankings: dict[str, Ranking], served: str, *, seed: int) -> str:
    """Say in plain words how the transformer stands against the best simple model."""
    if TRANSFORMER not in rankings:
        return f"No transformer was trained. “{LABELS[served]}” ranks the newest days best and is served."
    rival = _best({name: rankings[name] for name in rankings if name != TRANSFORMER}, otherwise=POPULARITY)
    gain = rankings[TRANSFORMER].ndcg - rankings[rival].ndcg
    low, high = evaluation.interval(gain, seed=seed)
    verdict = "clearly better than" if low > 0 else "clearly worse than" if high < 0 else "about as good as"
    return (
        f"On the newest days the transformer is {verdict} the best simple model, “{LABELS[rival]}”: "
        f"NDCG@10 {rankings[TRANSFORMER].ndcg_mean:.3f} against {rankings[rival].ndcg_mean:.3f}, "
        f"a difference of {gain.mean():+.3f} (95 % interval {low:+.3f} to {high:+.3f}, "
        f"{len(gain)} customers). “{LABELS[served]}” is served; it was chosen on these same days, which "
        f"flatters its figure a little."
    )


def _too_little(run: Run) -> str:
    if not len(run.log):
        return "There are no orders yet: the newest products are shown first."
    return f"Popular products are shown: {run.reason}"


def publish(run: Run, standing: Standing, out: Path, *, revision: str) -> Report:
    """Let the chosen models learn the newest days too, write the artifact and read it back."""
    models, _ = fit_simple(run.log, run.params)
    tables = {MARKOV: models.markov.table, ITEM_KNN: models.item_knn.table}
    related = dict(tables)
    network, head = None, None
    if run.learner is not None:
        run.learner.extend(run.log, "refit", stage=Stage.REFITTING)
        network = run.learner.fitter.average
        head = head_of(network, run.log, moment=run.end)
        if standing.related_by == TRANSFORMER:
            related |= transformer_table(network, run.log, moment=run.end)
    run.reporter.stage(Stage.EXPORTING, "Writing and checking the model's files.", fraction=0.93)
    parts = export.Parts(
        log=run.log,
        popularity=models.popularity,
        tables=tables,
        related=related[standing.related_by].without_self(),
        head=head,
        network=network,
    )
    report = _report(run, standing, revision=revision, manifest=out / scoring.MANIFEST_FILE)
    export.write(out, parts, _facts(report))
    scoring.load(out)
    run.reporter.stage(Stage.DONE, report.summary, fraction=1.0)
    return report


def _report(run: Run, standing: Standing, *, revision: str, manifest: Path) -> Report:
    params: dict[str, Any] = {**run.params, "recipe": run.recipe.as_params()}
    if run.learner is not None:
        params[TRANSFORMER] = {
            "window": run.recipe.window,
            "batch_tokens": run.learner.fitter.batch_tokens,
            "device": str(run.learner.fitter.device),
            "epochs": run.learner.epochs,
        }
    return Report(
        metrics=standing.metrics,
        related_metrics=standing.related_metrics,
        served=standing.served,
        related_by=standing.related_by,
        curve=run.learner.curve if run.learner else [],
        train_seconds=run.reporter.seconds,
        params=params,
        data_hash=run.log.data_hash,
        data_until=run.log.until,
        interactions=len(run.log),
        users=run.log.users,
        items=run.log.items,
        code_revision=revision,
        seed=run.recipe.seed,
        # Linux counts the peak in KiB.
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        summary=standing.summary,
        reason=run.reason,
        manifest=manifest,
        versions={name: version(name) for name in VERSIONED},
    )


def _facts(report: Report) -> dict[str, Any]:
    facts = asdict(report)
    del facts["manifest"]
    return facts


def train_log(
    log: Log, out: Path, recipe: Recipe, reporter: Reporter, *, revision: str, split: Split | None = None
) -> Report:
    """Train on a log that is already in memory; see ``models.recommender.api.train``."""
    run = start(log.sequences, split or Split(days=recipe.test_days), recipe, reporter)
    if run.reason is None:
        learn(run)
    standing = compare(run)
    return publish(run, standing, out, revision=revision)

"""
One training run from a log to an artifact folder.

The log is cut twice. On what lies before the validation cases everything is tuned, stopped and
weighed; then every model learns what lies before the test cases and is measured on those; then the
same models learn the newest days too, and serve. Nothing is chosen by the test. The served weights
are therefore never the very ones that were measured, but come from the same steps with two more
weeks of purchases; leaving the newest days out would hide every new product.
"""

import platform
import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.recommender import blending, evaluation, export, gate, measuring, scoring
from models.recommender.blend import BLEND, Blend
from models.recommender.blending import Learned
from models.recommender.dataset import Log
from models.recommender.evaluation import MIN_CASES, Ranking
from models.recommender.fitting import Fitter, WarmStartMismatch
from models.recommender.learner import Learner
from models.recommender.progress import Reporter
from models.recommender.rankers import ITEM_KNN, POPULARITY, TRANSFORMER, ItemTable, Model
from models.recommender.related import related_tables
from models.recommender.searching import search_recipe
from models.recommender.splits import Case, Division, Split, divide
from models.recommender.trained import serving_model, weights_of
from models.recommender.tuning import DEFAULTS, FAMILIES, Params, fit_all, tune
from models.recommender.values import ColdStart, Gain, GateEvidence, ModelMetrics, Recipe, Report, Stage

LABELS = {family.name: family.label for family in FAMILIES} | {
    TRANSFORMER: "Transformer",
    BLEND: "Blend of all",
}
VERSIONED = ("torch", "numpy", "scipy", "pandas", "onnx", "onnxruntime", "optuna")
FIGURES = {
    "ndcg_at_10": "ndcg",
    "recall_at_10": "recall",
    "hit_rate_at_10": "hit",
    "mrr_at_10": "reciprocal_rank",
}


@dataclass
class Run:
    """One training run in progress: the shop's log, how it is cut, and what was learned so far."""

    log: Log
    split: Split
    recipe: Recipe
    reporter: Reporter
    test: Division
    validation: Division
    params: Params
    learner: Learner | None = None
    learned: Learned | None = None
    related_by: str = ITEM_KNN
    seconds: dict[str, float] = field(default_factory=dict)  # each model's last fit
    started_from: str = "nothing"  # what the transformer went on from, in words
    start: dict[str, NDArray[np.float32]] | None = None  # what a later training can go on from

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

    def members(self, log: Log, *, moment: int, cases: Sequence[Case]) -> list[Model]:
        """Return every model fitted on a log, the plainest first and the transformer last."""
        models, seconds = fit_all(log, self.params)
        self.seconds |= seconds
        if self.learner is not None:
            network = self.learner.fitter.average
            models.append(serving_model(network, log, moment=moment, cases=cases))
            self.seconds[TRANSFORMER] = self.learner.seconds
        return models

    def served(self, members: list[Model], log: Log, *, moment: int) -> Model:
        """Return what answers shoppers: what the validation cases chose, or popularity without any."""
        if self.learned is None:
            return next(model for model in members if model.name == POPULARITY)
        return self.learned.apply(members, log=log, moment=moment)


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
        params=DEFAULTS,
    )


def learn(run: Run, former: Path | None = None) -> None:
    """
    Tune the simple models, fit the transformer and weigh them all before the validation cases.

    :param former: the artifact folder whose weights the transformer goes on from
    """
    if run.recipe.search_trials:
        run.recipe = _searched(run)
    known, cases = run.validation.train, run.validation.cases
    torch.set_num_threads(run.recipe.threads)

    def say(message: str) -> None:
        run.reporter.stage(Stage.BASELINES, message, fraction=run.reporter.fraction + 0.01)

    drops_seen = run.split.drops_seen
    run.params = tune(known, cases, drop_seen=drops_seen, seed=run.recipe.seed, say=say)
    run.reporter.stage(Stage.TRAINING, "The transformer starts to learn.", fraction=run.reporter.fraction)
    fitter = Fitter(run.recipe, run.log)
    if former is not None:
        run.started_from = _go_on_from(former, fitter, run)
    run.learner = Learner(fitter, run.reporter)
    run.learner.learn(known, cases, moment=run.validation.moment)
    run.start = weights_of(fitter.average)
    run.reporter.stage(Stage.EVALUATING, "Weighing the models against each other.", fraction=0.0)
    members = run.members(known, moment=run.validation.moment, cases=cases)
    run.learned = blending.learn(
        members,
        cases,
        log=known,
        moment=run.validation.moment,
        drop_seen=drops_seen,
        seed=run.recipe.seed,
    )
    run.related_by = _best_related(run, members)


def _searched(run: Run) -> Recipe:
    """Return the best recipe of a small search; what it takes is added to the run's budget."""
    begun = run.reporter.seconds

    def say(message: str) -> None:
        run.reporter.stage(Stage.BASELINES, message, fraction=run.reporter.fraction)

    found = search_recipe(
        run.validation,
        run.recipe,
        trials=run.recipe.search_trials,
        seconds=run.recipe.search_seconds,
        say=say,
    )
    run.reporter.budget += run.reporter.seconds - begun
    return replace(found.recipe, search_trials=0)


def _go_on_from(former: Path, fitter: Fitter, run: Run) -> str:
    """
    Let the transformer go on from a former version, and return what it started from in words.

    Weights that know the validation's answers would look better there than they are, and weigh too much
    in the blend; they are left alone.
    """
    weights = scoring.read_weights(former)
    if weights is None or weights.until is None:
        return f"nothing: {former.name} holds no weights to go on from"
    if not run.log.has_clock or weights.until > run.validation.moment:
        return f"nothing: {former.name} may have learned from what this training is checked on"
    try:
        fitter.warm_start(weights.by_name, list(weights.item_ids), weights.vocabulary)
    except WarmStartMismatch as error:
        return f"nothing: {error}"
    return f"{former.name}, manifest {scoring.file_sha256(former / scoring.MANIFEST_FILE)}"


def _best_related(run: Run, members: list[Model]) -> str:
    """Return which model best completes the baskets of the validation days beside a product."""
    log, cut = run.test.train, run.validation.moment
    cases = evaluation.basket_cases(log, cut=cut, seed=run.recipe.seed)
    if not log.has_clock or len(cases) < MIN_CASES:
        return ITEM_KNN
    tables = related_tables(members, _network(run))
    quality = {name: _rank_related(table, cases, items=log.items).ndcg_mean for name, table in tables.items()}
    return max(quality, key=lambda name: quality[name])


def _network(run: Run) -> Any:
    return run.learner.fitter.average if run.learner else None


def _rank_related(table: ItemTable, cases: Sequence[Case], *, items: int) -> Ranking:
    """Judge a table by what shares a basket with one of its items."""
    pages = [int(case.history.items[0]) for case in cases]
    tops = [table.row(page)[0][: evaluation.CUTOFF].astype(np.int64) for page in pages]
    return evaluation.judge(tops, cases, items=items)


@dataclass(frozen=True)
class Rival:
    """The version that serves now."""

    artifact: Path
    until: str | None = None  # when its data end, ISO 8601; its manifest's word where it is None


@dataclass(frozen=True)
class Standing:
    """How the models did on the test cases, with what was known before them."""

    members: list[Model]
    served: Model
    metrics: list[ModelMetrics]
    related_metrics: list[ModelMetrics]
    against_simple: Gain | None
    cold: ColdStart | None
    gate: GateEvidence | None
    summary: str
    seconds: float  # since the run began, when everything was fitted


def compare(run: Run, rival: Rival | None = None) -> Standing:
    """Let every model learn all that came before the test cases, then rank those."""
    known, cases = run.test.train, run.test.cases
    if run.learner is not None:
        run.learner.extend(known, "extend", stage=Stage.EVALUATING)
    members = run.members(known, moment=run.test.moment, cases=cases)
    served = run.served(members, known, moment=run.test.moment)
    seconds = run.reporter.seconds
    run.reporter.stage(Stage.EVALUATING, "Ranking the newest days with every model.", fraction=0.0)
    ranked = {model.name: model for model in [*members, served]}
    rankings = {name: _rank(run, model) for name, model in ranked.items()}
    is_measured = run.reason is None
    return Standing(
        members=members,
        served=served,
        metrics=[
            _metrics(run, name, rankings[name] if is_measured else None, is_served=name == served.name)
            for name in rankings
        ],
        related_metrics=_related_metrics(run, members),
        against_simple=_against_simple(run, rankings, served.name) if is_measured else None,
        cold=measuring.cold_start(served, ranked[POPULARITY], known, cases, drop_seen=run.split.drops_seen),
        gate=_gate(run, served, rival),
        summary=summarise(run, rankings, served.name) if is_measured else _too_little(run),
        seconds=seconds,
    )


def _rank(run: Run, model: Model) -> Ranking:
    return evaluation.rank(model.scores, run.test.cases, items=run.log.items, drop_seen=run.split.drops_seen)


def _gate(run: Run, served: Model, rival: Rival | None) -> GateEvidence | None:
    """Return how what is served here does beside the version that serves now."""
    if rival is None:
        return None
    cut = max(run.test.moment, gate.moment_of(rival.until)) if rival.until else run.test.moment
    try:
        champion = scoring.load(rival.artifact)
    except scoring.ArtifactMismatch as error:
        return gate.without_figures(
            run.log, cut, reason=f"the current version's files cannot be read: {error}"
        )
    return gate.compare(served, champion, run.log, run.split, cut=cut, seed=run.recipe.seed)


def _metrics(run: Run, name: str, ranking: Ranking | None, *, is_served: bool) -> ModelMetrics:
    rows = {figure: getattr(ranking, row) for figure, row in FIGURES.items()} if ranking else {}
    means = {figure: float(values.mean()) for figure, values in rows.items()}
    bounds = {figure: evaluation.interval(values, seed=run.recipe.seed) for figure, values in rows.items()}
    low, high = bounds.get("ndcg_at_10", (None, None))
    return ModelMetrics(
        model=name,
        label=LABELS[name],
        ndcg_at_10=means.get("ndcg_at_10"),
        ndcg_low=low,
        ndcg_high=high,
        recall_at_10=means.get("recall_at_10"),
        hit_rate_at_10=means.get("hit_rate_at_10"),
        mrr_at_10=means.get("mrr_at_10"),
        coverage=ranking.coverage if ranking else None,
        fit_seconds=run.seconds.get(name),
        customers=len(ranking.ndcg) if ranking else 0,
        is_served=is_served,
        is_transformer=name == TRANSFORMER,
        intervals=bounds,
    )


def _related_metrics(run: Run, members: list[Model]) -> list[ModelMetrics]:
    cases = evaluation.basket_cases(run.log, cut=run.test.moment, seed=run.recipe.seed)
    is_measured = len(run.test.train) > 0 and len(cases) >= MIN_CASES
    tables = related_tables(members, _network(run))
    return [
        _metrics(
            run,
            name,
            _rank_related(table, cases, items=run.log.items) if is_measured else None,
            is_served=name == run.related_by,
        )
        for name, table in tables.items()
    ]


def _best_simple(rankings: dict[str, Ranking]) -> str:
    """Return the simple model with the best NDCG; the plainer one, listed first, wins a tie."""
    simple = [family.name for family in FAMILIES]
    return max(simple, key=lambda name: rankings[name].ndcg_mean)


def _against_simple(run: Run, rankings: dict[str, Ranking], served: str) -> Gain | None:
    rival = _best_simple(rankings)
    if served not in {BLEND, TRANSFORMER}:
        return None
    ours, theirs = rankings[served].ndcg, rankings[rival].ndcg
    gain, low, high = evaluation.gain_interval(ours, theirs, seed=run.recipe.seed)
    return Gain(rival, LABELS[rival], gain, low, high, len(ours))


def summarise(run: Run, rankings: dict[str, Ranking], served: str) -> str:
    """Say in plain words what is served and how it stands against the best simple model."""
    rival = _best_simple(rankings)
    told = f"“{LABELS[served]}” is served: it did best on the days before the newest ones."
    if served == rival:
        return (
            f"{told} It is also the best simple model on the newest days, NDCG@10 {_ndcg(rankings, served)}."
        )
    gain, low, high = evaluation.gain_interval(
        rankings[served].ndcg, rankings[rival].ndcg, seed=run.recipe.seed
    )
    verdict = "clearly better than" if low > 0 else "clearly worse than" if high < 0 else "about as good as"
    return (
        f"{told} On the newest days, which nothing was chosen by, it is {verdict} the best simple model, "
        f"“{LABELS[rival]}”: NDCG@10 {_ndcg(rankings, served)} against {_ndcg(rankings, rival)}, "
        f"{gain:+.1%} (95 % interval {low:+.1%} to {high:+.1%}, {len(rankings[served].ndcg)} customers)."
    )


def _ndcg(rankings: dict[str, Ranking], name: str) -> str:
    return f"{rankings[name].ndcg_mean:.3f}"


def _too_little(run: Run) -> str:
    if not len(run.log):
        return "There are no orders yet: the newest products are shown first."
    return f"Popular products are shown: {run.reason}"


def publish(run: Run, standing: Standing, out: Path, *, revision: str, refit: bool) -> Report:
    """
    Write the artifact and read it back.

    :param refit: whether the models learn the newest days too before they are written
    """
    log, moment = (run.log, run.end) if refit else (run.test.train, run.test.moment)
    members, served = standing.members, standing.served
    if refit:
        if run.learner is not None:
            run.learner.extend(log, "refit", stage=Stage.REFITTING)
        members = run.members(log, moment=moment, cases=())
        served = run.served(members, log, moment=moment)
    run.reporter.stage(Stage.EXPORTING, "Writing and checking the model's files.", fraction=0.93)
    related = related_tables(members, _network(run))[run.related_by]
    parts = export.Parts(
        log=log,
        members=members,
        blend=served if isinstance(served, Blend) else None,
        related=related,
        network=_network(run),
        vocabulary=run.learner.fitter.vocabulary if run.learner else None,
        start=run.start,
    )
    report = _report(run, standing, revision=revision, manifest=out / scoring.MANIFEST_FILE)
    export.write(out, parts, _facts(report))
    timed = _timed(scoring.load(out), run, report)
    run.reporter.stage(Stage.DONE, report.summary, fraction=1.0)
    return timed


def _timed(scorer: scoring.Scorer, run: Run, report: Report) -> Report:
    """Return the report with the milliseconds of each model as it serves."""
    metrics = []
    for row in report.metrics:
        spent = measuring.time_answers(scorer.models[row.model], run.test.cases)
        p50_ms, p99_ms = spent or (None, None)
        metrics.append(replace(row, p50_ms=p50_ms, p99_ms=p99_ms))
    return replace(report, metrics=metrics)


def _report(run: Run, standing: Standing, *, revision: str, manifest: Path) -> Report:
    params: dict[str, Any] = {**run.params, "recipe": run.recipe.as_params(), "split": str(run.split)}
    if run.learner is not None:
        params["schedule"] = run.learner.schedule
        params["started_from"] = run.started_from
        params["start_until"] = run.validation.moment
        params[TRANSFORMER] = {
            "batch_tokens": run.learner.fitter.batch_tokens,
            "device": str(run.learner.fitter.device),
        }
    return Report(
        metrics=standing.metrics,
        related_metrics=standing.related_metrics,
        served=standing.served.name,
        related_by=run.related_by,
        curve=run.learner.curve if run.learner else [],
        train_seconds=standing.seconds,
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
        versions=versions(),
        weights=run.learned.weights if run.learned else {standing.served.name: 1.0},
        blend=run.learned.figures if run.learned else {},
        against_simple=standing.against_simple,
        gate=standing.gate,
        cold=standing.cold,
    )


def versions() -> dict[str, str]:
    """Return what else decides the bits of the weights: libraries, Python, the processor's instructions."""
    return {name: version(name) for name in VERSIONED} | {
        "python": platform.python_version(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def _facts(report: Report) -> dict[str, Any]:
    facts = asdict(report)
    del facts["manifest"]
    return facts


def train_log(
    log: Log,
    out: Path,
    recipe: Recipe,
    reporter: Reporter,
    *,
    revision: str,
    split: Split | None = None,
    rival: Rival | None = None,
    former: Path | None = None,
    refit: bool = True,
) -> Report:
    """
    Train on a log that is already in memory; see ``models.recommender.api.train``.

    :param split: how the test is cut; the newest days of the recipe otherwise
    :param former: the artifact folder whose weights the transformer goes on from
    :param refit: whether the models learn the newest days too before they are written
    """
    run = start(log.sequences, split or Split(days=recipe.test_days), recipe, reporter)
    if run.reason is None:
        learn(run, former)
    standing = compare(run, rival)
    return publish(run, standing, out, revision=revision, refit=refit)

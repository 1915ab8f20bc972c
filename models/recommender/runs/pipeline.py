"""
One training run from a log to an artifact folder.

The log is cut for the test, and before that for validation: once, or several times where each asks few
customers. On these cuts, from the oldest to the newest, models that know what lies before each are
tuned and stopped, then weighed on other cases; then every model learns what lies before the test cases
and is measured on those; then the same models learn the newest days too, and serve. Nothing is chosen
by the test. The served weights are therefore never the very ones that were measured, but come from the
same steps with two more weeks of purchases; leaving the newest days out would hide every new product.
"""

import platform
import resource
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from models.recommender.judging.latency import time_answers
from models.recommender.learning.blend.choice import learn_blend
from models.recommender.learning.blend.lessons import MOST_CASES, ask_members, unlearned
from models.recommender.learning.progress import Reporter
from models.recommender.learning.related import related_table
from models.recommender.learning.simple.tuning import tune
from models.recommender.learning.transformer.learner import Learner
from models.recommender.learning.transformer.trainer import Trainer
from models.recommender.log.log import Log
from models.recommender.log.splits import Split
from models.recommender.runs import card, export
from models.recommender.runs.evaluation import ChampionArtifact, Evaluation, evaluate
from models.recommender.runs.run import Run, start
from models.recommender.runs.storefront import choose_ways
from models.recommender.serving.artifact import MANIFEST_FILE, load
from models.recommender.serving.blend import BASKET, BLEND, Blend
from models.recommender.serving.rankers import TRANSFORMER, ItemTable, Model
from models.recommender.serving.scorer import Scorer
from models.recommender.values import Recipe, Report, Stage

VERSIONED = ("torch", "numpy", "scipy", "pandas", "onnx", "onnxruntime", "optuna")


def learn(run: Run) -> None:
    """Tune the simple models, and take the transformer through the validation cuts, which teach the blend."""
    torch.set_num_threads(run.recipe.threads)

    def say(message: str) -> None:
        run.reporter.stage(Stage.BASELINES, message, fraction=run.reporter.fraction + 0.01)

    run.params = tune(run.cuts, drop_seen=run.split.drops_seen, seed=run.recipe.seed, say=say)
    run.reporter.stage(Stage.TRAINING, "Learning from the purchases.", fraction=run.reporter.fraction)
    # Without a case to stop it, nobody knows when a transformer begins to learn by heart.
    if run.recipe.has_transformer and run.cuts[0].tuning:
        run.learner = run.tried = Learner(Trainer(run.recipe, run.log), run.reporter, cuts=len(run.cuts))
    lessons = []
    most = MOST_CASES // sum(bool(cut.cases) for cut in run.cuts)
    for number, cut in enumerate(run.cuts):
        _teach_before(run, number)
        if cut.cases:
            members = run.members(cut.train, moment=cut.moment, cases=cut.cases)
            blend = unlearned(members, cut, drop_seen=run.split.drops_seen)
            lessons.append(ask_members(blend, cut, most=most, seed=run.recipe.seed))
    run.reporter.stage(Stage.EVALUATING, "Comparing what was learned.", fraction=0.0)
    run.learned = learn_blend(blend, lessons, seed=run.recipe.seed)
    run.choice = choose_ways(run, members)
    run.leave_out_unasked()


def _teach_before(run: Run, number: int) -> None:
    """Teach the transformer what lies before one validation cut."""
    cut, learner = run.cuts[number], run.learner
    if learner is not None and number:
        learner.learn_next(cut.train, number)
    elif learner is not None:
        learner.learn(cut.train, cut.tuning, moment=cut.moment)


def _related(run: Run, members: list[Model], served: Model, basket: Blend | None) -> ItemTable:
    """Return what the chosen model puts beside a product; the others' tables would cost time for nothing."""
    models = [*members, basket or served]
    model = next(model for model in models if model.name == run.choice.related_by)
    table = related_table(model, models, run.network)
    assert table is not None, f"{run.choice.related_by} was chosen for a table that it has."
    return table


def publish(run: Run, evaluation: Evaluation, out: Path, *, revision: str, refit: bool) -> Report:
    """
    Write the artifact and read it back.

    :param refit: whether the models learn the newest days too before they are written
    """
    log, moment = (run.log, run.log.end) if refit else (run.test.train, run.test.moment)
    members, served = evaluation.members, evaluation.served
    if refit:
        if run.learner is not None:
            run.learner.refit(log)
        members = run.members(log, moment=moment, cases=())
        served = run.served(members, log, moment=moment)
    run.reporter.stage(Stage.EXPORTING, "Writing and checking the model's files.", fraction=0.93)
    # What nothing chosen asks is not fitted anew.
    is_asked = run.choice.cart_by == BASKET or run.choice.related_by == BLEND
    basket = run.basket(log, moment=moment) if is_asked else None
    parts = export.Parts(
        log=log,
        members=members,
        blend=served if isinstance(served, Blend) else None,
        related=_related(run, members, served, basket),
        basket=basket if run.choice.cart_by == BASKET else None,
        network=run.network,
        vocabulary=run.learner.trainer.vocabulary if run.learner else None,
    )
    report = _report(run, evaluation, revision=revision, manifest=out / MANIFEST_FILE)
    export.write(out, parts, _facts(report))
    timed = _timed(load(out), run, report)
    run.reporter.stage(Stage.DONE, "The model is ready.", fraction=1.0)
    return replace(timed, card=card.render(timed))


def _timed(scorer: Scorer, run: Run, report: Report) -> Report:
    """Return the report with the milliseconds of each model as it serves."""
    metrics = []
    for row in report.metrics:
        spent = time_answers(scorer.models[row.model], run.test.cases)
        p50_ms, p99_ms = spent or (None, None)
        metrics.append(replace(row, p50_ms=p50_ms, p99_ms=p99_ms))
    return replace(report, metrics=metrics)


def _report(run: Run, evaluation: Evaluation, *, revision: str, manifest: Path) -> Report:
    params: dict[str, Any] = {**run.params, "recipe": run.recipe.as_params(), "split": str(run.split)}
    if run.tried is not None:
        params["schedule"] = run.tried.schedule
        params[TRANSFORMER] = {
            "batch_tokens": run.recipe.batch_tokens,
            "device": str(run.tried.trainer.device),
        }
    return Report(
        metrics=evaluation.metrics,
        surfaces=evaluation.surfaces,
        served=evaluation.served.name,
        related_by=run.choice.related_by,
        related_share=run.choice.related_share,
        cart_share=run.choice.cart_share,
        curve=run.tried.curve if run.tried else [],
        train_seconds=evaluation.seconds,
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
        summary=" ".join([evaluation.summary, *run.reporter.notices]),
        reason=run.reason,
        manifest=manifest,
        versions=versions(),
        weights=run.learned.weights if run.learned else {evaluation.served.name: 1.0},
        blend=run.learned.figures if run.learned else {},
        against_simple=evaluation.against_simple,
        gate=evaluation.gate,
        cold=evaluation.cold,
        asked=run.split.asked,
        slices=evaluation.slices,
        popularity_bias=evaluation.popularity_bias,
    )


def versions() -> dict[str, str]:
    """Return what else decides the bits of the weights: libraries, Python, the processor's instructions."""
    return {name: version(name) for name in VERSIONED} | {
        "python": platform.python_version(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def _facts(report: Report) -> dict[str, Any]:
    facts = asdict(report)
    del facts["manifest"], facts["card"]
    return facts


def train_log(
    log: Log,
    out: Path,
    recipe: Recipe,
    reporter: Reporter,
    *,
    revision: str,
    split: Split | None = None,
    live: ChampionArtifact | None = None,
    refit: bool = True,
) -> Report:
    """
    Train on a log that is already in memory; see ``models.recommender.api.train``.

    :param split: how the test is cut; the newest days of the recipe otherwise
    :param refit: whether the models learn the newest days too before they are written
    """
    run = start(log.sequences, split or Split(days=recipe.test_days), recipe, reporter)
    if run.is_taught:
        learn(run)
    else:
        cut = run.validation
        run.choice = choose_ways(run, run.members(cut.train, moment=cut.moment, cases=()))
    evaluation = evaluate(run, live)
    return publish(run, evaluation, out, revision=revision, refit=refit)

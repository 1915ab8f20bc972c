"""
The recommender on the command line.

``python -m models.recommender train --dataset FOLDER --out FOLDER`` writes an artifact,
``evaluate`` prints the table of all models on a dataset folder or an order-line file,
``score --artifact FOLDER ITEM …`` prints recommendations after a sequence of product ids.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from models.recommender.api import ArtifactMismatch, ModelMetrics, Progress, Recipe, Report, load

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 with one message if the input cannot be used."""
    chosen = _parser().parse_args(arguments)
    from models.recommender.dataset import DatasetInvalid

    try:
        chosen.run(chosen)
    except (ArtifactMismatch, DatasetInvalid, FileNotFoundError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.recommender", description="Train and score models."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train on a dataset folder and write an artifact folder")
    train.add_argument("--dataset", type=Path, required=True)
    train.add_argument("--out", type=Path, required=True)
    train.set_defaults(run=_train)
    evaluate = commands.add_parser("evaluate", help="train, then print how every model ranks the newest days")
    source = evaluate.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", type=Path, help="a dataset folder")
    source.add_argument("--order-lines", type=Path, help="a CSV file in the UCI Online Retail layout")
    evaluate.add_argument("--report", type=Path, help="write the report as JSON here")
    evaluate.set_defaults(run=_evaluate)
    for command in (train, evaluate):
        command.add_argument("--seconds", type=float, default=Recipe.train_seconds, help="time budget")
        command.add_argument("--seed", type=int, default=Recipe.seed)
    score = commands.add_parser("score", help="print recommendations after a sequence of product ids")
    score.add_argument("--artifact", type=Path, required=True)
    score.add_argument("--context", type=int, help="the product that the customer looks at")
    score.add_argument("-k", type=int, default=10)
    score.add_argument("items", type=int, nargs="*", help="product ids, oldest purchase first")
    score.set_defaults(run=_score)
    return parser


def _train(chosen: argparse.Namespace) -> None:
    from models.recommender.api import train

    recipe = Recipe(seed=chosen.seed, train_seconds=chosen.seconds)
    print_table(train(chosen.dataset, chosen.out, recipe, on_progress=print_progress))


def _evaluate(chosen: argparse.Namespace) -> None:
    from models.recommender import training
    from models.recommender.dataset import read, read_order_lines
    from models.recommender.progress import Reporter
    from models.recommender.revision import code_revision

    recipe = Recipe(seed=chosen.seed, train_seconds=chosen.seconds)
    log = read(chosen.dataset) if chosen.dataset else read_order_lines(chosen.order_lines)
    reporter = Reporter(print_progress, budget=recipe.train_seconds, epochs=recipe.epochs)
    with tempfile.TemporaryDirectory() as folder:
        revision = code_revision()
        report = training.train_log(log, Path(folder), recipe, reporter, revision=revision)
    print_table(report)
    if chosen.report:
        chosen.report.write_text(json.dumps(asdict(report), indent=2, default=str) + "\n", encoding="utf-8")


def _score(chosen: argparse.Namespace) -> None:
    for scored in load(chosen.artifact).score(chosen.items, context=chosen.context, k=chosen.k):
        print(json.dumps(asdict(scored)))


def print_progress(progress: Progress) -> None:
    """Print one line of progress to standard error, where it stays apart from the report."""
    loss = "" if progress.train_loss is None else f"  loss {progress.train_loss:.3f}"
    ndcg = "" if progress.validation_ndcg is None else f"  validation NDCG@10 {progress.validation_ndcg:.4f}"
    head = f"{progress.seconds:6.1f} s {progress.fraction:5.0%} {progress.stage:10}"
    print(f"{head} {progress.message}{loss}{ndcg}", file=sys.stderr, flush=True)


def print_table(report: Report) -> None:
    """Print the figures of every model, personal first, then item to item."""
    for title, rows in (("Personal", report.metrics), ("Item to item", report.related_metrics)):
        print(f"\n{title:32} NDCG@10 (95 % interval)    Recall@10  HR@10   MRR@10  coverage  fit s")
        for row in rows:
            print(_table_row(row))
    print(f"\n{report.summary}\n{report.train_seconds:.0f} s, peak memory {report.peak_memory_mb:.0f} MiB")


def _table_row(row: ModelMetrics) -> str:
    label = f"{row.label}{' (served)' if row.is_served else ''}"
    if row.ndcg_at_10 is None:
        return f"{label:32} not enough data"
    interval = f"({row.ndcg_low:.4f} - {row.ndcg_high:.4f})"
    others = f"{row.recall_at_10:.4f}     {row.hit_rate_at_10:.4f}  {row.mrr_at_10:.4f}  {row.coverage:.3f}"
    return f"{label:32} {row.ndcg_at_10:.4f} {interval}   {others}     {row.fit_seconds or 0:.1f}"


if __name__ == "__main__":
    sys.exit(main())

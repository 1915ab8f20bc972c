"""
The recommender on the command line.

``evaluate`` trains on a file and prints how every model ranks what customers then bought, ``train``
writes an artifact, ``score`` and ``explain`` ask an artifact and ``reproduce`` trains a version again.
Reports go to standard output, progress to standard error.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

from models.recommender.api import ArtifactMismatch, Progress, Recipe, Report, Scored, load
from models.recommender.cli import report, reproduce
from models.recommender.cli.asking import Names, Question
from models.recommender.log.history import moment_of
from models.recommender.log.log import Log
from models.recommender.log.splits import Kind, Repeat, Split, SplitInvalid
from models.recommender.serving.rankers import TRANSFORMER
from models.recommender.values import DatasetInvalid

USAGE_ERROR = 2

FILES = """
Files: CSV, TSV (either may be gzipped) or Parquet.
  interactions  user,item,timestamp[,event][,quantity][,price][,order_id]
                timestamp: ISO 8601 (UTC where no zone is given), seconds or milliseconds since 1970,
                YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, or positions 1, 2, 3 ... in a customer's sequence:
                one of these in every row. event: view, cart or purchase, or what the
                usual tools call them; without the column every row is a purchase. Rows of one customer
                with one timestamp, or one order_id, are one basket.
  items         item[,title][,price][,created_at] and any further column as an attribute; several values
                are parted by "|" (a list in Parquet).
Only an empty cell is no id: an item may be called NA.
An order without a user is a guest's, a customer of its own. Rows that are no interactions (returns,
repetitions) are set aside, counted and told. A value that cannot be right ends the command with status 2 and
one message that names its row and column.
"""
SPLITS = """
Splits: last-days:N asks for what each customer bought in the newest N days (never more than a fifth of the
file); leave-one-out asks for each customer's last order. --repeat drop asks only for items that the
customer never bought, and lets no model answer with others. All items are ranked; nothing is sampled.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that answers a mistake with one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}. See {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 with one message if the input cannot be used."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen) or 0)
    except (ArtifactMismatch, DatasetInvalid, SplitInvalid, OSError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="python -m models.recommender",
        description="Train, measure and ask recommendation models.",
        epilog="COMMAND --help tells more about each.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_evaluate(commands)
    _add_train(commands)
    _add_score(commands)
    _add_explain(commands)
    reproduce.add_command(commands)
    return parser


# The standard library has no public name for what adds commands.
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def _add_evaluate(commands: _Commands) -> None:
    evaluate = _command(
        commands,
        "evaluate",
        "train every model and the blend, then print how each ranks what customers bought next",
        epilog=FILES + SPLITS,
    )
    _add_source(evaluate)
    evaluate.add_argument("--report", type=Path, metavar="OUT.json", help="write everything as JSON here too")
    evaluate.set_defaults(run=_evaluate)


def _add_train(commands: _Commands) -> None:
    train = _command(
        commands,
        "train",
        "train as evaluate does, then on everything, and write an artifact folder that score reads",
        epilog=FILES + SPLITS,
    )
    _add_source(train)
    train.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="empty or not there yet")
    train.set_defaults(run=_train)


def _add_score(commands: _Commands) -> None:
    score = _command(
        commands,
        "score",
        "print the best items for a customer, one JSON object a line",
        epilog="Without any history the most popular items are printed.",
    )
    _add_question(score)
    score.set_defaults(run=_score)


def _add_explain(commands: _Commands) -> None:
    explain = _command(
        commands,
        "explain",
        "print the best items for a customer with the reason for each in words",
        epilog="Without any history the most popular items are printed.",
    )
    _add_question(explain)
    explain.set_defaults(run=_explain)


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--artifact", type=Path, required=True, metavar="FOLDER", help="what train wrote")
    parser.add_argument("--history-of", metavar="USER", help="take the history of this customer of the file")
    parser.add_argument("--interactions", type=Path, metavar="FILE", help="where --history-of is looked up")
    _add_now(parser)
    parser.add_argument("--context", metavar="ITEM", help="the item that the customer looks at")
    parser.add_argument("-k", type=_positive_whole, default=10, help="how many to print (%(default)d)")
    parser.add_argument(
        "items",
        nargs="*",
        metavar="ITEM",
        help="what the customer bought, oldest first, as the file calls it",
    )


def _command(commands: _Commands, name: str, does: str, *, epilog: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_source(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--interactions", type=Path, metavar="FILE", help="what customers did; see below")
    source.add_argument(
        "--dataset", type=Path, metavar="FOLDER", help="a dataset folder of the feature export"
    )
    parser.add_argument("--items", type=Path, metavar="FILE", help="what the items are; see below")
    parser.add_argument(
        "--split", default=str(Split()), metavar="SPLIT", help="leave-one-out or last-days:N (%(default)s)"
    )
    parser.add_argument(
        "--repeat",
        choices=[str(repeat) for repeat in Repeat],
        default=str(Repeat.KEEP),
        help="may a model answer with what the customer bought before? (%(default)s)",
    )
    parser.add_argument(
        "--seconds", type=_positive, default=Recipe.train_seconds, help="time budget (%(default)g)"
    )
    parser.add_argument("--seed", type=int, default=Recipe.seed, help="same seed, same weights (%(default)d)")
    parser.add_argument(
        "--without", choices=[TRANSFORMER], help="a model to leave out, to see what it is worth"
    )
    _add_now(parser)


def _add_now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--now", type=_moment, metavar="MOMENT", help="ISO 8601; later rows are errors (the clock's time)"
    )


def _positive(words: str) -> float:
    number = float(words)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{words} is not above zero")
    return number


def _positive_whole(words: str) -> int:
    number = int(words)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{words} is not above zero")
    return number


def _moment(words: str) -> int:
    """Return an ISO 8601 moment as microseconds since 1970."""
    try:
        return moment_of(words)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{words!r} is not a moment in ISO 8601") from error


def _evaluate(chosen: argparse.Namespace) -> None:
    _require_folder_of(chosen.report)
    with tempfile.TemporaryDirectory() as folder:
        found = _train_on(chosen, Path(folder), refit=False)
    print(report.as_text(found))
    if chosen.report:
        chosen.report.write_text(report.as_json(found), encoding="utf-8")


def _require_folder_of(path: Path | None) -> None:
    """Refuse a report that could not be written, before minutes of training instead of after."""
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} for {path.name} does not exist.")


def _train(chosen: argparse.Namespace) -> None:
    if chosen.out.exists() and any(chosen.out.iterdir()):
        raise FileExistsError(f"The artifact folder {chosen.out} is not empty.")
    print(report.as_text(_train_on(chosen, chosen.out, refit=True)))


def _train_on(chosen: argparse.Namespace, out: Path, *, refit: bool) -> Report:
    from models.recommender.learning.progress import Reporter
    from models.recommender.runs import pipeline
    from models.recommender.runs.revision import code_revision

    split, recipe = Split.parse(chosen.split, chosen.repeat), _recipe(chosen)
    log = _read(chosen, split)
    reporter = Reporter(print_progress, budget=recipe.train_seconds, epochs=recipe.epochs)
    revision = code_revision()
    return pipeline.train_log(log, out, recipe, reporter, revision=revision, split=split, refit=refit)


def _recipe(chosen: argparse.Namespace) -> Recipe:
    """Return the recipe of the command line."""
    return Recipe(
        seed=chosen.seed,
        train_seconds=chosen.seconds,
        repeat=chosen.repeat,
        has_transformer=chosen.without != TRANSFORMER,
    )


def _score(chosen: argparse.Namespace) -> None:
    names = Names(load(chosen.artifact))
    for scored in _answer(chosen, names, _question(chosen, names)):
        print(json.dumps(names.spoken(scored), ensure_ascii=False))


def _explain(chosen: argparse.Namespace) -> None:
    from models.recommender.serving import explain

    names = Names(load(chosen.artifact))
    question = _question(chosen, names)
    for place, scored in enumerate(_answer(chosen, names, question), start=1):
        words = explain.words(scored.reason, names.by_item.__getitem__, now=question.now)
        print(f"{place:3}. {names.by_item[scored.item]}: {words}")


def _question(chosen: argparse.Namespace, names: Names) -> Question:
    """Return the history that was asked for: of a customer of a file, or of the items named."""
    if (chosen.history_of is None) != (chosen.interactions is None):
        raise DatasetInvalid("--history-of and --interactions go together.")
    if chosen.history_of is None:
        return names.bought(chosen.items, print_notice, now=chosen.now)
    if chosen.items:
        raise DatasetInvalid("Name either items or --history-of, not both.")
    return names.done_by(chosen.history_of, chosen.interactions, print_notice, now=chosen.now)


def _answer(chosen: argparse.Namespace, names: Names, question: Question) -> list[Scored]:
    context = names.context(chosen.context)
    return names.scorer.score(question.past, context=context, k=chosen.k, now=question.now)


def _read(chosen: argparse.Namespace, split: Split) -> Log:
    """Return the log of whichever source was named."""
    from models.recommender.files.dataset import read
    from models.recommender.files.interactions import read_interactions

    if chosen.items and not chosen.interactions:
        raise DatasetInvalid("--items goes with --interactions only: other sources bring their own items.")
    if chosen.dataset:
        return read(chosen.dataset)
    log = read_interactions(chosen.interactions, chosen.items, now=chosen.now, tell=print_notice)
    if not log.has_clock and split.kind is Kind.LAST_DAYS:
        raise DatasetInvalid(
            f"{chosen.interactions.name} has positions, not moments, so there are no last days; use --split "
            f"leave-one-out."
        )
    return log


def print_notice(message: str) -> None:
    """Print what a reader has to tell to standard error."""
    print(message, file=sys.stderr, flush=True)


def print_progress(progress: Progress) -> None:
    """Print one line of progress to standard error, where it stays apart from the report."""
    loss = "" if progress.train_loss is None else f"  loss {progress.train_loss:.3f}"
    ndcg = "" if progress.validation_ndcg is None else f"  validation NDCG@10 {progress.validation_ndcg:.4f}"
    head = f"{progress.seconds:6.1f} s {progress.fraction:5.0%} {progress.stage:10}"
    print_notice(f"{head} {progress.message}{loss}{ndcg}")

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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from models.recommender.api import ArtifactMismatch, Recipe, Report, Scored, load, words
from models.recommender.cli.asking import Names
from models.recommender.cli.printing import as_json, print_notice, print_progress
from models.recommender.cli.reproduce import add_arguments, reproduce
from models.recommender.log.history import moment_of
from models.recommender.log.log import Log
from models.recommender.log.splits import Kind, Repeat, Split, SplitInvalid
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
Command = Callable[[argparse.Namespace], int | None]  # -> exit status, None for 0

STRANGER = "Without any item the most popular ones are printed."


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

    def add(run: Command, does: str, epilog: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            run.__name__.removeprefix("_"),
            help=does,
            description=f"{does[0].upper()}{does[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    does = "train every model and the blend, then print how each ranks what customers bought next"
    evaluate = add(_evaluate, does, FILES + SPLITS)
    _add_source(evaluate)
    evaluate.add_argument("--report", type=Path, metavar="OUT.json", help="write everything as JSON here too")
    does = "train as evaluate does, then on everything, and write an artifact folder that score reads"
    train = add(_train, does, FILES + SPLITS)
    _add_source(train)
    train.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="empty or not there yet")
    _add_question(add(_score, "print the best items for a customer, one JSON object a line", STRANGER))
    _add_question(add(_explain, "print the best items for a customer with the reason for each", STRANGER))
    does = "train a version again and compare it with its artifact, bit for bit"
    add_arguments(add(reproduce, does, ""))
    return parser


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--artifact", type=Path, required=True, metavar="FOLDER", help="what train wrote")
    _add_now(parser)
    parser.add_argument("--context", metavar="ITEM", help="the item that the customer looks at")
    parser.add_argument("-k", type=_positive(int), default=10, help="how many to print (%(default)d)")
    bought = "what the customer bought, oldest first, as the file calls it"
    parser.add_argument("items", nargs="*", metavar="ITEM", help=bought)


def _add_source(parser: argparse.ArgumentParser) -> None:
    told = "what customers did; see below"
    parser.add_argument("--interactions", type=Path, required=True, metavar="FILE", help=told)
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
        "--seconds", type=_positive(float), default=Recipe.train_seconds, help="time budget (%(default)g)"
    )
    parser.add_argument("--seed", type=int, default=Recipe.seed, help="same seed, same weights (%(default)d)")
    _add_now(parser)


def _add_now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--now", type=_moment, metavar="MOMENT", help="ISO 8601; later rows are errors (the clock's time)"
    )


def _positive(kind: type[float]) -> Callable[[str], float]:
    """Return what reads a finite number of a kind above zero."""

    def number(words: str) -> float:
        found = kind(words)
        if not 0 < found < float("inf"):
            raise argparse.ArgumentTypeError(f"{words} is not above zero")
        return found

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
    print(found.card)
    if chosen.report:
        chosen.report.write_text(as_json(found), encoding="utf-8")


def _require_folder_of(path: Path | None) -> None:
    """Refuse a report that could not be written, before minutes of training instead of after."""
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} for {path.name} does not exist.")


def _train(chosen: argparse.Namespace) -> None:
    if chosen.out.exists() and any(chosen.out.iterdir()):
        raise FileExistsError(f"The artifact folder {chosen.out} is not empty.")
    print(_train_on(chosen, chosen.out, refit=True).card)


def _train_on(chosen: argparse.Namespace, out: Path, *, refit: bool) -> Report:
    from models.recommender.learning.progress import Reporter
    from models.recommender.runs import pipeline
    from models.recommender.runs.revision import code_revision

    split = Split.parse(chosen.split, chosen.repeat)
    recipe = Recipe(seed=chosen.seed, train_seconds=chosen.seconds, repeat=chosen.repeat)
    log = _read(chosen, split)
    reporter = Reporter(print_progress, budget=recipe.train_seconds, epochs=recipe.epochs)
    revision = code_revision()
    return pipeline.train_log(log, out, recipe, reporter, revision=revision, split=split, refit=refit)


def _read(chosen: argparse.Namespace, split: Split) -> Log:
    from models.recommender.files.interactions import read_interactions

    log = read_interactions(chosen.interactions, chosen.items, now=chosen.now, tell=print_notice)
    if not log.has_clock and split.kind is Kind.LAST_DAYS:
        raise DatasetInvalid(
            f"{chosen.interactions.name} has positions, not moments, so there are no last days; use --split "
            f"leave-one-out."
        )
    return log


def _score(chosen: argparse.Namespace) -> None:
    names = Names(load(chosen.artifact))
    for scored in _answer(chosen, names):
        print(json.dumps(names.spoken(scored), ensure_ascii=False))


def _explain(chosen: argparse.Namespace) -> None:
    names = Names(load(chosen.artifact))
    for place, scored in enumerate(_answer(chosen, names), start=1):
        why = words(scored.reason, names.by_item.__getitem__, now=chosen.now)
        print(f"{place:3}. {names.by_item[scored.item]}: {why}")


def _answer(chosen: argparse.Namespace, names: Names) -> list[Scored]:
    past, context = names.bought(chosen.items), names.context(chosen.context)
    return names.scorer.score(past, context=context, k=chosen.k, now=chosen.now)

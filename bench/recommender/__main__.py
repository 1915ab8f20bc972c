"""
`make bench-recommender`: the recommender's quality, seconds and memory beside its peers, in one run.

Each log and each competitor has a process of its own, one after another. What a part measured is kept in
``.bench/results.json`` as it ends; ``--only PART`` measures some parts anew and takes the others from there.
The last line is one JSON object; the lines before it tell of new products, small and large shops.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.recommender import children, extras, parts, show
from bench.recommender.parts import LOGS, Bench, Settings
from bench.recommender.results import summary

ROOT = Path(__file__).resolve().parents[2]
BEAUTY_FILES = ("Beauty.txt", "Beauty_item2attributes.json", "items.tsv")

# In this order: figures that need a quiet machine and compare with one another stand side by side.
PARTS: dict[str, Callable[[Bench], None]] = {
    "ours": parts.ours,
    "rectools": parts.rectools,
    "implicit": parts.implicit,
    "large": extras.large_shop,
    "small": extras.small_shops,
    "cold": extras.cold,
    "faithful": extras.faithful,
    "plot": parts.plot,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for and print the figures, the last line as one JSON object."""
    chosen = _parser().parse_args(arguments)
    missing = _missing(chosen)
    if missing:
        print(missing, file=sys.stderr)
        return 2
    settings = Settings(
        root=ROOT,
        folder=chosen.folder.resolve(),
        beauty=chosen.beauty.resolve(),
        online_retail=chosen.online_retail.resolve(),
        logs=chosen.logs,
        is_quick=chosen.quick,
        seconds=chosen.seconds,
    )
    bench = Bench(settings)
    if set(chosen.only) == set(PARTS):
        bench.results.forget()
    parts.write_logs(bench)
    for name, measure in PARTS.items():
        if name in chosen.only:
            measure(bench)
    show.tables(bench.results, chosen.logs)
    for extra in extras.NAMES:
        if bench.results.find(extra):
            print(json.dumps({extra: bench.results.find(extra)}))
    print(json.dumps(summary(bench.results, chosen.logs)))
    return 0


def _parser() -> argparse.ArgumentParser:
    data = ROOT / ".bench" / "data"
    parser = argparse.ArgumentParser(prog="python -m bench.recommender", description=__doc__)
    parser.add_argument("--beauty", type=Path, default=data / "beauty", metavar="FOLDER")
    parser.add_argument("--online-retail", type=Path, default=data / "online_retail.csv.gz", metavar="FILE")
    parser.add_argument("--logs", nargs="+", choices=LOGS, default=list(LOGS), metavar="LOG")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--quick", action="store_true", help="small budgets: does it run, not how well")
    parser.add_argument("--seconds", type=float, help="our training budget instead of the standard one")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="where results are kept")
    return parser


def _missing(chosen: argparse.Namespace) -> str | None:
    """Return what to do about a log that is not there, or None."""
    wanted = {
        "beauty": [chosen.beauty / name for name in BEAUTY_FILES],
        "online_retail": [chosen.online_retail],
    }
    needed = {LOGS[log].data for log in chosen.logs}
    for option, files in wanted.items():
        absent = [path for path in files if option in needed and not path.is_file()]
        if absent:
            return (
                f"The log {option} is not here: {absent[0]} is missing. docs/recommender.md says where it is "
                f"published; name its place with --{option.replace('_', '-')}."
            )
    return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except children.PartFailed as failure:
        sys.exit(str(failure))

"""
`make bench-recommender`: how good the recommender is, beside a frozen list of simple models and its peers.

Each log, question, competitor and seed is a leg in a process of its own, one after another. What a leg
measured is kept in ``.bench/legs`` under the hash of what it depends on: a run starts the legs that are
missing or stale, and may be broken off at any time. The last line is one JSON object of the legs that are
there; the lines before it are tables, and say which legs are not.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from bench.recommender import children
from bench.recommender.legs import BenchLeg, State
from bench.recommender.plan import LOGS, Bench, Settings

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "beauty": ("Beauty.txt", "Beauty_item2attributes.json", "items.tsv"),  # in a folder
    "online_retail": (),  # a file
    "tafeng": (),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the legs that were asked for and print the figures, the last line as one JSON object."""
    chosen = _parser().parse_args(arguments)
    data = {name: getattr(chosen, name).resolve() for name in FILES}
    logs = [log for log in LOGS if log in chosen.logs]
    absent = _absent(logs, data)
    if absent:
        print(absent, file=sys.stderr)
        return 2
    bench = Bench(Settings(ROOT, chosen.folder.resolve(), data, logs, chosen.quick, chosen.seconds))
    bench.prepare()
    failed = run_legs(bench, chosen.only, minutes=chosen.minutes)
    show(bench)
    return 1 if failed else 0


def run_legs(bench: Bench, patterns: Sequence[str], *, minutes: float) -> list[BenchLeg]:
    """Run what is missing or stale of the named legs until the time is over; return those that failed."""
    deadline, failed = time.monotonic() + minutes * 60, []
    for leg in bench.legs():
        is_named = any(fnmatch(leg.name, pattern) for pattern in patterns)
        if not is_named or bench.store.state(leg, bench.key(leg)) is State.FRESH:
            continue
        if time.monotonic() >= deadline:
            break
        try:
            bench.run(leg)
        except children.PartFailed as failure:
            # The next leg may well work: what is missing is told at the end.
            print(failure, file=sys.stderr, flush=True)
            failed.append(leg)
    return failed


def show(bench: Bench) -> None:
    """Print the tables and the last line, made by a process of their own; say what is missing or stale."""
    states = {leg.name: bench.store.state(leg, bench.key(leg)) for leg in bench.legs()}
    words: list[str | Path] = ["--folder", bench.folder, "--logs", *bench.settings.logs]
    for state in (State.MISSING, State.STALE):
        names = [name for name, found in states.items() if found is state]
        if names:
            print(f"{state.capitalize()}, not in the figures: {', '.join(names)}", flush=True)
    fresh = [name for name, found in states.items() if found is State.FRESH]
    log = bench.file("assemble.log")
    children.run(
        [sys.executable, "-m", "bench.recommender.assemble", *words, "--legs", *fresh], log, cwd=ROOT
    )
    print(log.read_text(encoding="utf-8"), end="")


def _parser() -> argparse.ArgumentParser:
    data = ROOT / ".bench" / "data"
    parser = argparse.ArgumentParser(prog="python -m bench.recommender", description=__doc__)
    parser.add_argument("--beauty", type=Path, default=data / "beauty", metavar="FOLDER")
    parser.add_argument("--online-retail", type=Path, default=data / "online_retail.csv.gz", metavar="FILE")
    parser.add_argument("--tafeng", type=Path, default=data / "tafeng.csv.gz", metavar="FILE")
    parser.add_argument("--logs", nargs="+", choices=LOGS, default=list(LOGS), metavar="LOG")
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="LEG", help="names of legs, such as 'tafeng-*-ours-?'"
    )
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="start no leg after so many; 0 only assembles"
    )
    parser.add_argument("--quick", action="store_true", help="small budgets: does it run, not how well")
    parser.add_argument("--seconds", type=float, help="our training budget instead of the standard one")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="where results are kept")
    return parser


def _absent(logs: Sequence[str], data: dict[str, Path]) -> str | None:
    """Return what to do about published data that are not there, or None."""
    for name in dict.fromkeys(LOGS[log].data for log in logs):
        for path in [data[name] / file for file in FILES[name]] or [data[name]]:
            if not path.is_file():
                return (
                    f"The log {name} is not here: {path} is missing. docs/recommender.md says where it is "
                    f"published; name its place with --{name.replace('_', '-')}."
                )
    return None


if __name__ == "__main__":
    sys.exit(main())

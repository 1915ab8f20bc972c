"""
`make bench-ledger`: what was shown, what came of it, and whether the record of both can be trusted.

Each part is a module with one function, ``measure(bench)``, that returns figures by name. It runs in a
process of its own, so that no part's servers, settings or memory touch another's. The last line has every
figure.

    make bench-ledger
    make bench-ledger BENCH="--scale 0.01"
    make bench-ledger BENCH="--only size --only seal"
"""

import argparse
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

from bench.ledger.values import Bench, BenchFailed
from tools.demo.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
DATA_DIR = ROOT / ".data" / "bench-ledger"
HERE = Path(__file__).parent
# What belongs to the runner is no part of the measurement.
NOT_PARTS = {"__init__", "__main__", "values", "base"}


def main() -> int:
    """Measure each part, and print all figures as one last line of JSON; 1 if a part failed."""
    arguments = _arguments()
    if arguments.part:
        return _measure(arguments.part, arguments.scale, Path(arguments.into))
    figures: dict[str, float] = {}
    failed = []
    for name in arguments.only or parts():
        into = DATA_DIR / f"{name}.json"
        into.parent.mkdir(parents=True, exist_ok=True)
        into.unlink(missing_ok=True)
        print(f"\n{name}", flush=True)
        command = [sys.executable, "-m", "bench.ledger", "--part", name, "--into", str(into)]
        ended = subprocess.run([*command, "--scale", str(arguments.scale)], cwd=ROOT, check=False)
        if ended.returncode or not into.exists():
            failed.append(name)
            continue
        figures |= json.loads(into.read_text(encoding="utf-8"))
    print(json.dumps(figures | ({"failed": failed} if failed else {})))
    return 1 if failed else 0


def parts() -> list[str]:
    """Return the names of all parts."""
    return sorted(file.stem for file in HERE.glob("*.py") if file.stem not in NOT_PARTS)


def _measure(name: str, scale: float, into: Path) -> int:
    data_dir = DATA_DIR / name
    data_dir.mkdir(parents=True, exist_ok=True)
    part = importlib.import_module(f"bench.ledger.{name}")
    begun = time.monotonic()
    try:
        figures = part.measure(Bench(data_dir, Screen(), scale))
    except BenchFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(json.dumps(figures), f"in {time.monotonic() - begun:.0f} s")
    into.write_text(json.dumps(figures), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-ledger BENCH=…")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes (%(default)g)")
    parser.add_argument("--only", action="append", choices=parts(), help="measure this part; may be repeated")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

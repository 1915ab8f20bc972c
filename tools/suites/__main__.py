"""Run a table of suites; the last line is "N passed, N failed"."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tools.suites.counting import Counts, counts
from tools.suites.table import ROOT, TABLES, Suite


@dataclass(frozen=True)
class Outcome:
    """What one suite came to."""

    suite: Suite
    code: int
    counts: Counts
    seconds: float

    @property
    def held(self) -> bool:
        return self.code == 0 and self.counts.failed == 0


def run(suite: Suite) -> Outcome:
    """
    Run a suite.

    Tests are shown as they run. Checks are many and mostly silent: they are shown only if they fail.
    """
    began = time.monotonic()
    code, output = _follow(suite, aloud=suite.counts)
    seconds = time.monotonic() - began
    if not suite.counts:
        return Outcome(suite, code, Counts(int(code == 0), int(code != 0)), seconds)
    found = counts(output)
    # A runner that broke, or found no test at all, has not passed.
    broken = (code != 0 and found.failed == 0) or (found.passed == 0 and found.failed == 0)
    return Outcome(suite, code or int(broken), Counts(found.passed, found.failed + int(broken)), seconds)


def _follow(suite: Suite, *, aloud: bool) -> tuple[int, str]:
    lines: list[str] = []
    env = {**os.environ, "FORCE_COLOR": "0", "NO_COLOR": "1"}
    with subprocess.Popen(
        suite.command, cwd=ROOT, env=env, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            lines.append(line)
            if aloud:
                sys.stdout.write(line)
    output = "".join(lines)
    if process.returncode != 0 and not aloud:
        sys.stdout.write(output)
    return process.returncode, output


def _say(outcome: Outcome) -> None:
    mark = "✓" if outcome.held else "✗"
    found = outcome.counts
    tests = f"  {found.passed} passed, {found.failed} failed" if outcome.suite.counts else ""
    print(f"{mark} {outcome.suite.name:<30} {outcome.seconds:6.1f} s{tests}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, to the end even after a failure; return 0 if everything held."""
    table = TABLES[arguments[0]]
    names = set(arguments[1:])
    outcomes = []
    for suite in table:
        if names and suite.name not in names:
            continue
        if suite.counts:
            print(f"\n── {suite.name}", flush=True)
        outcomes.append(run(suite))
        _say(outcomes[-1])
    if table[0].counts:
        print()
        for outcome in outcomes:
            _say(outcome)
    passed = sum(outcome.counts.passed for outcome in outcomes)
    failed = sum(outcome.counts.failed for outcome in outcomes)
    print(f"{passed} passed, {failed} failed")
    return 0 if outcomes and all(outcome.held for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

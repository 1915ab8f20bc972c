import sys

import pytest

from tools.suites import __main__ as suites
from tools.suites.counting import Counts, counts
from tools.suites.table import Suite


@pytest.mark.parametrize(("runner", "output", "found"), [
    ("pytest", "....\n4 passed in 0.12s\n", Counts(4, 0)),
    ("pytest with rules", "==== 2 failed, 40 passed, 1 error in 63.20s (0:01:03) ====\n", Counts(40, 3)),
    ("pytest, warnings aside", "12 passed, 3 warnings in 1.0s\n", Counts(12, 0)),
    ("vitest", "\x1b[2m      Tests \x1b[22m 1 failed | 12 passed (13)\n", Counts(12, 1)),
    ("node", "ℹ tests 9\nℹ pass 8\nℹ fail 1\nℹ cancelled 0\n", Counts(8, 1)),
    ("node as TAP", "# tests 3\n# pass 3\n# fail 0\n", Counts(3, 0)),
    ("two node runs", "ℹ pass 3\nℹ fail 0\nℹ pass 4\nℹ fail 0\n", Counts(7, 0)),
    ("nothing", "collected nothing\n", Counts(0, 0)),
])  # fmt: skip
def test_summaries_of_the_runners_are_read(runner, output, found):
    assert counts(output) == found, runner


TWO_KINDS = "print('1 failed, 3 passed in 1s')"


def suite(code, *, counted):
    return Suite("sample", [sys.executable, "-c", code], counts=counted)


@pytest.mark.parametrize(("case", "sample", "found"), [
    ("a check that passes", suite("pass", counted=False), (Counts(1, 0), True)),
    ("a check that fails", suite("raise SystemExit(2)", counted=False), (Counts(0, 1), False)),
    ("tests that pass", suite("print('3 passed in 1s')", counted=True), (Counts(3, 0), True)),
    ("tests that fail", suite(f"{TWO_KINDS}; raise SystemExit(1)", counted=True), (Counts(3, 1), False)),
    ("a runner that breaks", suite("raise SystemExit(4)", counted=True), (Counts(0, 1), False)),
    ("a runner that finds no test", suite("print('no tests')", counted=True), (Counts(0, 1), False)),
    ("a failure with exit code 0", suite(TWO_KINDS, counted=True), (Counts(3, 1), False)),
])  # fmt: skip
def test_an_outcome_is_never_better_than_it_was(case, sample, found):
    outcome = suites.run(sample)

    assert (outcome.counts, outcome.held) == found, case


def test_all_suites_run_even_after_a_failure_and_the_last_line_sums_up(monkeypatch, capsys):
    table = [
        suite("print('1 failed in 1s'); raise SystemExit(1)", counted=True),
        suite("print('5 passed in 1s')", counted=True),
    ]
    monkeypatch.setattr(suites, "TABLES", {"test": table})

    code = suites.main(["test"])

    assert code == 1
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 1 failed"

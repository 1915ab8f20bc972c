"""Reading how many tests passed from what test runners print."""

import re
from dataclasses import dataclass

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# node --test: "ℹ pass 12", or "# pass 12" where the output is TAP.
NODE = re.compile(r"^(?:ℹ|#) (pass|fail|cancelled) (\d+)$", re.MULTILINE)
# vitest: "      Tests  1 failed | 12 passed (13)".
VITEST = re.compile(r"^\s*Tests\s+(.*)$", re.MULTILINE)
# pytest: "2 failed, 12 passed, 1 error in 3.14s", with or without rules around it.
PYTEST = re.compile(r"^[= ]*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
AMOUNT = re.compile(r"(\d+) ([a-z]+)")
FAILED_WORDS = frozenset({"failed", "fail", "error", "errors", "cancelled"})
PASSED_WORDS = frozenset({"passed", "pass"})


@dataclass(frozen=True)
class Counts:
    """How many tests passed and failed."""

    passed: int
    failed: int


def counts(output: str) -> Counts:
    """
    Return the sum of all summaries in a runner's output; zeros where there is none.

    pytest, vitest and node's own runner are understood.
    """
    plain = ANSI.sub("", output)
    pairs = [(word, int(number)) for word, number in NODE.findall(plain)]
    for line in (*VITEST.findall(plain), *PYTEST.findall(plain)):
        pairs += [(word, int(number)) for number, word in AMOUNT.findall(line)]
    return Counts(
        passed=sum(number for word, number in pairs if word in PASSED_WORDS),
        failed=sum(number for word, number in pairs if word in FAILED_WORDS),
    )

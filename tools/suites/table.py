"""Every check and every test suite: one line each."""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
BIN = Path(sys.executable).parent
DJANGO = [PYTHON, "-m", "tools.checks.django"]


def _tool(name: str) -> str:
    return str(BIN / name)


@dataclass(frozen=True)
class Suite:
    """
    One thing to run.

    :param counts: whether its output ends with figures of a test runner; a check counts as one
    """

    name: str
    command: list[str]
    counts: bool = False


CHECKS = [
    Suite("lint", [_tool("ruff"), "check", "."]),
    Suite("format", [_tool("ruff"), "format", "--check", "."]),
    Suite("types", [_tool("mypy")]),
    Suite("import order", [_tool("lint-imports")]),
    Suite("migrations", [*DJANGO, "makemigrations", "--check", "--dry-run"]),
    Suite("deployment", [*DJANGO, "check", "--deploy", "--fail-level", "WARNING"]),
    Suite("openapi", [PYTHON, "-m", "tools.checks.openapi", "--check"]),
    Suite("compose", [PYTHON, "-m", "tools.checks.compose"]),
    Suite("api types of the UI", ["npm", "run", "--silent", "schema:check", "-w", "shopify-app"]),
    Suite("types of the UI", ["npm", "run", "--silent", "typecheck", "-w", "shopify-app"]),
    Suite("lint of JavaScript", ["npx", "--no-install", "eslint", "--max-warnings", "0", "."]),
    Suite("extensions, GraphQL, app file", ["node", "checks/run.mjs"]),
]

TESTS = [
    Suite("python", [_tool("pytest"), "-n", "2"], counts=True),
    Suite("local Shopify", ["npm", "test", "--silent", "-w", "devstore"], counts=True),
    Suite("embedded UI", ["npm", "test", "--silent", "-w", "shopify-app"], counts=True),
    Suite("checks", ["npm", "test", "--silent", "--prefix", "checks"], counts=True),
    # One file at a time: the main job wants the whole machine.
    Suite("browser", ["sh", "-c", "node --test --test-concurrency=1 tests/e2e/*.test.mjs"], counts=True),
]

FIXES = [
    Suite("lint", [_tool("ruff"), "check", "--fix", "."]),
    Suite("format", [_tool("ruff"), "format", "."]),
    Suite("openapi", [PYTHON, "-m", "tools.checks.openapi"]),
    Suite("api types of the UI", ["npm", "run", "--silent", "schema", "-w", "shopify-app"]),
    Suite("lint of JavaScript", ["npx", "--no-install", "eslint", "--fix", "."]),
]

TABLES = {"check": CHECKS, "test": TESTS, "fix": FIXES}

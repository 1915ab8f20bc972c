"""Whoever moves a row by compare-and-set reads whether it won: work must not be dropped in silence."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.config import settings

# Columns by which a row is found where it is believed to be.
GUARDS = {"state", "state__in", "attempts", "revision", "heard_at", "lost_loads", "askings", "changes"}

# Updates whose count says nothing to their caller, and why.
HARMLESS = {
    ("backend/rollouts/services/rolling.py", "_note"): "words about what a rollout waits for",
    ("backend/rollouts/services/time_machine.py", "_note"): "words about work that may have ended",
    ("backend/training/services/asking.py", "_repeat_training"): "the message is sent either way",
    ("backend/training/migrations/0005_done_when_registered.py", "end"): "nobody moves runs meanwhile",
    ("backend/webhooks/services/sweeping.py", "_requeue_due"): "a message too many does no harm",
    ("backend/webhooks/services/privacy.py", "_note_erasure"): "words about all requests there are",
}


def unread(source: str) -> Iterator[str]:
    """Yield each function that updates guarded rows and throws the count away."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        querysets: dict[str, set[str]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                querysets[node.targets[0].id] = guards(node.value, querysets)
        for node in ast.walk(function):
            match node:
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=rows, attr="update"))):
                    if guards(rows, querysets):
                        yield function.name


def guards(rows: ast.expr, querysets: dict[str, set[str]]) -> set[str]:
    """Return the guards by which a queryset was narrowed."""
    found: set[str] = set()
    for node in ast.walk(rows):
        match node:
            case ast.Call(func=ast.Attribute(attr="filter"), keywords=keywords):
                found |= {keyword.arg for keyword in keywords if keyword.arg}
            case ast.Name(id=name):
                found |= querysets.get(name, set())
    return found & GUARDS


@pytest.mark.parametrize(
    ("case", "source", "names"),
    [
        ("at once", "def f():\n    Row.objects.filter(id=1, state='A').update(state='B')", ["f"]),
        (
            "by a name",
            "def f():\n    rows = Row.objects.filter(state='A')\n    rows.update(state='B')",
            ["f"],
        ),
        ("read", "def f():\n    return Row.objects.filter(state='A').update(state='B') == 1", []),
        ("no guard", "def f():\n    Row.objects.filter(id=1).update(state='B')", []),
    ],
)
def test_the_finder_finds(case: str, source: str, names: list[str]) -> None:
    assert list(unread(source)) == names, case


def test_every_compare_and_set_reads_whether_it_won() -> None:
    root = Path(settings.ROOT)
    found = {
        (str(path.relative_to(root)), name)
        for path in (root / "backend").rglob("*.py")
        for name in unread(path.read_text())
    }

    assert found == set(HARMLESS)

"""
Legs of the bench: what one run of one competitor depends on, and what was kept of it.

A leg is one log, question, competitor and seed. Its key is a hash of all that decides its figures: the
code it runs, its cases, its settings. A leg whose key is no longer today's is stale. So a run may take many
sittings, and nothing old hides in its figures. Standard library only: the process that starts the legs must
stay small.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

RESULT = "result.json"


class State(StrEnum):
    """What is kept of a leg."""

    FRESH = "fresh"
    STALE = "stale"  # measured by other code, cases or settings
    MISSING = "missing"


@dataclass(frozen=True)
class BenchLeg:
    """One run that can be made by itself."""

    competitor: str
    log: str = ""  # empty where a leg is about no log of the last line
    question: str = ""
    seed: int | None = None

    @property
    def name(self) -> str:
        """What ``--only`` calls it, and its folder."""
        words = [self.log, self.question, self.competitor, "" if self.seed is None else str(self.seed)]
        return "-".join(filter(None, words))


class Store:
    """The folder of the legs' results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, leg: BenchLeg) -> Path:
        """Return where a leg's answers and result lie."""
        return self.folder / leg.name

    def find(self, leg: BenchLeg) -> Figures | None:
        """Return what was kept of a leg, stale or not; None where it has not run."""
        path = self.place(leg) / RESULT
        if not path.is_file():
            return None
        found: Figures = json.loads(path.read_text(encoding="utf-8"))
        return found

    def state(self, leg: BenchLeg, key: str) -> State:
        """Return whether a leg's result is of today's code, cases and settings."""
        found = self.find(leg)
        if found is None:
            return State.MISSING
        return State.FRESH if found["key"] == key else State.STALE

    def begin(self, leg: BenchLeg) -> Path:
        """Return a leg's folder, emptied: what a leg that is broken off leaves is no result."""
        folder = self.place(leg)
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        return folder

    def keep(self, leg: BenchLeg, key: str, figures: Figures) -> None:
        """Keep the result of a leg that has ended."""
        text = json.dumps({"key": key, **figures}, indent=1)
        (self.place(leg) / RESULT).write_text(text, encoding="utf-8")


def key_of(root: Path, sources: Iterable[str], *facts: object) -> str:
    """
    Return the hash of some files and facts.

    :param sources: patterns under ``root``; a file that comes or goes changes the hash as well
    """
    found = hashlib.sha256(json.dumps(facts, default=str).encode())
    for path in sorted({path for pattern in sources for path in root.glob(pattern)}):
        found.update(str(path.relative_to(root)).encode() + file_hash(path).encode())
    return found.hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def revision(root: Path) -> str:
    """Return the commit that is checked out, to tell people; the keys decide what is stale."""
    command: Sequence[str] = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"

"""Starting workers and shadow anew when their code changes; the others look after themselves."""

from pathlib import Path

from tools.demo.options import ROOT
from tools.demo.processes import Crew
from tools.demo.stack import WORKERS

RELOADED = (*WORKERS, "shadow")
FOLDERS = ("backend", "celery_worker", "models")


class Reloader:
    """Remember when the workers' code last changed."""

    def __init__(self, crew: Crew, root: Path = ROOT) -> None:
        self._crew = crew
        self._root = root
        self._seen = newest_change(root)

    def restart_if_changed(self) -> None:
        """Restart what runs Python if any of its modules is newer than at the last look."""
        newest = newest_change(self._root)
        if newest > self._seen:
            self._seen = newest
            for name in RELOADED:
                self._crew.restart(name)


def newest_change(root: Path) -> float:
    """Return when a Python module of the workers last changed, in Unix seconds."""
    return max(
        (path.stat().st_mtime for folder in FOLDERS for path in (root / folder).rglob("*.py")), default=0.0
    )

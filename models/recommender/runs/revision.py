"""
Which learning code runs here: asked of git, or of the file that an image's build wrote.

Only ``models`` decides what is learned, so only ``models`` is compared: a later commit that changed
nothing there trains the same weights.
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LEARNING_CODE = "models"
REVISION_FILE = "REVISION"
UNKNOWN = "unknown"
CHANGED = "+changes"  # follows the revision where files were changed and not committed


def code_revision(root: Path = ROOT) -> str:
    """
    Return the revision of the learning code.

    It ends with ``+changes`` if the files are not those of the commit. Without a repository it is what
    the file REVISION says, and "unknown" without that.
    """
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return _written(root)
    return head if _is_unchanged_since(root, head) else head + CHANGED


def why_not_same(revision: str, root: Path = ROOT) -> str | None:
    """Return why the code here is not a revision's, with what to do about it; None if it is the same."""
    if revision.endswith(CHANGED) or revision == UNKNOWN:
        return f"The code that trained it is in no commit: its revision is {revision!r}."
    if _git(root, "rev-parse", "HEAD") is None:
        here = _written(root)
        return None if here == revision else f"The code here is revision {here!r}, it was {revision!r}."
    if _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        return f"This repository lacks revision {revision}. Get it: git fetch origin {revision}"
    if _is_unchanged_since(root, revision):
        return None
    elsewhere = f"../{root.name}-{revision[:12]}"
    command = f"git worktree add {elsewhere} {revision}"
    return f"The code in {LEARNING_CODE} is not revision {revision}. Get it: {command}"


def _is_unchanged_since(root: Path, revision: str) -> bool:
    """Return whether the files of the learning code are those of a commit, none more and none less."""
    changed = _git(root, "diff", "--name-only", revision, "--", LEARNING_CODE)
    added = _git(root, "ls-files", "--others", "--exclude-standard", "--", LEARNING_CODE)
    return changed == "" and added == ""


def _written(root: Path) -> str:
    path = root / REVISION_FILE
    return path.read_text(encoding="utf-8").strip() or UNKNOWN if path.is_file() else UNKNOWN


def _git(root: Path, *words: str) -> str | None:
    """Return what git prints, or None if it refuses or is not there."""
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 -- no shell
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

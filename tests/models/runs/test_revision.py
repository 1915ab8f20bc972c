"""Which code trained a model, in a small repository of the test's own."""

import subprocess
from pathlib import Path

import pytest

from models.recommender.runs.revision import code_revision, why_not_same


def git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    done = subprocess.run(["git", "-C", str(root), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one commit of learning code and of something else."""
    folder = tmp_path / "shop"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "learn.py").write_text("rate = 1\n")
    (folder / "README.md").write_text("Hello.\n")
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "One.")
    return folder


def test_a_clean_repository_names_its_commit(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")

    assert code_revision(root) == head
    assert why_not_same(head, root) is None


@pytest.mark.parametrize("name", ["learn.py", "new.py"])
def test_changed_learning_code_is_no_commits_code(root: Path, name: str) -> None:
    head = git(root, "rev-parse", "HEAD")
    (root / "models" / name).write_text("rate = 2\n")

    assert code_revision(root) == head + "+changes"
    assert why_not_same(head, root) == (
        f"The code in models is not revision {head}. Get it: git worktree add ../shop-{head[:12]} {head}"
    )
    assert "in no commit" in str(why_not_same(head + "+changes", root))


def test_a_later_commit_elsewhere_trains_the_same(root: Path) -> None:
    before = git(root, "rev-parse", "HEAD")
    (root / "README.md").write_text("Hello again.\n")
    git(root, "commit", "-q", "-am", "Two.")

    assert code_revision(root) != before
    assert why_not_same(before, root) is None


def test_a_revision_that_is_not_here_can_be_fetched(root: Path) -> None:
    absent = "0123456789" * 4

    assert why_not_same(absent, root) == (
        f"This repository lacks revision {absent}. Get it: git fetch origin {absent}"
    )


def test_an_image_knows_what_its_build_wrote(tmp_path: Path) -> None:
    assert code_revision(tmp_path) == "unknown"
    assert why_not_same("unknown", tmp_path) == (
        "The code that trained it is in no commit: its revision is 'unknown'."
    )

    (tmp_path / "REVISION").write_text("abc123\n")

    assert code_revision(tmp_path) == "abc123"
    assert why_not_same("abc123", tmp_path) is None
    assert why_not_same("def456", tmp_path) == "The code here is revision 'abc123', it was 'def456'."

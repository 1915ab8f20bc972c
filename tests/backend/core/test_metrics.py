"""Metrics that the workers of a web server count together."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, values

from backend.core import metrics


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Count as a server's workers do, in a folder of this test's."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "of a server that this one has replaced")
    metrics.share()
    yield Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    metrics.stop_sharing()


def counted(name: str) -> float:
    lines = metrics.exposition().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} "))


def count_in_a_worker(number: int) -> None:
    """Count one answer as a worker would that ends thereafter."""
    if (child := os.fork()) == 0:
        metrics.take_slot(number)
        Counter("answers", "Answers.", registry=CollectorRegistry()).inc()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_what_ended_workers_counted_is_told_and_their_slots_are_taken_again(folder: Path) -> None:
    for number in (1, 2, 1 + metrics.SLOTS):
        count_in_a_worker(number)

    assert counted("answers_total") == 3
    assert sorted(file.name for file in folder.iterdir()) == ["counter_1.db", "counter_2.db"]


def test_a_server_that_ends_leaves_no_file(folder: Path) -> None:
    count_in_a_worker(1)

    metrics.stop_sharing()

    assert not folder.exists()
    assert b"answers_total" not in metrics.exposition()

"""
What the bench measures beside the logs' questions: a large shop, new products, reasons, the gate.

Standard library only, as in ``legs``.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.recommender.legs import Figures

if TYPE_CHECKING:
    from bench.recommender.plan import Bench, Words

# The last two weeks know 16 new products only: ten places are easily enough for most of them.
COLD_SPLITS, QUICK_COLD_SPLITS = ("last-days:14", "last-days:60"), ("last-days:60",)
LARGE_INTERACTIONS, LARGE_ITEMS = 300_000, 20_000
QUICK_SHARE = 0.02  # of the large shop that a quick run makes up
RETAIL = "online_retail"


@dataclass(frozen=True)
class Extra:
    """A leg that no line of the last one holds."""

    run: Callable[["Bench"], Figures]
    sources: Sequence[str]  # beside the product's
    log: str | None = None  # that it reads


def large_shop(bench: "Bench") -> Figures:
    """Train on 300,000 interactions with 20,000 products: peak memory, and milliseconds of an answer."""
    share = QUICK_SHARE if bench.settings.is_quick else 1
    size, items = int(LARGE_INTERACTIONS * share), int(LARGE_ITEMS * share)
    folder, artifact = bench.file("large"), bench.file("large-artifact")
    made: Words = ["--size", str(size), "--items", str(items), "--seed", "1", "--out", folder]
    bench.product("-m", "bench.recommender.samples", *made, told="large-log")
    trained = _train(bench, folder, artifact, told="large-train")
    asked: Words = ["--artifact", artifact, "--interactions", folder / "interactions.csv"]
    answers = bench.product("-m", "bench.recommender.timing", *asked, told="large-answers")
    return {**answers, "interactions": size, **trained}


def cold(bench: "Bench") -> Figures:
    """Ask for products without a sale before the cut, which are known by their titles only."""
    return {
        split: _evaluated(bench, split)["cold"]
        for split in (QUICK_COLD_SPLITS if bench.settings.is_quick else COLD_SPLITS)
    }


def _evaluated(bench: "Bench", split: str) -> Figures:
    report = bench.file(f"cold-{split.replace(':', '-')}.json")
    words: Words = [*_files(bench.log_folder(RETAIL) / "0"), "--split", split, *bench.budget]
    words += ["--report", report]
    bench.product("-m", "models.recommender", "evaluate", *words, told=report.stem)
    found: Figures = json.loads(report.read_text(encoding="utf-8"))
    return found


def faithfulness(bench: "Bench") -> Figures:
    """
    Take away the stated cause of each recommendation, then a random one, and see which ranks move.

    Once where a customer may be offered again what they bought, and once where only what is new to them:
    the first states hardly any other cause than an earlier purchase.
    """
    folder, found = bench.log_folder(RETAIL) / "0", {}
    for repeat in ("keep", "drop"):
        artifact = bench.file(f"retail-artifact-{repeat}")
        _train(bench, folder, artifact, "--repeat", repeat, told=f"faithful-train-{repeat}")
        asked: Words = ["--artifact", artifact, *_files(folder)]
        found[repeat] = bench.product("-m", "bench.recommender.faithful", *asked, told=f"faithful-{repeat}")
    return found


def gate_twins(bench: "Bench") -> Figures:
    """Compare equal models by the gate: how often it passes them, and how often it claims a difference."""
    words: Words = [*_files(bench.log_folder(RETAIL) / "0"), *bench.quick]
    return bench.product("-m", "bench.recommender.twins", *words, told="gate-twins")


def _train(bench: "Bench", folder: Path, artifact: Path, *options: str, told: str) -> Figures:
    """Train on a folder's files into an artifact folder, anew."""
    shutil.rmtree(artifact, ignore_errors=True)
    words: Words = ["train", *_files(folder), "--out", artifact, *options, *bench.budget]
    return bench.product("-m", "models.recommender", *words, told=told)


def _files(folder: Path) -> "Words":
    """Return the options that name the files of a log."""
    return ["--interactions", folder / "interactions.csv", "--items", folder / "items.csv"]


EXTRAS = {
    "large_shop": Extra(large_shop, ["bench/recommender/samples.py", "bench/recommender/timing.py"]),
    "cold": Extra(cold, [], RETAIL),
    "faithfulness": Extra(faithfulness, ["bench/recommender/faithful.py"], RETAIL),
    "gate_twins": Extra(gate_twins, ["bench/recommender/twins.py"], RETAIL),
}

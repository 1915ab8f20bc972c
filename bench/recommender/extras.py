"""
What the bench measures beside the public logs: shops of unusual size, new products, faithful reasons.

Standard library only, as in ``parts``.
"""

import json
import random
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.recommender.parts import LOGS, Bench, Words, evaluate
from bench.recommender.results import LEARNED, Figures

NAMES = ("cold", "small_shop", "large_shop", "faithfulness")  # of the results, in the order they are printed
SMALL_DRAWS = 16  # of which some have too few customers to be measured
RESAMPLES, SEED = 10_000, 7  # of the bootstrap over draws
# The last two weeks know 16 new products only: ten places are easily enough for most of them.
COLD_SPLIT = "last-days:60"
LARGE_INTERACTIONS, LARGE_ITEMS = 300_000, 20_000
QUICK_SHARE = 0.02  # of the large shop that a quick run makes up


def large_shop(bench: Bench) -> None:
    """Train on 300,000 interactions with 20,000 products: peak memory, and milliseconds of an answer."""
    share = QUICK_SHARE if bench.settings.is_quick else 1
    size, items = int(LARGE_INTERACTIONS * share), int(LARGE_ITEMS * share)
    folder, artifact = bench.file("large"), bench.file("large-artifact")
    made: Words = ["--size", str(size), "--items", str(items), "--seed", "1", "--out", folder]
    bench.product("large:log", "-m", "bench.recommender.samples", "large", *made)
    _remove_artifact(artifact)
    words: Words = ["train", *_files(folder), "--out", artifact, *bench.budget]
    ended = bench.product("large:train", "-m", "models.recommender", *words)
    asked: Words = ["--artifact", artifact, "--interactions", folder / "interactions.csv"]
    bench.product("large:answers", "-m", "bench.recommender.timing", *asked)
    bench.results.put(
        "large_shop",
        {
            "interactions": size,
            "rss_mb": round(ended.rss_mb, 1),
            "process_s": round(ended.seconds, 1),
            **_last_line(bench, "large:answers"),
        },
    )


def _files(folder: Path) -> Words:
    """Return the options that name the files of a sample."""
    return ["--interactions", folder / "interactions.csv", "--items", folder / "items.csv"]


def _remove_artifact(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def _last_line(bench: Bench, part: str) -> Figures:
    """Return the JSON object that a part printed last."""
    line = bench.log_of(part).read_text(encoding="utf-8").splitlines()[-1]
    figures: Figures = json.loads(line)
    return figures


def small_shops(bench: Bench) -> None:
    """Train on shops of 500 interactions drawn from Online Retail; figures are means over the draws."""
    rows = []
    cut = ["--split", "leave-one-out", "--repeat", "keep"]
    for seed in range(1 if bench.settings.is_quick else SMALL_DRAWS):
        folder = bench.file(f"small-{seed}")
        drawn: Words = [*bench.interactions("online_retail"), "--seed", str(seed), "--out", folder]
        bench.product("small:log", "-m", "bench.recommender.samples", "small", *drawn)
        rows.append(evaluate(bench, f"small:{seed}", _files(folder), cut))
    bench.results.put("small_shop", small_shop_figures([row["report"] for row in rows]))


def small_shop_figures(reports: list[Mapping[str, Any]]) -> Figures:
    """
    Return the mean NDCG@10 of what is served and of each simple model over several small shops.

    A draw with too few returning customers to compare models has no figures; it only counts its seconds.
    What is served stands beside the simple model that is best on average, draw by draw.
    """
    by_model: dict[str, list[float]] = {}
    served, differences = [], []
    measured = [report for report in reports if report["reason"] is None]
    for report in measured:
        figures = {row["model"]: row["ndcg_at_10"] for row in report["metrics"]}
        simple = {name: value for name, value in figures.items() if name not in LEARNED}
        for name, value in simple.items():
            by_model.setdefault(name, []).append(value)
        served.append(figures[report["served"]])
        differences.append(served[-1] - max(simple.values()))
    means = {name: statistics.fmean(values) for name, values in by_model.items()}
    best = max(means, key=lambda name: means[name])
    return {
        "draws": len(measured),
        "draws_with_too_few_customers": len(reports) - len(measured),
        "ndcg@10": statistics.fmean(served),
        "best_simple": {"name": best, "ndcg@10": means[best]},
        "more_than_best_simple": _paired(
            [ours - theirs for ours, theirs in zip(served, by_model[best], strict=True)]
        ),
        "less_than_each_draws_best": statistics.fmean(differences),
        "train_s": max(report["train_seconds"] for report in reports),
        "served": [report["served"] for report in reports],
    }


def _paired(differences: list[float]) -> Figures:
    """Return the mean of differences, one a draw, and its 95 % percentile-bootstrap interval over draws."""
    chance = random.Random(SEED)  # noqa: S311 -- a bootstrap, no secret
    means = sorted(
        statistics.fmean(chance.choices(differences, k=len(differences))) for _ in range(RESAMPLES)
    )
    return {
        "mean": statistics.fmean(differences),
        "low": means[int(0.025 * RESAMPLES)],
        "high": means[int(0.975 * RESAMPLES)],
    }


def cold(bench: Bench) -> None:
    """Ask for products without a sale before the cut, which are known by their titles only."""
    cut = ["--split", COLD_SPLIT, "--repeat", "keep"]
    longer = evaluate(bench, "cold:60-days", bench.interactions("online_retail"), cut)["report"]["cold"]
    measured = bench.results.find("ours:online_retail")
    shorter = measured["report"]["cold"] if measured else None
    bench.results.put("cold", {LOGS["online_retail"].split: shorter, COLD_SPLIT: longer})


def faithful(bench: Bench) -> None:
    """
    Take away the stated cause of each recommendation, then a random one, and see which ranks move.

    Once where a customer may be offered again what they bought, and once where only what is new to them:
    the first states hardly any other cause than an earlier purchase.
    """
    files = bench.interactions("online_retail")
    found = {}
    for repeat in ("keep", "drop"):
        artifact = bench.file(f"retail-artifact-{repeat}")
        _remove_artifact(artifact)
        words: Words = ["train", *files, "--repeat", repeat, "--out", artifact, *bench.budget]
        bench.product(f"faithful:train-{repeat}", "-m", "models.recommender", *words)
        asked: Words = ["--artifact", artifact, *files]
        bench.product(f"faithful:ask-{repeat}", "-m", "bench.recommender.faithful", *asked)
        found[repeat] = _last_line(bench, f"faithful:ask-{repeat}")
    bench.results.put("faithfulness", found)

"""
Quality against seconds of training, one panel a log. Runs in the peers' environment, which has matplotlib.

The colours are Okabe and Ito's, which people with any colour vision tell apart; every line also says
what it is beside itself.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

OURS, SIMPLE, RECTOOLS = "#0072B2", "#555555", "#D55E00"
TITLES = {
    "beauty": "Beauty: each customer's next product",
    "online_retail": "Online Retail: all purchases of two weeks",
    "online_retail_new": "Online Retail: products new to the customer",
}
INCHES, DOTS_PER_INCH = (15.0, 5.2), 130


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    figures: dict[str, Any] = json.loads(chosen.figures.read_text(encoding="utf-8"))
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    canvas, panels = plt.subplots(1, len(figures), figsize=INCHES, squeeze=False)
    for axes, (log, measured) in zip(panels[0], figures.items(), strict=True):
        draw(axes, TITLES.get(log, log), measured)
    panels[0][0].set_ylabel("NDCG@10, full ranking (higher is better)")
    canvas.suptitle("Quality against training time on two CPU cores", fontsize=14)
    canvas.tight_layout()
    canvas.savefig(chosen.out, dpi=DOTS_PER_INCH)


def draw(axes: Axes, title: str, measured: dict[str, Any]) -> None:
    """Draw one log: our curve and result, the best simple model, RecTools at its stops."""
    ours, simple, rectools = measured["ours"], measured["best_simple"], measured["rectools"]
    widest = max([ours["train_s"], *(seconds for seconds, _ in rectools)])
    highest = max(ours["high"], simple["ndcg@10"])
    _draw_ours(axes, ours, measured["curve"], widest)
    axes.axhline(simple["ndcg@10"], color=SIMPLE, linestyle=(0, (5, 3)), linewidth=1.5)
    best = f"best simple: {simple['name'].replace('_', ' ')}, {simple['ndcg@10']:.3f}"
    axes.annotate(
        best, (widest, simple["ndcg@10"]), xytext=(0, -5), textcoords="offset points",
        ha="right", va="top", color=SIMPLE,
    )  # fmt: skip
    if rectools:
        seconds, quality = zip(*rectools, strict=True)
        axes.plot(seconds, quality, "s-", color=RECTOOLS, linewidth=1.5, markersize=6)
        axes.annotate(
            f"RecTools SASRec, {quality[-1]:.3f}",
            (seconds[-1], quality[-1]), xytext=(0, 9), textcoords="offset points",
            ha="right", color=RECTOOLS,
        )  # fmt: skip
    axes.set_title(title, loc="left", fontsize=12)
    axes.set_xlabel("seconds of training")
    axes.set_xlim(0, widest * 1.04)
    axes.set_ylim(0, highest * 1.18)
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)


def _draw_ours(axes: Axes, ours: dict[str, Any], curve: list[list[float]], widest: float) -> None:
    """Draw the transformer's validation curve and the whole model's result on the test."""
    if curve:
        seconds, quality = zip(*curve, strict=True)
        axes.plot(seconds, quality, "-", color=OURS, linewidth=1.5, alpha=0.55)
        axes.annotate(
            "our transformer alone\n(on the validation cut)",
            (seconds[0], quality[0]), xytext=(0.04, 0.42), textcoords="axes fraction",
            ha="left", va="top", color=OURS, fontsize=10,
            arrowprops={"arrowstyle": "-", "color": OURS, "alpha": 0.5},
        )  # fmt: skip
    error = [[ours["ndcg@10"] - ours["low"]], [ours["high"] - ours["ndcg@10"]]]
    axes.errorbar(
        ours["train_s"], ours["ndcg@10"], yerr=error, fmt="o", color=OURS, markersize=9, capsize=4, zorder=3
    )
    axes.annotate(
        f"ours, {ours['ndcg@10']:.3f} (test)",
        (ours["train_s"], ours["ndcg@10"]), xytext=(9, 6), textcoords="offset points",
        ha="left" if ours["train_s"] < widest * 0.7 else "right", color=OURS, weight="bold",
    )  # fmt: skip


if __name__ == "__main__":
    main()

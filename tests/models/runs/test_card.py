from dataclasses import replace

from models.recommender.api import Progress, Report
from models.recommender.runs.card import render
from models.recommender.values import SurfaceReport, WayMetrics


def test_a_training_has_a_card_with_its_figures_for_whom_and_what_it_shows(
    trained: tuple[Report, list[Progress]],
) -> None:
    report, _ = trained

    card = report.card

    heads = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert heads == ["Data", "Intended use", "Figures", "Surfaces", "For whom", "What it shows", "Limits"]
    assert report.summary in card
    assert report.popularity_bias is not None
    assert f"better than {report.popularity_bias.shown:.1%} of the products" in card


def test_each_model_stands_in_a_row_with_its_figures_and_their_intervals(
    trained: tuple[Report, list[Progress]],
) -> None:
    served = replace(
        next(row for row in trained[0].metrics if row.is_served),
        label="Blend of all",
        recall_at_10=1.0,
        intervals=dict.fromkeys(("ndcg_at_10", "hit_rate_at_10", "mrr_at_10"), (0.2, 0.3))
        | {"recall_at_10": (0.95, 1.0)},
        p50_ms=0.3123,
        p99_ms=None,
    )

    lines = render(replace(trained[0], metrics=[served], weights={})).splitlines()

    head = next(place for place, line in enumerate(lines) if line.startswith("| model "))
    names, _, figures = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[head : head + 3])
    row = dict(zip(names, figures, strict=True))
    assert names == [
        *("model", "NDCG@10", "Recall@10", "HR@10", "MRR@10", "coverage", "fit s", "p50 ms", "p99 ms"),
    ]
    assert (row["model"], row["Recall@10"]) == ("**Blend of all**", "1.0000 (.9500-1.0000)")
    assert (row["p50 ms"], row["p99 ms"]) == ("0.312", "-")
    assert len({len(line) for line in lines[head : head + 3]}) == 1


def test_without_enough_data_there_is_no_table(trained: tuple[Report, list[Progress]]) -> None:
    report = trained[0]
    unmeasured = [replace(row, ndcg_at_10=None, coverage=None) for row in report.metrics]

    card = render(replace(report, metrics=unmeasured, popularity_bias=None, cold=None))

    assert report.summary in card
    assert "| model" not in card
    assert "## What it shows" not in card


def test_a_blend_says_whom_it_listens_to_the_loudest_first(trained: tuple[Report, list[Progress]]) -> None:
    labels = {row.model: row.label for row in trained[0].metrics}
    weights = {"markov": 0.3, "personal_frequency": 0.699, "ease": 0.001}

    card = render(replace(trained[0], weights=weights))

    told = f"The blend listens to {labels['personal_frequency']} 70%, {labels['markov']} 30%."
    assert told in card
    assert "listens" not in render(replace(trained[0], weights={"markov": 1.0}))


def test_what_serves_each_surface_stands_in_its_own_words_with_its_figures(
    trained: tuple[Report, list[Progress]],
) -> None:
    way = WayMetrics("blend", "What goes with a cart", 0.25, 0.2, 0.3, 0.5, 0.125, is_served=True)
    words = "In the cart: what is bought together."
    surfaces = [
        SurfaceReport("cart", 1_200, 900, 100, [way], words=words),
        SurfaceReport("home", 0, 0, 0, [way]),
    ]

    card = render(replace(trained[0], surfaces=surfaces))

    _, _, surface = card.partition("## Surfaces\n\n")
    lines = surface.partition("\n\n## ")[0].splitlines()
    assert lines[0] == "- In the cart: what is bought together."
    assert lines[2].startswith("| cart, 1,200 orders ")
    assert lines[4:] == ["| **What goes with a cart** | 0.2500 (.2000-.3000) | 0.5000 | 0.125    |"]

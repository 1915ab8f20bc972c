import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.recommender.cli.report import WIDTH, as_json, as_text
from models.recommender.values import ColdStart, GateEvidence, ModelMetrics, Report

COLD = ColdStart(*(1, 2, 0.0, 0.01, 0.4, 0.058, 0.007, -0.028, -0.032, -0.024), is_simulated=False)
MEASURED = ("ndcg_at_10", "recall_at_10", "hit_rate_at_10", "mrr_at_10")


def metrics(model: str, label: str, *, figure: float | None = 0.25, is_served: bool = False) -> ModelMetrics:
    return ModelMetrics(
        model=model,
        label=label,
        ndcg_at_10=figure,
        ndcg_low=None,
        ndcg_high=None,
        recall_at_10=figure,
        hit_rate_at_10=figure,
        mrr_at_10=figure,
        coverage=0.5,
        fit_seconds=12.34,
        customers=0 if figure is None else 4334,
        is_served=is_served,
        is_transformer=model == "transformer",
        intervals={} if figure is None else dict.fromkeys(MEASURED, (figure - 0.01, 1.0)),
        p50_ms=0.3123,
        p99_ms=None,
    )


def a_report(**changes: Any) -> Report:
    report = Report(
        metrics=[metrics("markov", "Bought next"), metrics("blend", "Blend of all", is_served=True)],
        surfaces=[],
        served="blend",
        related_by="markov",
        related_share=2.0,
        cart_share=0.0,
        curve=[],
        train_seconds=61.7,
        params={"folder": Path("somewhere")},
        data_hash="ab",
        data_until="2026-05-01",
        interactions=391_148,
        users=4334,
        items=3659,
        code_revision="abc",
        seed=7,
        peak_memory_mb=812.3,
        summary="The blend is better.",
        reason=None,
        manifest=Path("artifact/manifest.json"),
    )
    return replace(report, **changes)


def test_a_row_shows_each_figure_with_its_interval() -> None:
    head, first, served = as_text(a_report()).splitlines()[:3]

    assert head.split() == [
        *(["For", "a", "customer", "NDCG@10", "Recall@10", "HR@10", "MRR@10"]),
        *(["cover", "fit", "s", "p50", "ms", "p99", "ms"]),
    ]
    figures = "0.2500 .2400-1.000 " * 4 + "  0.500 12.3 0.31 -"
    assert first.split() == ["Bought", "next", *figures.split()]
    assert served.startswith("* Blend of all")


def test_the_columns_stand_under_their_heads_and_fit_a_terminal() -> None:
    wide = metrics("ease", "Bought by customers with the same taste", figure=1.0)
    lines = as_text(a_report(metrics=[wide], summary="word " * 60)).splitlines()

    assert lines[1].startswith("  Bought by customers with the sam… 1.0000 ")
    assert lines[1].index("1.0000 .9900") == lines[0].index("NDCG@10")
    assert len(lines[0]) == len(lines[1])
    assert max(map(len, lines)) <= WIDTH


def test_without_enough_data_the_table_says_so() -> None:
    told = as_text(a_report(metrics=[metrics("popularity", "Popular products", figure=None, is_served=True)]))

    assert "* Popular products                  not enough data" in told
    assert "interval" not in told


def test_sentences_tell_weights_new_items_and_the_gate() -> None:
    told = as_text(
        a_report(
            weights={"markov": 0.3, "transformer": 0.699, "ease": 0.001},
            cold=ColdStart(
                37,
                120,
                0.0,
                0.01,
                0.4,
                0.058,
                0.007,
                -0.028,
                -0.032,
                -0.024,
                is_simulated=False,
            ),
            gate=GateEvidence(90, "2026-05-01", "2026-05-15", 0.3, 0.28, 0.071, -0.011, 0.15, None),
        )
    ).replace("\n", " ")

    assert "The blend listens to: transformer 70%, Bought next 30%." in told
    assert "New items (37 without a sale before the cut, bought by 120 customers)" in told
    assert "0.4000 among new ones." in told
    assert "Recall@10 among all items is 0.0580 (popularity with any new item there: 0.0070)" in told
    assert "NDCG@10 of all customers changes by -2.8% (95 % interval -3.2% to -2.4%)" in told
    assert "+7.1% NDCG@10 (95 % interval -1.1% to +15.0%)" in told
    assert "trained in 62 s, peak memory 812 MiB, seed 7." in told


def test_a_model_that_serves_alone_is_not_called_a_blend() -> None:
    assert "listens" not in as_text(a_report(weights={"markov": 1.0}))


def test_a_gate_without_figures_says_why() -> None:
    gate = GateEvidence(3, "2026-05-01", "2026-05-15", None, None, None, None, None, "not enough data: 3.")

    assert "Beside the model that serves: not enough data: 3." in as_text(a_report(gate=gate))


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_json_holds_everything_and_no_figure_that_is_none(figure: float) -> None:
    read = json.loads(as_json(a_report(peak_memory_mb=figure)))

    assert read["peak_memory_mb"] is None
    assert read["params"] == {"folder": "somewhere"}
    assert read["metrics"][1]["intervals"]["mrr_at_10"] == [0.24, 1.0]

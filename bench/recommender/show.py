"""The bench's figures as tables for people, in Markdown so that documents can take them over."""

from bench.recommender.results import Figures, Results, ours_of, row_of, simple_of

HEAD = "| model | NDCG@10 (95 % interval) | Recall@10 | HR@10 | MRR@10 | coverage | train s | p50 ms |"


def tables(results: Results, logs: list[str]) -> None:
    """Print one table a log, best first."""
    for log in logs:
        ours = results.find(f"ours:{log}")
        if ours:
            print(f"\n### {log}\n\n{HEAD}\n|{'---|' * 8}")
            for row in sorted(_rows(results, log), key=lambda row: -float(row["ndcg@10"])):
                print(line_of(row))


def _rows(results: Results, log: str) -> list[Figures]:
    ours = results.parts[f"ours:{log}"]
    served = ours_of(ours)
    learned = [
        {"label": f"Our {row['label'].lower()} alone", **row_of(row), "p50_ms": row["p50_ms"]}
        for row in ours["report"]["metrics"]
        if row["model"] == "transformer" and not row["is_served"]
    ]
    peers = (results.find(f"rectools:{log}") or {"models": {}})["models"].values()
    rectools = [
        {**row, "label": f"RecTools SASRec, {row['epochs']:.1f} epochs", "fit_s": row["train_s"]}
        for row in peers
    ]
    whole = {**served, "label": f"**Ours: {served['name']}**", "fit_s": served["train_s"]}
    rest = [row for row in simple_of(results, log) if row["name"] != served["name"]]
    return [whole, *learned, *rest, *rectools]


def line_of(row: Figures) -> str:
    """Return one model's line; a figure that was not measured stays empty."""
    quality = f"{row['ndcg@10']:.4f} ({row['low']:.4f} - {row['high']:.4f})"
    others = " | ".join(f"{row[name]:.4f}" for name in ("recall@10", "hr@10", "mrr@10"))
    return (
        f"| {row['label']} | {quality} | {others} | {row['coverage']:.3f} | {_number(row.get('fit_s'), 1)} | "
        f"{_number(row.get('p50_ms'), 2)} |"
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"

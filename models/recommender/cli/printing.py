"""What commands print: a report as JSON, notices and progress."""

import json
import math
import sys
from dataclasses import asdict
from typing import Any

from models.recommender.values import Progress, Report


def as_json(report: Report) -> str:
    """Return the report as JSON, everything that it holds; figures that do not exist are null."""
    return json.dumps(_plain(asdict(report)), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def print_notice(message: str) -> None:
    """Print what a reader has to tell to standard error."""
    print(message, file=sys.stderr, flush=True)


def print_progress(progress: Progress) -> None:
    """Print one line of progress to standard error, where it stays apart from the report."""
    loss = "" if progress.train_loss is None else f"  loss {progress.train_loss:.3f}"
    ndcg = "" if progress.validation_ndcg is None else f"  validation NDCG@10 {progress.validation_ndcg:.4f}"
    head = f"{progress.seconds:6.1f} s {progress.fraction:5.0%} {progress.stage:10}"
    print_notice(f"{head} {progress.message}{loss}{ndcg}")

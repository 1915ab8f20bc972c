"""How long the models themselves take for the questions of a leg, in this process."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final
from unittest.mock import patch

# Answers before the clock counts, and those that it counts.
WARM_UP: Final = 50
TIMED: Final = 300


def scoring_ms(paths: Sequence[str]) -> float:
    """
    Return the processor time that an answer spends in its model, milliseconds, over some signed addresses.

    The product's own view answers, from the request to the decision in the ledger; only the time inside the
    scorer counts. It is the time of a machine that does nothing else: under load the same work takes longer,
    so what a leg takes outside of it comes out too high, never too low.
    """
    from django.test import RequestFactory

    from backend.serving import views

    request = RequestFactory()
    with timed_doors() as spent:
        for number, path in enumerate(paths[: WARM_UP + TIMED]):
            if number == WARM_UP:
                spent.clear()
            views.recommendations(request.get(path))
    return sum(spent) * 1000 / max(len(paths[WARM_UP : WARM_UP + TIMED]), 1)


@contextmanager
def timed_doors() -> Iterator[list[float]]:
    """Yield a list that fills with the processor seconds of each call of a scorer, on the calling thread."""
    from models.recommender.api import Scorer

    spent: list[float] = []
    with (
        patch.object(Scorer, "rank", _timed(Scorer.rank, spent)),
        patch.object(Scorer, "reasons_for", _timed(Scorer.reasons_for, spent)),
        patch.object(Scorer, "arrival", _timed(Scorer.arrival, spent)),
    ):
        yield spent


def _timed(call: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    @wraps(call)
    def timed(*given: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return call(*given, **named)
        finally:
            spent.append(time.thread_time() - began)

    return timed

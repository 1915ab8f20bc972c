"""
Whether any past decision comes out the same when it is made again.

A shop answers shoppers of every kind through a week in which nothing stays as it was: orders and refunds,
stock, titles, collections, new and deleted products, settings, and a version a day that was really trained.
After the week all of that happens once more, and then every decision is made again from its own record.
"""

import shutil
from collections import Counter
from typing import Final
from uuid import UUID

from bench.ledger import base
from bench.ledger.values import Bench

DECISIONS: Final = 10_000
DAYS: Final = 7
PAGES: Final = 20
# Of each kind some, so that nothing of what the last decisions saw is as it was.
CHANGES_AFTERWARDS: Final = 56
SHOWN: Final = 5


def measure(bench: Bench) -> dict[str, float]:
    """Return how many decisions were made again, and how many of them came out the same."""
    base.begin(bench, durable=False)
    try:
        return _measure(bench)
    finally:
        base.end(bench)


def _measure(bench: Bench) -> dict[str, float]:
    from backend.core import clock
    from bench.week import Week, hurry

    hurry()
    shutil.rmtree(bench.data_dir / "artifacts", ignore_errors=True)
    decisions, days = bench.scaled(DECISIONS, least=70), bench.scaled(DAYS, least=2)
    bench.screen.begin("A shop with a past, and its first version")
    week = Week(bench.data_dir, decisions=decisions, ends_at=clock.now())
    week.retrain()
    bench.screen.end()
    bench.screen.begin(f"A week, and a version on each of {days} days")
    for day in range(days):
        week.live(decisions // days)
        week.publish(bench.scaled(PAGES, least=2))
        week.retrain()
        bench.screen.progress(done=day + 1, total=days, unit="days")
    for _ in range(CHANGES_AFTERWARDS):
        week.change()
    bench.screen.end(f"{len(week.decision_ids):,} decisions")
    return _replay(bench, week.shop.id, week.decision_ids)


def _replay(bench: Bench, shop_id: int, decision_ids: list[UUID]) -> dict[str, float]:
    from backend.serving.services import replay
    from backend.serving.values import ReplayVerdict

    bench.screen.begin("Each decision again")
    verdicts: Counter[str] = Counter()
    # In the order in which they were made: neighbours were answered by the same version.
    for done, decision_id in enumerate(sorted(decision_ids), start=1):
        replayed = replay(shop_id, decision_id)
        verdicts[replayed.verdict] += 1
        if not replayed.is_equal and verdicts.total() - verdicts[ReplayVerdict.EQUAL] <= SHOWN:
            print(decision_id, replayed.explanation, *replayed.differences, sep="\n  ")
        bench.screen.progress(done=done, total=len(decision_ids), unit="decisions")
    bench.screen.end(", ".join(f"{name} {number:,}" for name, number in sorted(verdicts.items())))
    return {"replayed": verdicts.total(), "replay_equal": verdicts[ReplayVerdict.EQUAL]}

"""When each version answered shoppers, and what its rollout measured."""

from collections import defaultdict
from datetime import datetime
from typing import Final

from backend.rollouts import models, rules
from backend.rollouts.queries.business import difference_of
from backend.rollouts.rules.answering import answering
from backend.rollouts.values import Metric
from backend.rollouts.values.answering import Answering, BesideChampion, Pointing

# Revenue, in the shop's money, stands on the rollout's own page.
TOLD: Final = (Metric.CLICK_THROUGH, Metric.CONVERSION)


def answering_versions(shop_id: int, *, now: datetime) -> list[Answering]:
    """Return when each version that ever answered a shop's visitors did, the newest version first."""
    rows = models.PointerMove.objects.for_shop(shop_id).order_by("revision")
    fields = ("at", "champion__number", "candidate__number", "percent", "is_interleaved")
    pointings = [
        Pointing(at, (champion, candidate) if percent or is_interleaved else (champion,))
        for at, champion, candidate, percent, is_interleaved in rows.values_list(*fields)
    ]
    return answering(pointings, now=now)


def beside_champions(shop_id: int) -> dict[int, BesideChampion]:
    """Return what the newest measured rollout of each version found, by the version's number."""
    rows = models.RolloutReading.objects.for_shop(shop_id).filter(metric__in=TOLD)
    newest = rows.order_by("rollout__number", "metric", "-read_at").distinct("rollout__number", "metric")
    read: dict[int, list[models.RolloutReading]] = defaultdict(list)
    for row in newest.select_related("rollout__candidate", "rollout__champion"):
        read[row.rollout.number].append(row)
    return {few[0].rollout.candidate.number: _beside(few) for few in read.values()}


def _beside(few: list[models.RolloutReading]) -> BesideChampion:
    told = sorted((difference_of(row) for row in few), key=lambda one: TOLD.index(one.metric))
    rollout, sums = few[0].rollout, told[0]
    return BesideChampion(
        rollout=rollout.number,
        champion=rollout.champion.number,
        visitors=sums.candidate.visitors,
        champion_visitors=sums.control.visitors,
        words=tuple(rules.interval_words(one) for one in told),
    )

"""Made-up rollouts with their moves, as the tables keep them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backend.registry import services as registry
from backend.registry.models import ModelVersion
from backend.rollouts import models, queries
from backend.rollouts.rules import storable_plan
from backend.rollouts.values import Rollout, RolloutPlan, RolloutState
from backend.shops.models import Shop
from tests.backend.history import NOW
from tests.backend.registry.versions import a_lineage, an_outcome

_numbers = count(1)


def a_version_row(shop: Shop) -> ModelVersion:
    """Return a version of which nobody opens the files."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text("{}")
        version = registry.register(shop.id, Path(folder), lineage=a_lineage(), outcome=an_outcome(), now=NOW)
    return ModelVersion.objects.for_shop(shop.id).get(uuid=version.id)


def a_rollout(
    shop: Shop,
    moves: Sequence[tuple[datetime, RolloutState, int]],
    *,
    plan: RolloutPlan | None = None,
    **changes: Any,
) -> Rollout:
    """Return a rollout that moved so: when, to which state, and to which share of the visitors."""
    last_at, state, percent = moves[-1]
    row = models.Rollout.objects.for_shop(shop.id).create(
        number=next(_numbers),
        candidate=a_version_row(shop),
        champion=a_version_row(shop),
        state=state,
        percent=percent,
        plan=storable_plan(plan or RolloutPlan()),
        opened_at=moves[0][0],
        entered_at=last_at,
        revision=len(moves),
        words="",
        **changes,
    )
    for revision, (at, into, share) in enumerate(moves, start=1):
        models.RolloutMove.objects.for_shop(shop.id).create(
            rollout=row, revision=revision, at=at, state=into, step=0, percent=share, actor="system", words=""
        )
    return queries.get_rollout(shop.id, row.uuid)


def in_canary(shop: Shop, *, since: datetime, percent: int = 50, plan: RolloutPlan | None = None) -> Rollout:
    """Return a rollout that has been shown to a share of the visitors since a moment."""
    opened = since - timedelta(hours=1)
    return a_rollout(
        shop, [(opened, RolloutState.SHADOW, 0), (since, RolloutState.CANARY, percent)], plan=plan
    )

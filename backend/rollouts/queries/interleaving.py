"""What shoppers' clicks in lists of both versions say."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.audit import queries as audit
from backend.core.tenancy import in_batches
from backend.events import queries as events
from backend.events.values import ClickRecord
from backend.rollouts import rules
from backend.rollouts.queries.business import plan_day
from backend.rollouts.rules.interleaving import chosen_team, interleave, pack_teams, preferences
from backend.rollouts.values import INTERLEAVED, Judged, Rollout
from backend.rollouts.values.interleaving import TEAMS, Interleaved, Preferences, Team

__all__ = ["clickers", "drafted_by", "interleave", "judge_interleaving", "pack_teams"]

# The first ones of a rollout. A preference that so many don't tell is too slight to wait for, and they are
# read anew at each look: nothing is kept between two.
MOST_CLICKS: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Shown:
    """A list of both versions, and whose it was."""

    visitor: str
    drafted: Interleaved


def judge_interleaving(rollout: Rollout, *, now: datetime) -> Judged:
    """
    Return which version's products visitors click first in lists of both. No data is never success.

    A click names its decision, and the ledger knows whose that was. Who was forgotten counts no more.
    """
    if rollout.shown_at is None:
        return rules.interleaving_verdict(Preferences(), plan=rollout.plan, elapsed_days=0.0)
    clicks = events.first_clicks(rollout.shop_id, since=rollout.shown_at, until=now, limit=MOST_CLICKS)
    shown = dict(_shown(rollout.shop_id, {one.decision_id for one in clicks}))
    return rules.interleaving_verdict(
        preferences(_chosen(clicks, shown).values()),
        plan=rollout.plan,
        elapsed_days=(now - rollout.shown_at) / plan_day(),
    )


def _chosen(clicks: Iterable[ClickRecord], shown: Mapping[UUID, _Shown]) -> dict[str, list[Team | None]]:
    """
    Return for each visitor whose products they clicked, in the order in which we were told of it.

    An event may come days after its moment. In the order of arrival whoever was counted stays as counted.
    """
    chosen: dict[str, list[Team | None]] = defaultdict(list)
    for click in clicks:
        found = shown.get(click.decision_id)
        if found is not None:
            chosen[found.visitor].append(chosen_team(found.drafted, [click.product_id]))
    return chosen


def _shown(shop_id: int, ids: Iterable[UUID]) -> Iterator[tuple[UUID, _Shown]]:
    for some in in_batches(iter(ids)):
        for decision, inputs in audit.recorded(shop_id, some, names={TEAMS}):
            if decision.arm == INTERLEAVED and decision.visitor_key and TEAMS in inputs:
                products = tuple(item.product_id for item in decision.items)
                yield (
                    decision.id,
                    _Shown(decision.visitor_key, Interleaved(products, rules.read_teams(inputs[TEAMS]))),
                )


def drafted_by(shop_id: int, decision_id: UUID) -> tuple[Team, ...]:
    """Return whose each place of a decision's list is; nothing where one version made it alone."""
    for _, inputs in audit.recorded(shop_id, [decision_id], names={TEAMS}):
        return rules.read_teams(inputs.get(TEAMS, b""))
    return ()


def clickers(shop_id: int, *, since: datetime, until: datetime) -> int:
    """Return how many visitors clicked a product of a list that was made for them in [since, until)."""
    clicks = events.first_clicks(shop_id, since=since, until=until, limit=MOST_CLICKS)
    return len(set(audit.visitor_keys(shop_id, {one.decision_id for one in clicks}).values()))

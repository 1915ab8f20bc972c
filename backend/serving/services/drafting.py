"""One list of two versions: the same rule for an answer and for its replay."""

from uuid import UUID

from backend.rollouts import queries as rollouts
from backend.rollouts.values.interleaving import Team
from backend.serving import rules
from backend.serving.values import Decided, Opinion, Query


def draft(
    query: Query, world: rules.World, champion: Opinion, candidate: Opinion, *, decision_id: UUID
) -> Decided:
    """
    Return the list that two versions draft from what each would show.

    The coins lie in the decision's id, so it is the same list whenever it is made again.
    """
    drafted = None
    while drafted is None:
        # Each time its world knows of one more product that can't be shown.
        drafted = _draft(query, world, champion, candidate, decision_id=decision_id)
    return drafted


def _draft(
    query: Query, world: rules.World, champion: Opinion, candidate: Opinion, *, decision_id: UUID
) -> Decided | None:
    offers = {
        team: rules.offer(query, world, opinion)
        for team, opinion in ((Team.CHAMPION, champion), (Team.CANDIDATE, candidate))
    }
    drafted = rollouts.interleave(
        list(offers[Team.CHAMPION].listed),
        list(offers[Team.CANDIDATE].listed),
        places=query.limit,
        decision_id=decision_id,
    )
    return rules.decide_drafted(query, world, offers, drafted)

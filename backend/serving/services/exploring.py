"""What the lists show in which two neighbouring products changed places by chance."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from backend.audit import queries as audit
from backend.core.tenancy import in_batches
from backend.events import queries as events
from backend.events.values import ClickRecord
from backend.serving import rules
from backend.serving.rules import recording
from backend.serving.values import Explored, ExploredClick
from backend.shops import queries as shops

# A model and a theme change; what shoppers did under former ones says little.
WINDOW: Final = timedelta(days=90)
# As many of its first clicks are read at each look at the page, in half a second; more would tell no other.
MOST_CLICKS: Final = 10_000


def exploration_results(shop_id: int, *, now: datetime) -> Explored:
    """Return what clicks say of neighbours that changed places since a shop's merchant agreed to it."""
    begun = shops.get_fresh_shop(shop_id).explores_since
    if begun is None:
        return Explored()
    clicks = events.first_clicks(shop_id, since=max(begun, now - WINDOW), until=now, limit=MOST_CLICKS)
    return rules.estimate_exploration(_explored_clicks(shop_id, clicks))


def _explored_clicks(shop_id: int, clicks: Sequence[ClickRecord]) -> Iterator[ExploredClick]:
    ids = {one.decision_id for one in clicks}
    found = {
        decision.id: (decision, recording.read_exploration(recording.read_setting(inputs)))
        for some in in_batches(iter(ids))
        for decision, inputs in audit.recorded(shop_id, some, names={recording.SETTING})
    }
    for click in clicks:
        decision, exploration = found.get(click.decision_id, (None, None))
        if decision is not None and exploration is not None:
            yield ExploredClick(decision, click.product_id, exploration)

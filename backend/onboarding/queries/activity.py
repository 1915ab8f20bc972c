"""What was done to a shop, by whom and when, for its merchant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.audit import queries as audit
from backend.audit.values import ActFilter, ActorKind
from backend.core.spreadsheet import BYTE_ORDER_MARK, csv_line
from backend.onboarding.queries.zones import shop_zone
from backend.onboarding.rules import acts
from backend.onboarding.rules.acts import Act, ActKind
from backend.onboarding.rules.days import start_of

PAGE: Final = 50

# Acts read at once for a file: few enough for a small memory, many enough for few queries.
FILE_PAGE: Final = 500

COLUMNS: Final = ("When", "Time zone", "Kind", "What", "About", "By", "Why", "Before", "After", "Where", "Id")


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which acts a merchant asks for. Days are whole, on the shop's own clock; None stands for any."""

    since: date | None = None
    until: date | None = None
    actor: ActorKind | None = None
    kind: ActKind | None = None


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page of acts, newest first; ``next_before`` is the key of the page after it, None on the last."""

    acts: tuple[Act, ...]
    next_before: UUID | None


def activity(shop_id: int, wanted: ActivityFilter, *, before: UUID | None = None) -> ActivityPage:
    """Return a page of what was done. :raises UnknownAct: if ``before`` is none of this shop's acts"""
    entries = audit.acts(shop_id, _filter(wanted, shop_zone(shop_id)), before=before, limit=PAGE + 1)
    shown = entries[:PAGE]
    told = tuple(acts.act(entry, audit.actor_kind(entry.actor)) for entry in shown)
    return ActivityPage(told, shown[-1].id if len(entries) > PAGE else None)


def activity_file(shop_id: int, wanted: ActivityFilter) -> Iterator[str]:
    """Yield all that was done as the lines of a table for a spreadsheet, newest first, read as it is sent."""
    zone = shop_zone(shop_id)
    narrowed = _filter(wanted, zone)
    yield BYTE_ORDER_MARK + csv_line(COLUMNS)
    before: UUID | None = None
    while entries := audit.acts(shop_id, narrowed, before=before, limit=FILE_PAGE):
        for entry in entries:
            yield csv_line(_cells(acts.act(entry, audit.actor_kind(entry.actor)), zone))
        before = entries[-1].id


def _filter(wanted: ActivityFilter, zone: ZoneInfo) -> ActFilter:
    return ActFilter(
        since=start_of(wanted.since, zone) if wanted.since else None,
        until=start_of(wanted.until + timedelta(days=1), zone) if wanted.until else None,
        actor=wanted.actor,
        events=acts.events_of(wanted.kind) if wanted.kind else None,
    )


def _cells(act: Act, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        f"{act.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        zone.key,
        acts.KIND_NAMES[act.kind],
        act.what,
        act.subject,
        act.actor,
        act.reason,
        "; ".join(f"{one.name}: {one.old}" for one in act.changes if one.old),
        "; ".join(f"{one.name}: {one.new}" for one in act.changes if one.new),
        act.where,
        str(act.id),
    )

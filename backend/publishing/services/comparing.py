"""
The loop: what a shop's pages should hold against what they hold, until both are the same.

What they should hold is what the live version shows everybody. The pointer is
read again before each call to Shopify, so a rollback turns the loop round
within seconds; rows say what is done, so it can be ended anywhere and goes on
where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Final

import structlog

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import Failure, Refused, Unavailable
from backend.core.queue import Job, enqueue
from backend.features import queries as features
from backend.publishing import queries, rules
from backend.publishing.models import Publication
from backend.publishing.services import claims
from backend.publishing.services.claims import Goal
from backend.publishing.services.writing import LISTS_PER_CALL, Writer
from backend.publishing.values import HOME, NOTHING, POPULAR, TURN, Claim
from backend.rollouts import queries as rollouts
from backend.serving.services import GeneralLists
from backend.shops import queries as shops

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

UNEXPECTED: Final = "Something unexpected went wrong. It was reported."


class _End(Enum):
    """How one walk over a shop's pages ended."""

    DONE = auto()
    MOVED = auto()  # another version is live
    OUT_OF_TIME = auto()


def publish(shop_id: int, *, clock: Clock) -> None:
    """
    Bring a shop's pages to the lists of its live version, as far as one turn gets.

    Does nothing while another worker is at it: that one sees where the pointer is before it ends.
    """
    held = claims.claim(shop_id, now=clock())
    if held is None:
        log.info("publishing_claimed_by_another", shop_id=shop_id)
        return
    try:
        _compare(held, clock)
    except Unavailable:
        claims.release(held)
        raise
    except Failure as error:
        # The personal answers are live all the same; only the lists written ahead stay as they were.
        words = error.message if isinstance(error, Refused) else UNEXPECTED
        claims.release(held, failure=words)
        raise


def _compare(held: Claim, clock: Clock) -> None:
    ends_at = clock() + TURN
    while (goal := claims.aim(held, now=clock())) is not None:
        end = _walk(held, goal, clock, ends_at=ends_at)
        if end is _End.OUT_OF_TIME:
            claims.release(held)
            enqueue(Job.PUBLISH, shop_id=held.shop_id)
            return
        if end is _End.DONE and _finish(held, goal, now=clock()):
            return
    claims.release(held)


def _walk(held: Claim, goal: Goal, clock: Clock, *, ends_at: datetime) -> _End:
    """Compare the pages that come after the goal's cursor, some at a time."""
    shop_id, version_id = held.shop_id, goal.arm.version_id
    holdout = rollouts.fresh_holdout(shop_id)
    # A holdout that ended is told to the pages too; a shop that never had one needs no list for it.
    popular = [POPULAR] if holdout.since else []
    pages = [*popular, HOME, *sorted(features.listed_products(shop_id))]
    writer = Writer(held, GeneralLists(goal.arm, clock=clock), holdout, clock=clock)
    written = goal.written
    for some in _batches(pages, after=goal.cursor):
        live = claims.find_live(shop_id)
        if live is None or live.version_id != version_id:
            return _End.MOVED
        if clock() > ends_at:
            return _End.OUT_OF_TIME
        written += writer.bring(some)
        # Progress: whatever ended earlier tries is over.
        claims.hear(held, now=clock(), cursor=some[-1], written=written, attempts=0, failure="")
    _forget_other_pages(shop_id, pages)
    return _End.DONE


def _forget_other_pages(shop_id: int, pages: Sequence[int]) -> None:
    """Take nothing for granted of a page that can't be seen now: it is not kept up to date."""
    rows = Publication.objects.for_shop(shop_id)
    others = set(rows.values_list("product_id", flat=True)) - set(pages)
    rows.filter(product_id__in=others).delete()


def _batches(pages: Sequence[int], *, after: int) -> Iterator[Sequence[int]]:
    """Yield ascending pages in groups that fit one call."""
    first = sum(page <= after for page in pages)
    for start in range(first, len(pages), LISTS_PER_CALL):
        yield pages[start : start + LISTS_PER_CALL]


def _written(lists: int) -> str:
    changed = "One list" if lists == 1 else f"{lists:,} lists"
    return f"{changed} changed and {'was' if lists == 1 else 'were'} written to the shop."


def _finish(held: Claim, goal: Goal, *, now: datetime) -> bool:
    """End the work and tell of it; False if there is more to do."""
    version_id = goal.arm.version_id
    finished = claims.finish(held, version_id, now=now)
    if finished is None:
        return False
    if finished.written or finished.is_new:
        audit.record(
            Event.RECOMMENDATIONS_PUBLISHED,
            shop_id=held.shop_id,
            subject=f"version {goal.arm.version_number}",
            reason=_written(finished.written),
            now=now,
            details={"version": str(version_id), "lists": finished.written},
        )
    return True


def sweep(*, now: datetime) -> int:
    """
    Ask for every shop whose pages differ from its pointer, or were not compared for a day.

    A message that was lost, a worker that was killed and a shop that came back cost a minute.

    :returns: how many shops were asked for
    """
    known = queries.held_by_shop()
    installed = shops.reachable_shops()
    due = [
        shop_id
        for shop_id, live in rollouts.champions().items()
        if shop_id in installed
        and rules.is_due(known.get(shop_id, NOTHING), live=live, installed_at=installed[shop_id], now=now)
    ]
    for shop_id in due:
        claims.ask_later(shop_id, now=now)
        enqueue(Job.PUBLISH, shop_id=shop_id)
    return len(due)


def forget_shop_lists(shop_id: int, *, now: datetime) -> None:
    """
    Note that a shop holds no list of ours: Shopify drops an app's metafields with the app.

    For an uninstall or a reinstall. Whoever is writing lists loses their claim.
    """
    claims.forget(shop_id, now=now)

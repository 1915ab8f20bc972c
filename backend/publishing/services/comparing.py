"""
The loop: what a shop's pages should hold against what they hold, until both are the same.

What they should hold is what the pointer's versions show everybody: the champion's lists in the slot that is
shown, and a rollout's candidate's in the other. The pointer is read again before each call to Shopify, and
what the switch says comes first, so a rollback turns the pages round within seconds; rows say what is done,
so it can be ended anywhere and goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Final

import structlog

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import queries as catalog
from backend.core.errors import Failure, Refused, Unavailable
from backend.core.queue import Job, enqueue
from backend.publishing import queries, rules
from backend.publishing.services import claims, switching
from backend.publishing.services.claims import Goal, PageChanges
from backend.publishing.services.sending import Sender
from backend.publishing.services.writing import CLEARED_PER_CALL, LISTS_PER_CALL, Writer, clear
from backend.publishing.values import HOME, NOTHING, POPULAR, TURN, Claim, Slot
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CANDIDATE, CHAMPION, HoldoutPolicy, LiveArms
from backend.serving.services import GeneralLists
from backend.shops import queries as shops

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

UNEXPECTED: Final = "Something unexpected went wrong. It was reported."


class _End(Enum):
    """How one walk over a slot of a shop's pages ended."""

    DONE = auto()
    MOVED = auto()  # the pointer says something else
    OUT_OF_TIME = auto()


def publish(shop_id: int, *, clock: Clock) -> None:
    """
    Bring a shop's pages to the lists of its versions, as far as one turn gets.

    Does nothing while another worker is at it: that one sees where the pointer is before it ends.
    """
    held = claims.claim(shop_id, now=clock())
    if held is None:
        log.info("publishing_claimed_by_another", shop_id=shop_id)
        return
    try:
        _work(held, clock)
    except Unavailable:
        claims.release(held)
        raise
    except Failure as error:
        # The personal answers are live all the same; only the lists written ahead stay as they were.
        words = error.message if isinstance(error, Refused) else UNEXPECTED
        claims.release(held, failure=words)
        raise


def _work(held: Claim, clock: Clock) -> None:
    """Do what is next until nothing is."""
    ends_at = clock() + TURN
    sender = Sender(held.shop_id, clock=clock)
    end, are_pages_known = _End.DONE, False
    while (work := claims.next_work(held, are_pages_known=are_pages_known, now=clock())) is not None:
        if work.switch is not None:
            switching.turn(held, work.switch, sender, clock=clock)
        elif work.holdout is not None:
            _bring_popular(held, work.arms, work.holdout, sender, clock)
        elif work.changes is not None:
            end = _follow_pages(held, work.arms, work.changes, sender, clock, ends_at=ends_at)
            are_pages_known = end is _End.DONE
        elif work.goal is not None:
            end = _walk(held, work.arms, work.goal, sender, clock, ends_at=ends_at)
            # It takes minutes, in which pages come and go.
            are_pages_known = False
            if end is _End.DONE:
                _finish(held, work.goal, now=clock())
        if end is _End.OUT_OF_TIME:
            claims.release(held)
            enqueue(Job.PUBLISH, shop_id=held.shop_id)
            return


def _bring_popular(held: Claim, arms: LiveArms, holdout: HoldoutPolicy, sender: Sender, clock: Clock) -> None:
    """Bring what held-out visitors see, and who they are. It is the same beside either slot."""
    lists = GeneralLists(arms.get(CHAMPION), clock=clock)
    Writer(held, Slot.A, lists, sender, policy=claims.policy_of(holdout), clock=clock).bring([POPULAR])
    claims.finish_holdout(held, holdout, now=clock())


def _walk(
    held: Claim, arms: LiveArms, goal: Goal, sender: Sender, clock: Clock, *, ends_at: datetime
) -> _End:
    """Compare the pages that come after the goal's cursor, some at a time."""
    shop_id = held.shop_id
    pages = [HOME, *sorted(catalog.listed_products(shop_id))]
    writer = Writer(held, goal.slot, GeneralLists(goal.arm, clock=clock), sender, clock=clock)
    written = goal.written
    for some in _batches([page for page in pages if page > goal.cursor], size=LISTS_PER_CALL):
        if claims.is_moved(shop_id, arms):
            return _End.MOVED
        if clock() > ends_at:
            return _End.OUT_OF_TIME
        written += writer.bring(some)
        claims.advance(held, goal, cursor=some[-1], written=written, now=clock())
    return _End.DONE


def _follow_pages(
    held: Claim, arms: LiveArms, changes: PageChanges, sender: Sender, clock: Clock, *, ends_at: datetime
) -> _End:
    """
    Take the lists away of pages that are gone, and bring those of pages that have come.

    A page that is gone isn't kept up to date. Were its lists left there, it would show them when it comes
    back: of a version that is gone too, or of the wrong arm of a rollout.
    """
    for write in _writes(held, changes, sender, clock):
        if claims.is_moved(held.shop_id, arms):
            return _End.MOVED
        if clock() > ends_at:
            return _End.OUT_OF_TIME
        write()
    return _End.DONE


def _writes(
    held: Claim, changes: PageChanges, sender: Sender, clock: Clock
) -> Iterator[Callable[[], object]]:
    """Yield what is to be written of pages that came and went, a call to Shopify each."""
    for some in _batches(changes.gone, size=CLEARED_PER_CALL):
        yield partial(clear, held, some, sender, clock=clock)
    for slot, arm, pages in changes.come:
        writer = Writer(held, slot, GeneralLists(arm, clock=clock), sender, clock=clock)
        for some in _batches(pages, size=LISTS_PER_CALL):
            yield partial(writer.bring, some)


def _batches(pages: Sequence[int], *, size: int) -> Iterator[Sequence[int]]:
    """Yield pages in groups that fit one call."""
    for start in range(0, len(pages), size):
        yield pages[start : start + size]


def _finish(held: Claim, goal: Goal, *, now: datetime) -> None:
    """Note that a slot holds its version's lists, and tell of it."""
    finished = claims.finish(held, goal, now=now)
    if finished is None:
        return
    if finished.written or finished.is_new:
        audit.record(
            Event.RECOMMENDATIONS_PUBLISHED,
            shop_id=held.shop_id,
            subject=f"version {goal.arm.version_number}",
            reason=_written(finished.written, is_for_rollout=goal.arm.name == CANDIDATE),
            now=now,
            details={"version": str(goal.arm.version_id), "lists": finished.written, "slot": goal.slot},
        )


def _written(lists: int, *, is_for_rollout: bool) -> str:
    changed = "One list" if lists == 1 else f"{lists:,} lists"
    seen_by = ", for the visitors of its rollout" if is_for_rollout else ""
    return f"{changed} changed and {'was' if lists == 1 else 'were'} written to the shop{seen_by}."


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
        for shop_id, pointed in rollouts.pointed_by_shop().items()
        if shop_id in installed
        and rules.is_due(known.get(shop_id, NOTHING), pointed, installed_at=installed[shop_id], now=now)
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

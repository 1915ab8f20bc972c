"""Pure decisions about events: their key, and whether what they claim is plausible."""

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from backend.audit.values import ShownList
from backend.core.moments import EPOCH
from backend.events.values import Outcome, Told

# How far an event's own time may lie from ours: a phone that was offline over a night sends late.
WINDOW: Final = timedelta(hours=48)

# A shopper's clock may be behind ours; what is earlier than this was not caused by its decision.
SKEW: Final = timedelta(minutes=10)

DAY: Final = timedelta(days=1)


def event_key(shop: UUID, event_id: str, at: datetime) -> UUID:
    """
    Return the one key of an event: its day, and a hash of the shop and the event's id.

    It has the form of a UUID version 7 at the start of the event's day in UTC, so a table that is
    partitioned by day on it holds all events of one day, and its primary key alone lets an id in once a
    day. 74 bits of hash: of a billion events a day, one pair would meet by chance in a hundred years.
    """
    told = hashlib.blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=10, key=shop.bytes)
    return _key_at(at, int.from_bytes(told.digest(), "big"))


def day_start_key(at: datetime) -> UUID:
    """Return the least key that an event of a moment's day may have."""
    return _key_at(at, 0)


def _key_at(at: datetime, chance: int) -> UUID:
    milliseconds = (at - EPOCH) // DAY * 86_400_000
    value = milliseconds << 80 | 0x7 << 76 | 0b10 << 62
    value |= (chance & ((1 << 62) - 1)) | ((chance >> 62 & 0xFFF) << 64)
    return UUID(int=value)


def is_in_time(at: datetime, *, now: datetime) -> Outcome | None:
    """Return why an event's own time can't be taken, or None."""
    if now - at > WINDOW:
        return Outcome.TOO_OLD
    if at - now > WINDOW:
        return Outcome.TOO_NEW
    return None


def judge(told: Told, shown: ShownList | None, *, shop_id: int) -> Outcome | None:
    """
    Return why an event's claim can't be true, or None.

    :param shown: the decision that it names, if there is one
    """
    if told.decision_id is None:
        return None
    if shown is None or shown.shop_id != shop_id:
        return Outcome.UNKNOWN_DECISION
    if not shown.product_ids.issuperset(told.product_ids):
        return Outcome.WRONG_PRODUCT
    if shown.at - told.at > SKEW:
        return Outcome.BEFORE_DECISION
    return None


def plausible_moment(at: datetime, shown: ShownList | None, *, now: datetime) -> datetime:
    """
    Return when an event happened, as near to its own time as can be true.

    A browser's clock may be wrong, but nothing arrives before it happened, nor is a list seen before it
    was made.
    """
    happened = min(at, now)
    return happened if shown is None else max(happened, min(shown.at, now))

"""Identifiers that outsiders may see."""

import secrets
import time
import uuid
from datetime import datetime, timedelta
from typing import Final

from .moments import EPOCH

# Identifiers begin with 48 bits of milliseconds; below them are the version and chance.
CHANCE_BITS: Final = 80


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """
    Return a UUID version 7: unguessable, and sorted by the millisecond it was made.

    :param at: the moment that it tells, if not the present one

    Rows with such a key land at the end of their index, so inserts stay cheap.
    The standard library has it from Python 3.14 on.

    Source: RFC 9562, section 5.7.
    """
    milliseconds = int(at.timestamp() * 1000) if at else time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << CHANCE_BITS
    value |= 0x7 << 76
    value |= secrets.randbits(12) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def first_id(moment: datetime) -> uuid.UUID:
    """Return the smallest identifier that can be made at a moment: a bound for a range of them."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << CHANCE_BITS)


def made_at(id_: uuid.UUID) -> datetime:
    """Return the moment that a UUID version 7 tells, to the millisecond."""
    return EPOCH + timedelta(milliseconds=id_.int >> CHANCE_BITS)

"""Identifiers that outsiders may see."""

import secrets
import time
import uuid


def uuid7() -> uuid.UUID:
    """
    Return a UUID version 7: unguessable, and sorted by the millisecond it was made.

    Rows with such a key land at the end of their index, so inserts stay cheap.
    The standard library has it from Python 3.14 on.

    Source: RFC 9562, section 5.7.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= secrets.randbits(12) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)

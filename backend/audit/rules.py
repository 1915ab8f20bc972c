"""
How a decision is written small, and what of it may be erased: pure functions on bytes.

A body (the items shown, the rules applied, an input) stands in the decision's own row or, where it repeats,
once a day in a table of contents under its digest. Its first byte says which.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from backend.audit.values import ShownItem
from backend.core.errors import Corrupt


class BodyUnreadable(Corrupt):
    """A body is not what was written: somebody changed it."""

    code = "body_unreadable"


@contextmanager
def _reading() -> Iterator[None]:
    """Say of whatever a damaged body breaks that it is damaged."""
    try:
        yield
    except (zlib.error, struct.error, ValueError, LookupError) as error:
        raise BodyUnreadable(f"A body can't be read: {type(error).__name__}.") from error


# The first byte of a stored body.
PLAIN: Final = b"\x00"
DEFLATED: Final = b"\x01"
REFERENCE: Final = b"\x02"

DIGEST_BYTES: Final = 16
HASH_BYTES: Final = 32
ACT_BYTES: Final = 16

# Scores are told to seven digits, which is what four bytes hold: only their order within one answer has a
# meaning. What was recorded before it was so is kept to the last bit.
IS_EXACT: Final = 1
HAS_PLACES: Final = 2

# What reasons begin with, most frequent last, where a reference to it is shortest. A change of it would make
# every body unreadable that was packed with it: a new one needs a first byte of its own.
COMMON: Final = (
    b"New arrival in From the same collection Goes well with You looked at Because you looked at "
    b"You bought this once, last in January February March April May June July August September October "
    b"November December You bought this 2 times, last in Popular in this shop right now New in this shop "
    b"Similar to Chosen for you Often bought together Often bought with "
)
# A window of 1 kB: a larger one costs more to clear than such a short text takes to pack.
WINDOW_BITS: Final = -10


def pack(body: bytes) -> bytes:
    """Return a body as it is stored in place: deflated if that is shorter."""
    if len(body) < 24:
        return PLAIN + body
    packer = zlib.compressobj(6, zlib.DEFLATED, WINDOW_BITS, 4, zlib.Z_DEFAULT_STRATEGY, COMMON)
    deflated = packer.compress(body) + packer.flush()
    return DEFLATED + deflated if len(deflated) < len(body) else PLAIN + body


@_reading()
def unpack(stored: bytes) -> bytes:
    """Return the body that :func:`pack` packed. :raises BodyUnreadable: if it is none"""
    if stored[:1] == PLAIN:
        return stored[1:]
    unpacker = zlib.decompressobj(WINDOW_BITS, COMMON)
    body = unpacker.decompress(stored[1:])
    if not unpacker.eof:
        raise ValueError("The body is cut off.")
    return body


def digest(stored: bytes) -> bytes:
    """Return the address of a packed body in the table of contents: half a SHA-256."""
    return hashlib.sha256(stored).digest()[:DIGEST_BYTES]


def reference(address: bytes) -> bytes:
    """Return what stands in a row whose body is among the contents."""
    return REFERENCE + address


def address_of(stored: bytes | None) -> bytes | None:
    """Return the address that a row refers to; None where the body stands in the row."""
    is_reference = stored is not None and stored[:1] == REFERENCE and len(stored) == 1 + DIGEST_BYTES
    return stored[1:] if stored is not None and is_reference else None


def personal_hash(salt: bytes, visitor_key: str | None, personal: bytes | None) -> bytes:
    """
    Return what stands for the part of a decision that may be erased, in the seals and after an erasure.

    Without the salt, which is wiped with them, nobody can try pseudonyms against it. The same as SQL:
    see ``services.ERASE``.
    """
    key = bytes.fromhex(visitor_key) if visitor_key else b""
    return hashlib.sha256(salt + key + b"\x00" + (personal or b"")).digest()


def kept_hash(erased: bytes) -> bytes:
    """Return the hash that an erased row keeps."""
    return erased[:HASH_BYTES]


def names_act(erased: bytes) -> bool:
    """Return whether what an erased row keeps is a hash and an act."""
    return len(erased) == HASH_BYTES + ACT_BYTES


def act_of(erased: bytes) -> UUID:
    """Return the entry of the ledger of acts that tells of a row's erasure."""
    return UUID(bytes=erased[HASH_BYTES:])


# Items


def pack_items(items: Sequence[ShownItem], *, is_exact: bool = False) -> bytes:
    """
    Return a list as bytes: products by their distance, scores in four bytes, each reason once.

    :param is_exact: keep scores to the last bit, in eight bytes
    """
    reasons = list(dict.fromkeys(item.why for item in items))
    has_places = [item.position for item in items] != list(range(1, len(items) + 1))
    out = bytearray([IS_EXACT * is_exact | HAS_PLACES * has_places])
    out += _number(len(items))
    before = 0
    for item in items:
        out += _number(_zigzag(item.product_id - before))
        out += _number(reasons.index(item.why) << 1 | (item.score is not None))
        before = item.product_id
        if has_places:
            out += _number(_zigzag(item.position))
    scores = [item.score for item in items if item.score is not None]
    out += struct.pack(f"<{len(scores)}{'d' if is_exact else 'f'}", *scores)
    out += b"\x00".join(reason.encode() for reason in reasons)
    return bytes(out)


@_reading()
def unpack_items(body: bytes) -> tuple[ShownItem, ...]:
    """Return the list that :func:`pack_items` wrote. :raises BodyUnreadable: if it is none"""
    reader = _Reader(body, 1)
    is_exact, has_places = body[0] & IS_EXACT, body[0] & HAS_PLACES
    rows = []
    before = 0
    for place in range(1, reader.number() + 1):
        before += _unzigzag(reader.number())
        told = reader.number()
        rows.append((before, told >> 1, told & 1, _unzigzag(reader.number()) if has_places else place))
    size = 8 if is_exact else 4
    scores = iter(
        struct.iter_unpack("<d" if is_exact else "<f", reader.take(size * sum(row[2] for row in rows)))
    )
    reasons = reader.rest().decode().split("\x00")
    return tuple(
        ShownItem(product, _score(next(scores)[0], is_exact) if scored else None, reasons[reason], place)
        for product, reason, scored, place in rows
    )


def _score(value: float, is_exact: int) -> float:
    return value if is_exact else float(f"{value:.7g}")


# Inputs

# More stored bodies by name, which several decisions share.
MORE: Final = "+"
# The rules that were applied and the version of the features go with what went in: they change as seldom.
APPLIED: Final = "rules"
FEATURES: Final = "features"
# Names that take one byte, by their number: what is recorded with every decision. A new one comes last.
SHORT_NAMES: Final = (
    MORE, APPLIED, FEATURES, "shelf", "shelf.base", "new", "new.base", "mates", "setting", "words", "visitor",
    "teams",
)  # fmt: skip


def pack_named(bodies: Mapping[str, bytes]) -> bytes:
    """Return stored bodies by name as one body, the same whatever their order."""
    out = bytearray()
    for name in sorted(bodies):
        if name in SHORT_NAMES:
            out += _number(SHORT_NAMES.index(name) << 1 | 1)
        else:
            out += _number(len(name.encode()) << 1) + name.encode()
        out += _number(len(bodies[name])) + bodies[name]
    return bytes(out)


@_reading()
def unpack_named(body: bytes) -> dict[str, bytes]:
    """Return the stored bodies that :func:`pack_named` wrote. :raises BodyUnreadable: if there are none"""
    reader = _Reader(body, 0)
    found = {}
    while not reader.is_over:
        told = reader.number()
        name = SHORT_NAMES[told >> 1] if told & 1 else reader.take(told >> 1).decode()
        found[name] = reader.take(reader.number())
    return found


def pack_words(words: Sequence[str]) -> bytes:
    """Return some words, none of which holds a NUL, as a body."""
    return b"\x00".join(word.encode() for word in words)


@_reading()
def unpack_words(body: bytes) -> tuple[str, ...]:
    """Return the words that :func:`pack_words` wrote. :raises BodyUnreadable: if there are none"""
    return tuple(body.decode().split("\x00")) if body else ()


class _Reader:
    """Reads a body from its beginning."""

    def __init__(self, body: bytes, at: int) -> None:
        self._body = body
        self._at = at

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._body)

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self._body[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def take(self, count: int) -> bytes:
        """Return so many bytes. :raises ValueError: if there are fewer"""
        self._at += count
        if self._at > len(self._body):
            raise ValueError("The body is cut off.")
        return self._body[self._at - count : self._at]

    def rest(self) -> bytes:
        return self._body[self._at :]


def _number(value: int) -> bytes:
    """Return a number in groups of seven bits, lowest first (LEB128)."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _unzigzag(value: int) -> int:
    return value >> 1 if value & 1 == 0 else -((value + 1) >> 1)

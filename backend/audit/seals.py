"""
Seals over the rows of a ledger: pure functions from rows to hashes.

A *leaf* is the hash of one row. A *segment* holds the leaves of rows that were sealed together, and its
*head* is the hash of that and of the head before it: a chain for each shop and ledger. What is hashed is
defined here, in whole numbers and bytes: no version of PostgreSQL or Python can write them otherwise.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from backend.audit.values import Ledger
from backend.core.moments import EPOCH, microseconds

HASH_BYTES: Final = 32
# What is kept of each leaf. It names the row that changed; that one did is told by the whole leaves, which
# the segment's contents hash covers. To find another row with the same 16 bytes takes 2^128 tries.
LEAF_BYTES: Final = 16
SIGNED_AS: Final = b"tailorbird ledger head 1\x00"
DAY_MILLISECONDS: Final = 86_400_000
NOTHING_PERSONAL: Final = bytes(HASH_BYTES)
LENGTH: Final = struct.Struct(">i").unpack_from


class Kind(StrEnum):
    """What a column holds, and so how it is hashed: each with its length before it, big-endian."""

    UUID = "uuid"
    NUMBER = "number"  # as many bytes as the column has
    TEXT = "text"  # UTF-8
    BYTES = "bytes"
    MOMENT = "moment"  # microseconds since 1970, eight bytes
    JSON = "json"  # without spaces, keys sorted, numbers as they are written

    def sql(self, column: str) -> str:
        """Return the expression whose binary form is what is hashed."""
        if self is Kind.MOMENT:
            # Infinity is a moment to PostgreSQL, and no whole number: it counts as the furthest one.
            micros = f"extract(epoch FROM {column}) * 1000000"
            return f"LEAST(GREATEST({micros}, {-(2**63)}), {2**63 - 1})::bigint"
        return f"{column}::text" if self in {Kind.TEXT, Kind.JSON} else column


@dataclass(frozen=True)
class Layout:
    """
    Which columns of a ledger's rows a leaf covers. A later layout gets a higher number; rows keep theirs.

    :param personal: columns that an erasure may wipe, which enter the leaf as a salted hash
    """

    ledger: Ledger
    number: int
    table: str
    columns: Mapping[str, Kind]
    personal: Sequence[str] = ()
    # Where bodies stand that may be shared; the last one names others.
    bodies: Sequence[int] = ()

    @cached_property
    def tag(self) -> bytes:
        """Return what is hashed before each row: names and kinds, so that bytes have one meaning."""
        told = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        return hashlib.sha256(f"tailorbird leaf {self.ledger} {self.number}: {told}".encode()).digest()

    @cached_property
    def json_places(self) -> list[int]:
        """Return which of the columns hold JSON."""
        return [place for place, kind in enumerate(self.columns.values()) if kind is Kind.JSON]


ACTS: Final = Layout(
    Ledger.ACTS,
    1,
    "audit_ledgerevent",
    {
        "arrival": Kind.NUMBER,
        "id": Kind.UUID,
        "shop_id": Kind.NUMBER,
        "at": Kind.MOMENT,
        "event": Kind.TEXT,
        "actor": Kind.TEXT,
        "subject": Kind.TEXT,
        "reason": Kind.TEXT,
        "details": Kind.JSON,
        "old": Kind.JSON,
        "new": Kind.JSON,
        "source": Kind.TEXT,
        "request_id": Kind.TEXT,
    },
)

DECISIONS: Final = Layout(
    Ledger.DECISIONS,
    1,
    "audit_decision",
    {
        "arrival": Kind.NUMBER,
        "id": Kind.UUID,
        "shop_id": Kind.NUMBER,
        "at": Kind.MOMENT,
        "surface": Kind.TEXT,
        "channel": Kind.TEXT,
        "arm": Kind.TEXT,
        "version_id": Kind.UUID,
        "version_number": Kind.NUMBER,
        "context_product_id": Kind.NUMBER,
        "requested": Kind.NUMBER,
        "latency_us": Kind.NUMBER,
        "fallback": Kind.TEXT,
        "request_id": Kind.BYTES,
        "items": Kind.BYTES,
        "inputs": Kind.BYTES,
    },
    personal=("visitor_key", "personal"),
    bodies=(14, 15),
)
# The newest of a ledger last: it seals. Former ones verify what they sealed.
LAYOUTS: Final[Mapping[Ledger, Sequence[Layout]]] = {
    Ledger.ACTS: (ACTS,),
    Ledger.DECISIONS: (DECISIONS,),
}


# Leaves


class Row(NamedTuple):
    """What a seal or its check needs of one row."""

    arrival: int
    id: UUID
    shop_id: int
    leaf: bytes
    erased: bytes | None
    is_half_erased: bool
    personal: bytes  # what stands for the personal part
    body: bytes  # the rest, as it was hashed

    @property
    def day(self) -> date:
        """Return the day of the row, as its identifier tells it."""
        return day_of(self.id)


def day_of(id_: UUID) -> date:
    """Return the day of a UUID version 7; the last one of what lies beyond the calendar."""
    days = (id_.int >> 80) // DAY_MILLISECONDS
    return date.fromordinal(min(EPOCH.toordinal() + days, date.max.toordinal()))


def canonical_json(text: bytes) -> bytes:
    """
    Return JSON in its one canonical form.

    A number with a fraction keeps its digits: no two of them are the same number to a program. No text that
    PostgreSQL stores holds a NUL, so the mark can't be taken for one. What is too deep or too long for a
    program to read, and so none of ours, enters as it stands: it must neither stop a seal nor its check.
    """
    try:
        value = json.loads(text, parse_float=lambda digits: {"\x00": digits})
    except (ValueError, RecursionError):
        return text
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def fields(body: bytes, count: int, at: int = 0) -> tuple[list[bytes | None], int]:
    """Return some fields, each with its length before it, and where the next one begins."""
    found: list[bytes | None] = []
    for _ in range(count):
        (length,) = LENGTH(body, at)
        at += 4
        if length < 0:
            found.append(None)
        else:
            found.append(body[at : at + length])
            at += length
    return found, at


def field(value: bytes | None) -> bytes:
    """Return one field with its length before it."""
    return b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value


def canonical(layout: Layout, body: bytes) -> bytes:
    """Return the bytes of a row's columns as they are hashed."""
    if not layout.json_places:
        return body
    found, _ = fields(body, len(layout.columns))
    for place in layout.json_places:
        value = found[place]
        found[place] = None if value is None else canonical_json(value)
    return b"".join(field(value) for value in found)


def leaf(tag: bytes, personal: bytes, body: bytes) -> bytes:
    """Return the hash of a row: of its layout, of what stands for its personal part, and of the rest."""
    return hashlib.sha256(tag + personal + body).digest()


def leaf_at(tag: bytes, row: Row, arrival: int) -> bytes:
    """Return the hash that a row would have at another number."""
    moved = row.body[:4] + arrival.to_bytes(8, "big", signed=True) + row.body[12:]
    return leaf(tag, row.personal, moved)


# Segments


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one shop, ledger and day that were sealed together."""

    chain: UUID
    shop_id: int
    ledger: Ledger
    number: int
    layout: int
    day: date
    count: int
    sealed_at: datetime
    body: bytes  # see body_hash
    contents: bytes

    def head(self, former: bytes) -> bytes:
        """Return the head of the chain with this segment at its end."""
        numbers = struct.pack(
            ">qqhiqq", self.shop_id, self.number, self.layout, (self.day - EPOCH.date()).days, self.count,
            microseconds(self.sealed_at),
        )  # fmt: skip
        ledger = field(self.ledger.encode())
        whole = (
            b"tailorbird head 1\x00"
            + former
            + self.chain.bytes
            + ledger
            + numbers
            + self.body
            + self.contents
        )
        return hashlib.sha256(whole).digest()


def first_head(chain: UUID) -> bytes:
    """Return what stands before the first segment of a chain."""
    return hashlib.sha256(b"tailorbird chain 1\x00" + chain.bytes).digest()


def body_hash(arrivals: bytes, leaves: bytes) -> bytes:
    """Return the hash of what names a segment's rows."""
    return hashlib.sha256(field(arrivals) + field(leaves)).digest()


def contents_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the hash of the whole leaves of a segment, in the order of arrival."""
    return hashlib.sha256(b"".join(leaves)).digest()


def pack_arrivals(arrivals: Sequence[int]) -> bytes:
    """Return ascending numbers as the distance of each from the one before, seven bits a byte (LEB128)."""
    out = bytearray()
    before = 0
    for arrival in arrivals:
        rest, before = arrival - before, arrival
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def unpack_arrivals(packed: bytes) -> list[int]:
    """Return the numbers that :func:`pack_arrivals` wrote."""
    found: list[int] = []
    value = shift = arrival = 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            arrival += value
            found.append(arrival)
            value = shift = 0
    return found


def unpack_leaves(leaves: bytes) -> list[bytes]:
    """Return what is kept of each leaf of a segment."""
    return [leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES)]


# Gaps


class Gap(NamedTuple):
    """Numbers that were given out and not seen yet: their rows are under way, or were rolled back."""

    low: int
    high: int
    noticed_at: int  # microseconds of the database's clock


def missing(low: int, high: int, seen: Sequence[int], *, noticed_at: int) -> list[Gap]:
    """Return the numbers from ``low`` to ``high`` that are not among the ascending ones that were seen."""
    found: list[Gap] = []
    for arrival in [*seen, high + 1]:
        if arrival > low:
            found.append(Gap(low, arrival - 1, noticed_at))
        low = max(low, arrival + 1)
    return found


def still_open(gaps: Sequence[Gap], seen: Sequence[int], *, horizon: int) -> list[Gap]:
    """
    Return what is left of some gaps after another look.

    :param seen: the ascending numbers whose rows that look found
    :param horizon: when the oldest transaction began that ran at the look. What was noticed before has no
        transaction any more that could bring it: those numbers were rolled back and never come.
    """
    return [
        part
        for gap in gaps
        if gap.noticed_at >= horizon
        for part in missing(
            gap.low, gap.high, [one for one in seen if gap.low <= one <= gap.high], noticed_at=gap.noticed_at
        )
    ]


def split(gaps: Sequence[Gap], at: int) -> tuple[list[Gap], list[Gap]]:
    """Return the parts of some gaps up to a number, and those above it."""
    below = [gap._replace(high=min(gap.high, at)) for gap in gaps if gap.low <= at]
    above = [gap._replace(low=max(gap.low, at + 1)) for gap in gaps if gap.high > at]
    return below, above


def is_among(gaps: Sequence[Gap], arrival: int) -> bool:
    """Return whether a number lies in one of some gaps."""
    return any(gap.low <= arrival <= gap.high for gap in gaps)


def iter_days(rows: Sequence[Row]) -> Iterator[tuple[tuple[int, date], list[Row]]]:
    """Yield rows by shop and day, each in the order of arrival."""
    groups: dict[tuple[int, date], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.shop_id, row.day), []).append(row)
    for key in sorted(groups):
        yield key, sorted(groups[key], key=lambda row: row.arrival)


def as_json(gaps: Sequence[Gap]) -> list[Any]:
    """Return gaps as they are stored."""
    return [list(gap) for gap in gaps]

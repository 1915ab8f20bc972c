"""Rows of a ledger as they are sealed and verified: read by COPY, hashed as they come."""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from backend.audit import rules, seals
from backend.audit.models import SealCursor
from backend.audit.seals import Gap, Layout, Row
from backend.audit.values import Ledger, Unsealed

# What a binary COPY sends before its first row, and after its last.
SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00"
HEADER_BYTES: Final = len(SIGNATURE) + 8
TRAILER: Final = b"\xff\xff"
# Where the number, the identifier and the shop stand among the columns: each behind its length.
PLACES: Final = struct.Struct(">4xq4x16s4xq")
# Ranges of numbers that one statement asks for.
MOST_RANGES: Final = 200

Range = tuple[int, int]


class _Sink:
    """Takes what COPY sends: PostgreSQL's protocol promises each row in a message of its own."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._is_first = True

    def write(self, message: bytes) -> None:
        """Take one message."""
        if self._is_first:
            message = message[HEADER_BYTES:]
            self._is_first = False
        if message and message != TRAILER:
            # Without the number of fields, which stands before each row.
            self._take(message[2:])


def rows_in(
    layout: Layout, ranges: Sequence[Range], *, shop_id: int | None = None, most: int | None = None
) -> list[Row]:
    """
    Return the rows whose numbers lie in some ranges, of one shop or of all, in the order of arrival.

    :param ranges: the lowest first
    :param most: no more than so many, the first ones
    """
    found: list[Row] = []
    each_row(layout, ranges, found.append, shop_id=shop_id, most=most)
    return found


def each_row(
    layout: Layout,
    ranges: Sequence[Range],
    take: Callable[[Row], None],
    *,
    shop_id: int | None,
    most: int | None = None,
) -> None:
    """Hand over what :func:`rows_in` returns, row by row as they come."""
    reader = _Reader(layout, take)
    of_shop = "" if shop_id is None else f"shop_id = {int(shop_id)} AND "
    for at in range(0, len(ranges), MOST_RANGES):
        left = "" if most is None else f" LIMIT {most - reader.rows}"
        some = ranges[at : at + MOST_RANGES]
        within = " OR ".join(f"arrival BETWEEN {int(low)} AND {int(high)}" for low, high in some)
        copy(f"{reader.select} WHERE {of_shop}({within}) ORDER BY arrival{left}", reader.take)


def copy(select: str, take: Callable[[bytes], None]) -> None:
    """Send the rows of a SELECT, in PostgreSQL's binary form, to a function one by one."""
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT binary)", _Sink(take))


class _Reader:
    """Makes rows of what a SELECT of a layout sends."""

    def __init__(self, layout: Layout, take: Callable[[Row], None]) -> None:
        self._layout = layout
        self._tag = layout.tag
        self._row = take
        self.rows = 0
        self._leading = ["salt", "erased", *layout.personal]
        columns = [kind.sql(name) for name, kind in layout.columns.items()]
        self.select = f"SELECT {', '.join([*self._leading, *columns])} FROM {layout.table}"  # noqa: S608 -- names of ours

    def take(self, message: bytes) -> None:
        """Hash one row."""
        self.rows += 1
        (salt, erased, *personal), at = seals.fields(message, len(self._leading))
        body = seals.canonical(self._layout, message[at:])
        arrival, id_, shop_id = PLACES.unpack_from(body)
        stands_for, is_half_erased = _personal(salt, erased, personal)
        leaf = seals.leaf(self._tag, stands_for, body)
        self._row(Row(arrival, UUID(bytes=id_), shop_id, leaf, erased, is_half_erased, stands_for, body))


def _personal(
    salt: bytes | None, erased: bytes | None, personal: Iterable[bytes | None]
) -> tuple[bytes, bool]:
    """Return what stands for the personal part of a row, and whether an erasure left some of it."""
    left = [value for value in (salt, *personal) if value is not None]
    if erased is not None:
        return rules.kept_hash(erased), bool(left)
    if salt is None:
        # Nobody was meant: there is nothing to hide, and nothing may be there.
        return seals.NOTHING_PERSONAL, bool(left)
    key, inputs = personal
    return rules.personal_hash(salt, key.hex() if key else None, inputs), False


def looked_at(ledger: Ledger) -> tuple[int, list[Gap]]:
    """Return up to which number a ledger was looked at, and what is still open below."""
    cursor = SealCursor.objects.filter(ledger=ledger).first()
    return (cursor.seen, [Gap(*gap) for gap in cursor.gaps]) if cursor else (0, [])


def unsealed(shop_id: int, ledger: Ledger, *, seen: int, gaps: Sequence[Gap]) -> Unsealed:
    """Count the rows of a shop that came after the last look, or late since."""
    table = seals.LAYOUTS[ledger][-1].table
    late = "".join(f" OR arrival BETWEEN {int(gap.low)} AND {int(gap.high)}" for gap in gaps)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), min(at) FROM {table} WHERE shop_id = %s AND (arrival > %s{late})",  # noqa: S608 -- numbers
            [shop_id, seen],
        )
        return Unsealed(*cursor.fetchone())

"""Reads the bodies of decisions from their rows or, where several share one, from the table of contents."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from backend.audit import rules
from backend.audit.models import Content, Decision
from backend.audit.values import ShownItem
from backend.core.errors import Corrupt
from backend.core.ids import made_at

# By shop, day and address.
Place = tuple[int, date, bytes]

NOTHING: Final = rules.pack(b"")


class ContentMissing(Corrupt):
    """A decision refers to a content that is gone."""

    code = "content_missing"


class Reader:
    """
    Reads some decisions together, with what their records tell: one statement for each level of addresses.

    A row may name a list of what went in, which may name a part that it shares with others, which may name
    the rules.
    """

    def __init__(self, rows: Sequence[Decision]) -> None:
        self._contents: dict[Place, bytes] = {}
        # Of each damaged row what is wrong with its bodies: it must not keep the others from being read.
        self.damage: dict[UUID, Corrupt] = {}
        self._load((row, stored) for row in rows for stored in (row.items_packed, row.inputs_packed))
        own = {row.id: self._named(row, row.inputs_packed) for row in rows}
        self._load((row, own[row.id].get(rules.MORE)) for row in rows)
        self._all: dict[UUID, dict[str, bytes]] = {}
        for row in rows:
            more = own[row.id].pop(rules.MORE, None)
            self._all[row.id] = own[row.id] | self._named(row, more)
        told = (rules.APPLIED, rules.FEATURES)
        self._load((row, self._all[row.id].get(name)) for row in rows for name in told)

    def named(self, row: Decision) -> dict[str, bytes]:
        """Return the stored bodies of what went into a decision, by name."""
        return self._all[row.id]

    def load(self, rows: Iterable[Decision], names: Collection[str] | None = None) -> None:
        """Read what went into some of the decisions: all of it, or what has one of some names."""
        self._load(
            (row, stored)
            for row in rows
            for name, stored in self._all[row.id].items()
            if names is None or name in names
        )

    def body(self, row: Decision, stored: Any) -> bytes:
        """
        Return a body, wherever it stands.

        :raises ContentMissing: if it is among the contents no more
        :raises rules.BodyUnreadable: if it is not what was written
        """
        place = _place(row, stored)
        if place is None:
            return rules.unpack(bytes(stored))
        if place not in self._contents:
            raise ContentMissing(f"A content of decision {row.id} is not there.")
        return rules.unpack(self._contents[place])

    def _named(self, row: Decision, stored: Any) -> dict[str, bytes]:
        try:
            return {} if stored is None else rules.unpack_named(self.body(row, stored))
        except Corrupt as error:
            self.damage.setdefault(row.id, error)
            return {}

    def items(self, row: Decision) -> tuple[ShownItem, ...]:
        """Return what was shown; nothing where that is damaged."""
        try:
            return rules.unpack_items(self.body(row, row.items_packed))
        except Corrupt as error:
            self.damage.setdefault(row.id, error)
            return ()

    def words(self, row: Decision, name: str) -> tuple[str, ...]:
        """Return the words of a body that is read with every record; none where they are damaged."""
        try:
            return rules.unpack_words(self.body(row, self._all[row.id].get(name, NOTHING)))
        except Corrupt as error:
            self.damage.setdefault(row.id, error)
            return ()

    def _load(self, stored: Iterable[tuple[Decision, Any]]) -> None:
        wanted = {place for row, one in stored if (place := _place(row, one)) is not None}
        wanted -= self._contents.keys()
        if not wanted:
            return
        shops, days, addresses = zip(*wanted, strict=True)
        rows = Content.objects.across_shops(reason="of decisions that were asked for by shop").filter(
            shop_id__in=set(shops), day__in=set(days), digest__in={UUID(bytes=one) for one in addresses}
        )
        for shop_id, day, digest, body in rows.values_list("shop_id", "day", "digest", "body"):
            self._contents[shop_id, day, digest.bytes] = bytes(body)


def _place(row: Decision, stored: Any) -> Place | None:
    """Return where a body is, if not in its row."""
    address = None if stored is None else rules.address_of(bytes(stored))
    return (row.shop_id, made_at(row.id).date(), address) if address else None

"""What is known of a chain while it is walked."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from backend.audit import rules, seals
from backend.audit.seals import Layout, Row
from backend.audit.values import Fault, Finding

# What is told of one chain. Whoever finds more has no use for the rest.
MOST_FINDINGS: Final = 1_000
# Rows that no segment has named yet: those of a transaction that was under way for long, unless added. Where
# the segments of a whole ledger were dropped it would be all of its rows, and nobody reads of so many.
MOST_STRAYS: Final = 100_000
FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1


class References:
    """Collects the shared contents that rows refer to, each with the first row that does."""

    def __init__(self) -> None:
        self.first: dict[tuple[date, bytes], Row] = {}
        # Contents that name others.
        self.inputs: dict[tuple[date, bytes], Row] = {}

    def note(self, layout: Layout, row: Row) -> None:
        """Take what one row that is as it was sealed holds in place of its bodies."""
        if not layout.bodies:
            return
        found, _ = seals.fields(row.body, len(layout.columns))
        bodies = [found[place] for place in layout.bodies]
        for stored in bodies:
            self._note(row, stored)
        if (inputs := bodies[-1]) is not None:
            self._note_inputs(row, inputs)

    def _note(self, row: Row, stored: bytes | None) -> None:
        address = rules.address_of(stored)
        if address is not None and (row.day, address) not in self.first:
            self.first[row.day, address] = row._replace(body=b"")

    def _note_inputs(self, row: Row, stored: bytes) -> None:
        """Take what inputs name: at once where they stand in the row, of which there may be millions."""
        if rules.address_of(stored) is not None:
            self.inputs.setdefault((row.day, stored), row._replace(body=b""))
            return
        for name, body in rules.unpack_named(rules.unpack(stored)).items():
            self._note(row, body)
            if name == rules.MORE:
                self._note_inputs(row, body)


@dataclass
class Walk:
    """What is known while a chain is walked."""

    shop_id: int
    layouts: dict[int, Layout]
    retired_before: date
    findings: list[Finding] = field(default_factory=list)
    segments: int = 0
    rows: int = 0
    erased: Counter[UUID] = field(default_factory=Counter)
    first_erased: dict[UUID, Row] = field(default_factory=dict)
    retired: int = 0
    strays: dict[int, list[Row]] = field(default_factory=dict)
    references: References = field(default_factory=References)

    @property
    def is_full(self) -> bool:
        """Return whether nobody would read more."""
        return len(self.findings) >= MOST_FINDINGS

    def note_stray(self, row: Row) -> None:
        """Keep a row that no segment of its batch names, without its body."""
        if len(self.strays) < MOST_STRAYS:
            self.strays.setdefault(row.arrival, []).append(row._replace(body=b""))

    def tell(
        self,
        fault: Fault,
        words: str,
        *,
        row: Row | None = None,
        arrival: int | None = None,
        segment: int | None,
    ) -> None:
        """Note what is wrong, about a row or else about a number or a segment."""
        if not self.is_full:
            arrival = row.arrival if row else arrival
            self.findings.append(Finding(fault, words, arrival, row.id if row else None, segment))

"""What stands beside the chain: rows that no seal names, the acts behind erasures, shared contents."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from backend.audit import reading, rules, seals
from backend.audit.models import Content, LedgerEvent, Segment
from backend.audit.seals import Gap, Row
from backend.audit.values import Event, Fault, Ledger, Unsealed
from backend.audit.verifying.walk import MOST_STRAYS, Walk

# Acts that rows may be erased in the name of.
ERASING: Final = (Event.CUSTOMER_REDACTED,)


def check_tail(walk: Walk, ledger: Ledger, *, low: int, seen: int, gaps: list[Gap]) -> Unsealed:
    """Return what waits to be sealed; a row among numbers that were looked at is no such thing."""
    layout = seals.LAYOUTS[ledger][-1]
    if low <= seen:
        for row in reading.rows_in(layout, [(low, seen)], shop_id=walk.shop_id, most=MOST_STRAYS):
            walk.note_stray(row)
    return reading.unsealed(walk.shop_id, ledger, seen=max(seen, low - 1), gaps=gaps)


def check_strays(walk: Walk, ledger: Ledger, *, gaps: Sequence[Gap]) -> None:
    """Tell which rows that no segment of their batch named are named by none: they were added."""
    rows = [row for _, some in sorted(walk.strays.items()) for row in some]
    for row in rows:
        if walk.is_full:
            return
        if seals.is_among(gaps, row.arrival) or _is_sealed(walk.shop_id, ledger, row.arrival):
            continue
        words = (
            f"Row {row.id} stands at number {row.arrival}, where no row was sealed: it was added afterwards."
        )
        walk.tell(Fault.ADDED, words, row=row, segment=None)


def _is_sealed(shop_id: int, ledger: Ledger, arrival: int) -> bool:
    near = Segment.objects.for_shop(shop_id).filter(
        ledger=ledger, first_arrival__lte=arrival, last_arrival__gte=arrival, arrivals__isnull=False
    )
    return any(
        arrival in seals.unpack_arrivals(bytes(packed))
        for packed in near.values_list("arrivals", flat=True).iterator(chunk_size=100)
        if packed is not None
    )


def check_erasures(walk: Walk) -> None:
    """Look for the act behind each erasure, and whether it tells of as many rows."""
    acts = LedgerEvent.objects.for_shop(walk.shop_id).filter(id__in=[*walk.erased], event__in=ERASING)
    told = {act.id: _decisions(act.details) for act in acts}
    for act, count in walk.erased.items():
        row = walk.first_erased[act]
        if act not in told:
            words = f"Row {row.id} was erased, and the act {act} that it names is not in the ledger."
        elif count > told[act]:
            words = f"{count} rows were erased in the name of act {act}, which tells of {told[act]}."
        else:
            continue
        walk.tell(Fault.ERASED, words, row=row, segment=None)


def _decisions(details: Any) -> int:
    """Return how many decisions an act tells of; one that does not say covers none."""
    count = details.get("decisions") if isinstance(details, dict) else None
    return count if isinstance(count, int) else 0


def check_contents(walk: Walk) -> None:
    """Hash the contents that rows share, and look for those that are gone."""
    wanted = dict(walk.references.first)
    for (day, stored), row in walk.references.inputs.items():
        for address in _nested(walk.shop_id, day, stored):
            former = wanted.get((day, address), row)
            wanted[day, address] = min(former, row, key=lambda one: one.arrival)
    by_day: dict[date, dict[bytes, Row]] = defaultdict(dict)
    for (day, address), row in wanted.items():
        by_day[day][address] = row
    for day, addresses in sorted(by_day.items()):
        good = _good_contents(walk.shop_id, day)
        for address, row in addresses.items():
            if address not in good and day >= walk.retired_before:
                words = f"Row {row.id} refers to the content {address.hex()}, which is gone or was changed."
                walk.tell(Fault.CONTENT, words, row=row, segment=None)


def _good_contents(shop_id: int, day: date) -> set[bytes]:
    rows = Content.objects.for_shop(shop_id).filter(day=day).values_list("digest", "body")
    return {
        digest.bytes
        for digest, body in rows.iterator(chunk_size=1_000)
        if rules.digest(bytes(body)) == digest.bytes
    }


def _nested(shop_id: int, day: date, stored: bytes) -> Iterator[bytes]:
    """Yield the addresses that a row's inputs name, themselves shared or not, and all those below them."""
    address = rules.address_of(stored)
    if address is not None:
        rows = Content.objects.for_shop(shop_id).filter(day=day, digest=UUID(bytes=address))
        found = rows.values_list("body", flat=True).first()
        if found is None or rules.digest(bytes(found)) != address:
            return
        stored = bytes(found)
    for name, body in rules.unpack_named(rules.unpack(stored)).items():
        if (inner := rules.address_of(body)) is not None:
            yield inner
        if name == rules.MORE:
            yield from _nested(shop_id, day, body)

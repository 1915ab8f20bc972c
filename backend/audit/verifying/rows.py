"""The rows of segments: each hashed anew and compared with what was sealed."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from backend.audit import reading, rules, seals
from backend.audit.models import LedgerEvent, Segment
from backend.audit.seals import LEAF_BYTES, Layout, Row
from backend.audit.values import Event, Fault, Ledger
from backend.audit.verifying.walk import MOST_FINDINGS, Walk

# Rows that may have changed places with each other, looked at pairwise.
MOST_PAIRS: Final = 200


def check_rows(walk: Walk, batch: Sequence[Segment], *, low: int) -> int:
    """Compare the rows of some segments with what was sealed; return where the next ones begin."""
    bodies = [one for one in batch if one.arrivals is not None and one.leaves is not None]
    walk.retired += sum(one.count for one in batch if one not in bodies)
    for segment in batch:
        if segment not in bodies and segment.day >= walk.retired_before:
            words = f"Segment {segment.number} has lost the hashes of its rows, and no retention took them."
            walk.tell(Fault.DROPPED, words, arrival=segment.first_arrival, segment=segment.number)
    high = max((one.last_arrival for one in batch), default=low)
    layouts = {one.layout for one in bodies}
    for number in sorted(layouts):
        _check_layout(walk, [one for one in bodies if one.layout == number], low=low, high=high)
    return max(low, high + 1)


def _check_layout(walk: Walk, batch: Sequence[Segment], *, low: int, high: int) -> None:
    """Compare the rows of segments of one layout, from ``low`` to ``high`` and what came late."""
    sealed: dict[int, tuple[bytes, Segment]] = {}
    for segment in batch:
        leaves = seals.unpack_leaves(bytes(segment.leaves or b""))
        arrivals = seals.unpack_arrivals(bytes(segment.arrivals or b""))
        for arrival, leaf in zip(arrivals, leaves, strict=False):
            # What was sealed first counts: a sealer that was sent back seals what stands there by then.
            sealed.setdefault(arrival, (leaf, segment))
    late = sorted(arrival for arrival in sealed if arrival < low)
    for arrival in late:
        # A former batch did not know where they belong; here they are looked at again.
        walk.strays.pop(arrival, None)
    ranges = [(arrival, arrival) for arrival in late]
    if low <= high:
        ranges.append((low, high))
    layout = walk.layouts.get(batch[0].layout)
    if layout is None:
        # Its head has told already that it is not what was sealed.
        return
    found: dict[int, bytes] = {}
    altered: dict[int, list[Row]] = defaultdict(list)

    def compare(row: Row) -> None:
        if row.arrival not in sealed:
            walk.note_stray(row)
        elif sealed[row.arrival][0] != row.leaf[:LEAF_BYTES] or row.arrival in found:
            altered[row.arrival].append(row)
        else:
            found[row.arrival] = row.leaf
            _note_row(walk, layout, row, sealed[row.arrival][1])

    # One by one: where segments are gone, all of their rows stand in between.
    reading.each_row(layout, ranges, compare, shop_id=walk.shop_id)
    _tell_altered(walk, layout, altered, found, sealed)
    _tell_dropped(walk, layout, set(sealed) - set(found) - set(altered), sealed)
    for segment in batch:
        _check_contents_hash(walk, segment, found)


def _note_row(walk: Walk, layout: Layout, row: Row, segment: Segment) -> None:
    walk.rows += 1
    walk.references.note(layout, row)
    if row.erased is None:
        if row.is_half_erased:
            words = f"Row {row.id} names a visitor, but was sealed without one."
            walk.tell(Fault.ALTERED, words, row=row, segment=segment.number)
        return
    if not rules.names_act(row.erased):
        words = f"Row {row.id} was erased without naming an act."
        walk.tell(Fault.ERASED, words, row=row, segment=segment.number)
        return
    act = rules.act_of(row.erased)
    walk.erased[act] += 1
    walk.first_erased.setdefault(act, row)
    if row.is_half_erased:
        words = f"Row {row.id} was erased, but something personal stands in it."
        walk.tell(Fault.ALTERED, words, row=row, segment=segment.number)


def _tell_altered(
    walk: Walk,
    layout: Layout,
    altered: dict[int, list[Row]],
    found: dict[int, bytes],
    sealed: dict[int, tuple[bytes, Segment]],
) -> None:
    owners = _owners(layout, altered, sealed)
    for arrival, rows in sorted(altered.items()):
        number = sealed[arrival][1].number
        for row in rows:
            if arrival in found:
                words = f"Row {row.id} was added under number {arrival}, which another row was sealed with."
                walk.tell(Fault.ADDED, words, row=row, segment=number)
            elif (was := owners.get((arrival, row.id))) is not None:
                words = (
                    f"Row {row.id} stands at number {arrival}, but was sealed at {was}: rows were reordered."
                )
                walk.tell(Fault.REORDERED, words, row=row, segment=number)
            else:
                words = f"Row {row.id} (number {arrival}) is not as it was sealed: it was altered."
                walk.tell(Fault.ALTERED, words, row=row, segment=number)


def _owners(
    layout: Layout, altered: dict[int, list[Row]], sealed: dict[int, tuple[bytes, Segment]]
) -> dict[tuple[int, UUID], int]:
    """Return for rows that changed places the number that each was sealed at."""
    rows = [row for some in altered.values() for row in some][:MOST_PAIRS]
    wanted = {sealed[arrival][0]: arrival for arrival in list(altered)[:MOST_PAIRS]}
    found = {}
    for row in rows:
        for arrival in wanted.values():
            leaf = seals.leaf_at(layout.tag, row, arrival)
            if wanted.get(leaf[:LEAF_BYTES]) == arrival != row.arrival:
                found[row.arrival, row.id] = arrival
    return found


def _tell_dropped(
    walk: Walk, layout: Layout, arrivals: set[int], sealed: dict[int, tuple[bytes, Segment]]
) -> None:
    if arrivals:
        # Once more: retention may have gone on meanwhile.
        walk.retired_before = retired_before(walk.shop_id, layout.ledger)
    gone = {one for one in arrivals if sealed[one][1].day >= walk.retired_before}
    walk.retired += len(arrivals) - len(gone)
    ranges = [(one, one) for one in sorted(gone)[:MOST_FINDINGS]]
    elsewhere = {row.arrival: row for row in reading.rows_in(layout, ranges)} if ranges else {}
    for arrival in sorted(gone):
        number = sealed[arrival][1].number
        row = elsewhere.get(arrival)
        if row is not None:
            words = (
                f"Row {row.id} (number {arrival}) was sealed for this shop and is shop {row.shop_id}'s now."
            )
            walk.tell(Fault.MOVED, words, row=row, segment=number)
        else:
            words = f"The row with number {arrival} was sealed in segment {number} and is gone."
            walk.tell(Fault.DROPPED, words, arrival=arrival, segment=number)


def _check_contents_hash(walk: Walk, segment: Segment, found: dict[int, bytes]) -> None:
    """Check the whole leaves of a segment whose rows are all there; their halves have named the others."""
    leaves = [found.get(arrival) for arrival in seals.unpack_arrivals(bytes(segment.arrivals or b""))]
    whole = [leaf for leaf in leaves if leaf is not None]
    if len(whole) == len(leaves) and seals.contents_hash(whole) != bytes(segment.contents_hash):
        words = f"The rows of segment {segment.number} are not as they were sealed."
        walk.tell(Fault.ALTERED, words, arrival=segment.first_arrival, segment=segment.number)


def retired_before(shop_id: int, ledger: Ledger) -> date:
    """Return the first day that retention has left in a ledger, as the shop's acts tell it."""
    acts = LedgerEvent.objects.for_shop(shop_id).filter(
        event=Event.LEDGER_RETIRED, details__ledger=ledger.value
    )
    return max((_day(details) for details in acts.values_list("details", flat=True)), default=date.min)


def _day(details: Any) -> date:
    """Return the day that an act tells of; an act that was made unreadable has retired nothing."""
    try:
        return date.fromisoformat(details["before"])
    except (KeyError, TypeError, ValueError):
        return date.min

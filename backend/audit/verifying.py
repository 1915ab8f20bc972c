"""Verification: walk a chain from its first segment, hash its rows anew, and name what differs."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db.models import Subquery

from backend.audit import anchoring, reading, rules, seals
from backend.audit.models import Chain, Content, LedgerEvent, Segment
from backend.audit.seals import LEAF_BYTES, Gap, Layout, Row
from backend.audit.values import (
    Event,
    Fault,
    Finding,
    Ledger,
    SealedHead,
    Unsealed,
    Verification,
)
from backend.core import signatures

log = structlog.get_logger(__name__)

# Rows that are held in memory at once.
BATCH_ROWS: Final = 20_000
SEGMENTS: Final = 2_000
# What is told of one chain. Whoever finds more has no use for the rest.
MOST_FINDINGS: Final = 1_000
# Rows that may have changed places with each other, looked at pairwise.
MOST_PAIRS: Final = 200
# Acts that rows may be erased in the name of.
ERASING: Final = (Event.CUSTOMER_REDACTED,)
FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1


class References:
    """Collects the shared contents that rows refer to, each with the first row that does."""

    def __init__(self) -> None:
        self.first: dict[tuple[date, bytes], Row] = {}
        self.packed_inputs: dict[tuple[date, bytes], Row] = {}

    def note(self, layout: Layout, row: Row) -> None:
        """Take what one row that is as it was sealed holds in place of its bodies."""
        if not layout.bodies:
            return
        found, _ = seals.fields(row.body, len(layout.columns))
        bodies = [found[place] for place in layout.bodies]
        for stored in bodies:
            if (address := rules.address_of(stored)) is not None:
                self.first.setdefault((row.day, address), row)
        if (inputs := bodies[-1]) is not None:
            self.packed_inputs.setdefault((row.day, inputs), row)


@dataclass
class _Walk:
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
    strays: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    references: References = field(default_factory=References)

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
        if len(self.findings) < MOST_FINDINGS:
            arrival = row.arrival if row else arrival
            self.findings.append(Finding(fault, words, arrival, row.id if row else None, segment))


def verify(
    shop_id: int, ledger: Ledger, *, after: int = 0, anchors: Sequence[SealedHead] = ()
) -> Verification:
    """
    Verify a shop's chain and every row that it sealed.

    :param after: the number of a segment that was verified before; only what came later is looked at
    :param anchors: heads of the chain that were kept outside the database
    """
    layouts = {layout.number: layout for layout in seals.LAYOUTS[ledger]}
    walk = _Walk(shop_id, layouts, _retired_before(shop_id, ledger))
    chain = Chain.objects.for_shop(shop_id).filter(ledger=ledger).first()
    low = FIRST
    if chain is not None:
        low = _walk(walk, chain, after=after)
        _check_end(walk, chain)
    seen, gaps = reading.looked_at(ledger)
    unsealed = _tail(walk, ledger, low=low, seen=seen, gaps=gaps)
    _check_strays(walk, ledger, gaps=gaps)
    _check_erasures(walk)
    _check_contents(walk)
    _check_anchors(walk, chain, ledger, anchors)
    return Verification(
        ledger=ledger,
        segments=walk.segments,
        rows=walk.rows,
        erased=walk.erased.total(),
        retired=walk.retired,
        unsealed=unsealed,
        findings=tuple(sorted(walk.findings, key=_place)),
    )


def _place(finding: Finding) -> tuple[int, int]:
    return (LAST if finding.arrival is None else finding.arrival, finding.segment or 0)


# The chain


def _walk(walk: _Walk, chain: Chain, *, after: int) -> int:
    """Verify segment after segment, and the rows of some at a time; return the last number they cover."""
    former, low = _start(chain, after)
    batch: list[Segment] = []
    number = after
    for segment in _segments(chain, after=after):
        number += 1
        if segment.number != number:
            words = f"Segment {number} is missing: after {number - 1} comes {segment.number}."
            walk.tell(Fault.RESEALED, words, arrival=segment.first_arrival, segment=number)
            number = segment.number
        _check_segment(walk, chain, segment, former)
        former = bytes(segment.head)
        batch.append(segment)
        if sum(one.count for one in batch) >= BATCH_ROWS:
            low = _check_rows(walk, batch, low=low)
            batch = []
    return _check_rows(walk, batch, low=low) if batch else low


def _start(chain: Chain, after: int) -> tuple[bytes, int]:
    """Return the head and the last number before the first segment that is looked at."""
    segment = _of(chain).filter(number=after).first() if after else None
    if segment is None:
        return seals.first_head(chain.uuid), FIRST
    covered = _of(chain).filter(number__lte=after).order_by("-last_arrival").first()
    return bytes(segment.head), covered.last_arrival + 1 if covered else FIRST


def _of(chain: Chain) -> Any:
    return Segment.objects.for_shop(chain.shop_id).filter(ledger=chain.ledger)


def _segments(chain: Chain, *, after: int) -> Iterator[Segment]:
    """Yield the segments in order, some at a time: no cursor stays open while rows are read."""
    while some := list(_of(chain).filter(number__gt=after).order_by("number")[:SEGMENTS]):
        yield from some
        after = some[-1].number


def _check_segment(walk: _Walk, chain: Chain, segment: Segment, former: bytes) -> None:
    """Check what was signed: the segment's own words, what it names, and that it follows the one before."""
    walk.segments += 1
    words = _fault_of(chain, segment, former)
    if words is not None:
        told = f"Segment {segment.number} is not what was sealed: {words}"
        walk.tell(Fault.RESEALED, told, arrival=segment.first_arrival, segment=segment.number)


def _fault_of(chain: Chain, segment: Segment, former: bytes) -> str | None:
    if segment.arrivals is not None and segment.leaves is not None:
        if seals.body_hash(bytes(segment.arrivals), bytes(segment.leaves)) != bytes(segment.body_hash):
            return "the hashes of its rows were changed."
        arrivals = seals.unpack_arrivals(bytes(segment.arrivals))
        told = [segment.count, segment.first_arrival, segment.last_arrival]
        if [len(arrivals), *arrivals[:1], *arrivals[-1:]] != told:
            return "it says of itself what its rows do not."
    if _sealed(chain, segment).head(former) != bytes(segment.head):
        return "its head is not made of it and the head before."
    key_id = bytes(segment.key_id)
    if not signatures.is_known(key_id):
        return f"it is signed by the unknown key {key_id.hex()}; see LEDGER_FORMER_KEYS."
    signed = seals.SIGNED_AS + bytes(segment.head)
    if not signatures.is_signed(signed, bytes(segment.signature), key_id=key_id):
        return "its signature is not that of its head."
    return None


def _sealed(chain: Chain, segment: Segment) -> seals.Segment:
    return seals.Segment(
        chain=chain.uuid,
        shop_id=segment.shop_id,
        ledger=Ledger(segment.ledger),
        number=segment.number,
        layout=segment.layout,
        day=segment.day,
        count=segment.count,
        sealed_at=segment.sealed_at,
        body=bytes(segment.body_hash),
        contents=bytes(segment.contents_hash),
    )


def _check_end(walk: _Walk, chain: Chain) -> None:
    newest = Segment.objects.for_shop(chain.shop_id).filter(ledger=chain.ledger).order_by("-number")
    # One statement, so that both are of one moment: a sealer may be at work.
    end = (
        Chain.objects.for_shop(chain.shop_id)
        .filter(id=chain.id)
        .values_list("number", "head")
        .annotate(
            last=Subquery(newest.values("number")[:1]),
            last_head=Subquery(newest.values("head")[:1]),
            last_arrival=Subquery(newest.values("last_arrival")[:1]),
        )
        .first()
    )
    if end is None:
        return
    sealed, head, number, last_head, last_arrival = end
    if (number or 0, bytes(last_head or b"")) != (sealed, bytes(head)):
        number = number or 0
        words = f"The chain ends with segment {number}, but {sealed} were sealed."
        arrival = None if last_arrival is None else last_arrival + 1
        walk.tell(Fault.TAIL, words, arrival=arrival, segment=number + 1)


# The rows


def _check_rows(walk: _Walk, batch: Sequence[Segment], *, low: int) -> int:
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


def _check_layout(walk: _Walk, batch: Sequence[Segment], *, low: int, high: int) -> None:
    """Compare the rows of segments of one layout, from ``low`` to ``high`` and what came late."""
    sealed: dict[int, tuple[bytes, Segment]] = {}
    for segment in batch:
        leaves = seals.unpack_leaves(bytes(segment.leaves or b""))
        arrivals = seals.unpack_arrivals(bytes(segment.arrivals or b""))
        sealed |= {arrival: (leaf, segment) for arrival, leaf in zip(arrivals, leaves, strict=False)}
    late = sorted(arrival for arrival in sealed if arrival < low)
    ranges = [(arrival, arrival) for arrival in late]
    if low <= high:
        ranges.append((low, high))
    layout = walk.layouts.get(batch[0].layout)
    if layout is None:
        # Its head has told already that it is not what was sealed.
        return
    rows = reading.rows_in(layout, ranges, shop_id=walk.shop_id)
    found: dict[int, bytes] = {}
    altered: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.arrival not in sealed:
            walk.strays[row.arrival].append(row)
        elif sealed[row.arrival][0] != row.leaf[:LEAF_BYTES] or row.arrival in found:
            altered[row.arrival].append(row)
        else:
            found[row.arrival] = row.leaf
            _note_row(walk, layout, row, sealed[row.arrival][1])
    _tell_altered(walk, layout, altered, found, sealed)
    _tell_dropped(walk, layout, set(sealed) - set(found) - set(altered), sealed)
    for segment in batch:
        _check_contents_hash(walk, segment, found)


def _note_row(walk: _Walk, layout: Layout, row: Row, segment: Segment) -> None:
    walk.rows += 1
    walk.references.note(layout, row)
    if row.erased is None:
        if row.is_half_erased:
            words = f"Row {row.id} names a visitor, but was sealed without one."
            walk.tell(Fault.ALTERED, words, row=row, segment=segment.number)
        return
    if len(row.erased) != rules.HASH_BYTES + rules.ACT_BYTES:
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
    walk: _Walk,
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
    walk: _Walk, layout: Layout, arrivals: set[int], sealed: dict[int, tuple[bytes, Segment]]
) -> None:
    if arrivals:
        # Once more: retention may have gone on meanwhile.
        walk.retired_before = _retired_before(walk.shop_id, layout.ledger)
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


def _check_contents_hash(walk: _Walk, segment: Segment, found: dict[int, bytes]) -> None:
    """Check the whole leaves of a segment whose rows are all there; their halves have named the others."""
    leaves = [found.get(arrival) for arrival in seals.unpack_arrivals(bytes(segment.arrivals or b""))]
    whole = [leaf for leaf in leaves if leaf is not None]
    if len(whole) == len(leaves) and seals.contents_hash(whole) != bytes(segment.contents_hash):
        words = f"The rows of segment {segment.number} are not as they were sealed."
        walk.tell(Fault.ALTERED, words, arrival=segment.first_arrival, segment=segment.number)


# What no seal names


def _tail(walk: _Walk, ledger: Ledger, *, low: int, seen: int, gaps: list[Gap]) -> Unsealed:
    """Return what waits to be sealed; a row among numbers that were looked at is no such thing."""
    layout = seals.LAYOUTS[ledger][-1]
    if low <= seen:
        for row in reading.rows_in(layout, [(low, seen)], shop_id=walk.shop_id):
            walk.strays[row.arrival].append(row)
    return reading.unsealed(walk.shop_id, ledger, seen=max(seen, low - 1), gaps=gaps)


def _check_strays(walk: _Walk, ledger: Ledger, *, gaps: Sequence[Gap]) -> None:
    """Tell which rows that no segment of their batch named are named by none: they were added."""
    rows = [row for _, some in sorted(walk.strays.items()) for row in some]
    for row in rows:
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


# Erasures, contents, retention


def _check_erasures(walk: _Walk) -> None:
    """Look for the act behind each erasure, and whether it tells of as many rows."""
    acts = LedgerEvent.objects.for_shop(walk.shop_id).filter(id__in=[*walk.erased], event__in=ERASING)
    told = {act.id: act.details.get("decisions") for act in acts}
    for act, count in walk.erased.items():
        row = walk.first_erased[act]
        if act not in told:
            words = f"Row {row.id} was erased, and the act {act} that it names is not in the ledger."
        elif told[act] is not None and count > told[act]:
            words = f"{count} rows were erased in the name of act {act}, which tells of {told[act]}."
        else:
            continue
        walk.tell(Fault.ERASED, words, row=row, segment=None)


def _check_contents(walk: _Walk) -> None:
    """Hash the contents that rows share, and look for those that are gone."""
    wanted = dict(walk.references.first)
    for (day, stored), row in walk.references.packed_inputs.items():
        wanted |= {(day, address): row for address in _nested(walk.shop_id, day, stored)}
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


def _check_anchors(walk: _Walk, chain: Chain | None, ledger: Ledger, anchors: Sequence[SealedHead]) -> None:
    """Compare heads that were kept outside with the chain that is there."""
    mine = [one for one in anchors if (one.shop_id, one.ledger) == (walk.shop_id, ledger)]
    good = 0
    for anchor in sorted(mine, key=lambda one: one.number):
        if chain is None or chain.uuid != anchor.chain:
            if not anchoring.has_ended(anchor.chain):
                words = (
                    f"The chain {anchor.chain}, anchored at {anchor.sealed_at:%Y-%m-%d %H:%M} UTC, is gone."
                )
                walk.tell(Fault.TAIL, words, segment=1)
            continue
        segment = _of(chain).filter(number=anchor.number).first()
        if segment is not None and bytes(segment.head).hex() == anchor.head:
            good = anchor.number
            continue
        first = _of(chain).filter(number__gt=good).order_by("number").first()
        if segment is None:
            words = f"Segment {anchor.number} was anchored and is gone: the end of the chain was cut off."
            last = _of(chain).order_by("-number").first()
            arrival = last.last_arrival + 1 if last else None
            walk.tell(Fault.TAIL, words, arrival=arrival, segment=last.number + 1 if last else 1)
        else:
            words = f"Segment {anchor.number} is not the anchored one: from {good + 1} on all was made anew."
            arrival = first.first_arrival if first else None
            walk.tell(Fault.RESEALED, words, arrival=arrival, segment=good + 1)


def _retired_before(shop_id: int, ledger: Ledger) -> date:
    """Return the first day that retention has left in a ledger, as the shop's acts tell it."""
    acts = LedgerEvent.objects.for_shop(shop_id).filter(
        event=Event.LEDGER_RETIRED, details__ledger=ledger.value
    )
    days = [date.fromisoformat(details["before"]) for details in acts.values_list("details", flat=True)]
    return max(days, default=date.min)


def words(verification: Verification) -> str:
    """Return in a sentence what is wrong first, and how much else; empty where nothing is."""
    first = verification.first_bad
    if first is None:
        return ""
    more = len(verification.findings) - 1
    return first.words + (f" And {more} more." if more else "")


def verify_shop(shop_id: int, *, is_whole: bool, now: datetime) -> list[Verification]:
    """
    Verify both ledgers of a shop, remember what was found for the pages of staff, and report what is wrong.

    :param is_whole: look at everything again, and not only at what was sealed since the last time
    """
    found = []
    for ledger in Ledger:
        chain = Chain.objects.for_shop(shop_id).filter(ledger=ledger).first()
        if chain is None:
            continue
        done = verify(shop_id, ledger, after=0 if is_whole else chain.verified_number)
        _note(chain, done, now=now)
        found.append(done)
    return found


def _note(chain: Chain, done: Verification, *, now: datetime) -> None:
    values: dict[str, Any] = {"verified_at": now, "finding": words(done)}
    if done.ok:
        values["verified_number"] = chain.number
    else:
        log.error("ledger_tampered", shop_id=chain.shop_id, ledger=chain.ledger, findings=len(done.findings))
    Chain.objects.for_shop(chain.shop_id).filter(id=chain.id).update(**values)

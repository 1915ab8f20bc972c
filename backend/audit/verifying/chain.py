"""The chain itself: what was signed, that it hangs together, and that its end is there."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db.models import Subquery

from backend.audit import anchoring, seals
from backend.audit.models import Chain, Segment
from backend.audit.values import Fault, Ledger, SealedHead
from backend.audit.verifying.rows import check_rows
from backend.audit.verifying.walk import FIRST, Walk
from backend.core import signatures

# Rows that are held in memory at once, and segments.
BATCH_ROWS: Final = 20_000
SEGMENTS: Final = 2_000


def walk_chain(walk: Walk, chain: Chain, *, after: int) -> int:
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
            low = check_rows(walk, batch, low=low)
            batch = []
    return check_rows(walk, batch, low=low) if batch else low


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


def _check_segment(walk: Walk, chain: Chain, segment: Segment, former: bytes) -> None:
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


def check_end(walk: Walk, chain: Chain) -> None:
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


def check_anchors(walk: Walk, chain: Chain | None, anchors: Sequence[SealedHead]) -> None:
    """Compare heads that were kept outside with the chain that is there."""
    good = 0
    for anchor in sorted(anchors, key=lambda one: one.number):
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

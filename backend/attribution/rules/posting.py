"""Which rows bring what stands in the ledger of credits to what an order says now."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from backend.attribution.values import BoughtOrder, Match, Posting, Reason, Stand


def postings(order: BoughtOrder, stands: Iterable[Stand], matches: Iterable[Match]) -> list[Posting]:
    """
    Return the rows to write; none if all stands as it should.

    What is left of a line under the same claim is corrected by the difference;
    under another claim, the old one is reversed in full and the new one credited.
    """
    by_line = attrgetter("line_id")
    standing = {key: list(few) for key, few in groupby(sorted(stands, key=by_line), key=by_line)}
    wanted = {one.line_id: one for one in matches}
    found = []
    for line_id in sorted(standing.keys() | wanted.keys()):
        found += _line_postings(order, standing.get(line_id, []), wanted.get(line_id))
    return found


def _line_postings(order: BoughtOrder, stands: list[Stand], match: Match | None) -> list[Posting]:
    kept = [one for one in stands if match and _is_same(one, match, order)]
    gone = [one for one in stands if one not in kept]
    reversals = [_reversal(order, one, match) for one in gone]
    if match is None:
        return reversals
    quantity = match.quantity - sum(one.quantity for one in kept)
    amount = match.amount - sum((one.amount for one in kept), Decimal(0))
    if not quantity and not amount:
        return reversals
    if kept:
        reason, caused_by = _of_what_is_left(order, is_less=quantity < 0 or amount < 0)
    elif gone:
        reason, caused_by = reversals[-1].reason, reversals[-1].caused_by
    else:
        reason, caused_by = Reason.BOUGHT, _called(order)
    credit = Posting(
        match.line_id, match.claim, quantity, amount, order.currency, order.placed_at, reason, caused_by
    )
    return [*reversals, credit]


def _is_same(stand: Stand, match: Match, order: BoughtOrder) -> bool:
    return (
        stand.claim == match.claim and stand.currency == order.currency and stand.placed_at == order.placed_at
    )


def _reversal(order: BoughtOrder, stand: Stand, match: Match | None) -> Posting:
    reason, caused_by = _why_gone(order, stand, match)
    return Posting(
        stand.line_id,
        stand.claim,
        -stand.quantity,
        -stand.amount,
        stand.currency,
        stand.placed_at,
        reason,
        caused_by,
    )


def _why_gone(order: BoughtOrder, stand: Stand, match: Match | None) -> tuple[Reason, str]:
    if order.void is not None:
        return order.void, _called(order)
    if match is not None and match.claim != stand.claim:
        return Reason.REPLACED, f"decision {match.claim.decision_id}"
    left = _left_of_lines(order)
    if match is None and left.get(stand.line_id, 0) <= 0:
        return _of_what_is_left(order, is_less=True)
    return Reason.CORRECTED, _called(order)


def _of_what_is_left(order: BoughtOrder, *, is_less: bool) -> tuple[Reason, str]:
    if is_less and order.took_back:
        return Reason.REFUNDED, order.took_back
    return Reason.EDITED, _called(order)


def _left_of_lines(order: BoughtOrder) -> Mapping[int, int]:
    return {line.line_id: line.quantity for line in order.lines}


def _called(order: BoughtOrder) -> str:
    return f"order {order.order_id}"

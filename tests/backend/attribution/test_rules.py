"""Which claims hold, which of them earns a line, and which rows say so."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from backend.attribution.rules import match, postings, prove
from backend.attribution.values import (
    BoughtLine,
    BoughtOrder,
    Claim,
    Kind,
    Match,
    Posting,
    Reason,
    Shown,
    Stand,
    Told,
    Via,
)
from tests.backend.history import NOW

OLDER, NEWER, UNKNOWN = UUID(int=1), UUID(int=2), UUID(int=3)
ADA, BEA = "a" * 32, "b" * 32


def a_line(product_id: int | None = 10, *, line_id: int = 1, quantity: int = 2) -> BoughtLine:
    return BoughtLine(line_id, product_id, quantity, Decimal("19.0000") if quantity else Decimal(0))


def a_bought_order(*lines: BoughtLine, **changes: object) -> BoughtOrder:
    order = BoughtOrder(77, NOW, "GBP", lines or (a_line(),))
    return replace(order, **changes)  # type: ignore[arg-type]


def shown(
    decision: UUID,
    *,
    hours_before: float,
    products: tuple[int, ...] = (10, 11),
    customer_key: str | None = None,
) -> Shown:
    positions = {product: place for place, product in enumerate(products, start=1)}
    return Shown(decision, NOW - timedelta(hours=hours_before), positions, customer_key)


LEDGER = {OLDER: shown(OLDER, hours_before=48), NEWER: shown(NEWER, hours_before=1)}


def told(decision: UUID, product_id: int | None = 10, at: datetime | None = None, **changes: object) -> Told:
    one = Told(Via.ATTRIBUTE, Kind.CLICK, decision, product_id, at)
    return replace(one, **changes)  # type: ignore[arg-type]


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def proved(order: BoughtOrder, *said: Told, ledger: dict[UUID, Shown] = LEDGER) -> list[Claim]:
    return [claim for _, claim in prove(order, said, ledger, customer_key=None)]


def credited(order: BoughtOrder, *said: Told) -> list[tuple[int, UUID, Kind]]:
    found = match(order, proved(order, *said))
    return [(one.line_id, one.claim.decision_id, one.claim.kind) for one in found]


ADDED = {"kind": Kind.ADD_TO_CART}
SEEN = {"kind": Kind.VIEW, "via": Via.CHECKOUT}


@pytest.mark.parametrize(
    ("case", "order", "said", "expected"),
    [
        ("nothing told: no credit", a_bought_order(), [], []),
        ("a click on the bought product", a_bought_order(), [told(OLDER)], [(1, OLDER, Kind.CLICK)]),
        ("a click on another product", a_bought_order(), [told(OLDER, 11)], []),
        (
            "a click that names no product counts for what was shown",
            a_bought_order(a_line(10), a_line(12, line_id=2)),
            [told(OLDER, None)],
            [(1, OLDER, Kind.CLICK)],
        ),
        (
            "the card's button beats a later click",
            a_bought_order(),
            [told(OLDER, at=ago(minutes=9), **ADDED), told(NEWER, at=ago(minutes=1))],
            [(1, OLDER, Kind.ADD_TO_CART)],
        ),
        (
            "the last of two clicks wins, however old its list is",
            a_bought_order(),
            [told(OLDER, at=ago(minutes=5)), told(NEWER, at=ago(minutes=10))],
            [(1, OLDER, Kind.CLICK)],
        ),
        (
            "a click beats a later look",
            a_bought_order(),
            [told(OLDER, at=ago(days=1)), told(NEWER, at=ago(minutes=1), **SEEN)],
            [(1, OLDER, Kind.CLICK)],
        ),
        (
            "what was only seen is told apart",
            a_bought_order(),
            [told(NEWER, at=ago(minutes=1), **SEEN)],
            [(1, NEWER, Kind.VIEW)],
        ),
        ("an id that is not ours", a_bought_order(), [told(UNKNOWN)], []),
        ("a product that was not shown", a_bought_order(a_line(99)), [told(OLDER, 99)], []),
        ("a line refunded in full", a_bought_order(a_line(quantity=0)), [told(OLDER)], []),
        ("a product that is gone", a_bought_order(a_line(None)), [told(OLDER)], []),
        ("a cancelled order", a_bought_order(void=Reason.CANCELLED), [told(OLDER)], []),
        (
            "each line on its own",
            a_bought_order(a_line(10), a_line(11, line_id=2)),
            [told(OLDER), told(NEWER, 11)],
            [(1, OLDER, Kind.CLICK), (2, NEWER, Kind.CLICK)],
        ),
    ],
)
def test_the_best_claim_earns_a_line(
    case: str, order: BoughtOrder, said: list[Told], expected: list[tuple[int, UUID, Kind]]
) -> None:
    assert credited(order, *said) == expected, case


@pytest.mark.parametrize(
    ("case", "kind", "before", "holds"),
    [
        ("a click just before the order", Kind.CLICK, timedelta(0), True),
        ("a click at the window's edge", Kind.CLICK, timedelta(days=7), True),
        ("a click too long ago", Kind.CLICK, timedelta(days=7, seconds=1), False),
        ("a click after the order", Kind.CLICK, timedelta(seconds=-1), False),
        ("a look at the edge of its shorter window", Kind.VIEW, timedelta(days=1), True),
        ("a look too long ago", Kind.VIEW, timedelta(days=1, seconds=1), False),
    ],
)
def test_the_window_runs_from_what_the_shopper_did_however_old_the_list_is(
    case: str, kind: Kind, before: timedelta, holds: bool
) -> None:
    ledger = {OLDER: shown(OLDER, hours_before=30 * 24)}

    found = proved(a_bought_order(), told(OLDER, at=NOW - before, kind=kind), ledger=ledger)

    assert bool(found) is holds, case


@pytest.mark.parametrize(("hours_before", "holds"), [(-0.01, False), (0, True), (168, True), (168.01, False)])
def test_where_no_moment_was_told_the_showing_stands_for_it(hours_before: float, holds: bool) -> None:
    ledger = {OLDER: shown(OLDER, hours_before=hours_before)}

    assert bool(proved(a_bought_order(), told(OLDER), ledger=ledger)) is holds


@pytest.mark.parametrize(("seconds_after", "holds"), [(-2, False), (-0.5, True), (0, True), (9, True)])
def test_a_click_before_its_decision_is_none(seconds_after: float, holds: bool) -> None:
    made_at = ago(hours=1) + timedelta(seconds=0.5)
    ledger = {OLDER: Shown(OLDER, made_at, {10: 1})}

    found = proved(
        a_bought_order(), told(OLDER, at=made_at + timedelta(seconds=seconds_after)), ledger=ledger
    )

    assert bool(found) is holds


@pytest.mark.parametrize(
    ("made_for", "ordered_by", "holds"),
    [(ADA, ADA, True), (ADA, BEA, False), (ADA, None, True), (None, BEA, True), (None, None, True)],
)
def test_a_list_made_for_one_customer_earns_nothing_of_anothers_order(
    made_for: str | None, ordered_by: str | None, holds: bool
) -> None:
    ledger = {OLDER: shown(OLDER, hours_before=1, customer_key=made_for)}

    found = prove(a_bought_order(), [told(OLDER)], ledger, customer_key=ordered_by)

    assert bool(found) is holds


# Rows


def a_claim(decision: UUID = OLDER, **changes: object) -> Claim:
    one = Claim(Kind.CLICK, decision, 10, 1, ago(hours=48), ago(hours=2))
    return replace(one, **changes)  # type: ignore[arg-type]


def stand(quantity: int = 2, amount: str = "19", claim: Claim | None = None, **changes: object) -> Stand:
    one = Stand(1, claim or a_claim(), quantity, Decimal(amount), "GBP", NOW)
    return replace(one, **changes)  # type: ignore[arg-type]


def wanted(quantity: int = 2, amount: str = "19", claim: Claim | None = None) -> Match:
    return Match(1, claim or a_claim(), quantity, Decimal(amount))


BETTER = a_claim(NEWER)


@pytest.mark.parametrize(
    ("case", "order", "stands", "matches", "rows"),
    [
        ("a new credit", {}, [], [wanted()], [(OLDER, 2, "19", "BOUGHT", "order 77")]),
        ("the same again", {}, [stand()], [wanted()], []),
        (
            "half of it went back",
            {"took_back": "refund 3"},
            [stand()],
            [wanted(1, "9.5")],
            [(OLDER, -1, "-9.5", "REFUNDED", "refund 3")],
        ),
        (
            "all of it went back",
            {"took_back": "refund 3", "lines": (a_line(quantity=0),)},
            [stand()],
            [],
            [(OLDER, -2, "-19", "REFUNDED", "refund 3")],
        ),
        (
            "the merchant took the line away",
            {"lines": (a_line(quantity=0),)},
            [stand()],
            [],
            [(OLDER, -2, "-19", "EDITED", "order 77")],
        ),
        (
            "the merchant added one",
            {"took_back": "refund 3"},
            [stand()],
            [wanted(3, "28.5")],
            [(OLDER, 1, "9.5", "EDITED", "order 77")],
        ),
        (
            "cancelled",
            {"void": Reason.CANCELLED},
            [stand()],
            [],
            [(OLDER, -2, "-19", "CANCELLED", "order 77")],
        ),
        ("deleted", {"void": Reason.DELETED}, [stand()], [], [(OLDER, -2, "-19", "DELETED", "order 77")]),
        (
            "a better click came to be known",
            {},
            [stand()],
            [wanted(claim=BETTER)],
            [
                (OLDER, -2, "-19", "REPLACED", f"decision {NEWER}"),
                (NEWER, 2, "19", "REPLACED", f"decision {NEWER}"),
            ],
        ),
        (
            "the order moved to another day",
            {"placed_at": ago(hours=1)},
            [stand()],
            [wanted()],
            [(OLDER, -2, "-19", "CORRECTED", "order 77"), (OLDER, 2, "19", "CORRECTED", "order 77")],
        ),
        ("the claim fell", {}, [stand()], [], [(OLDER, -2, "-19", "CORRECTED", "order 77")]),
    ],
)
def test_the_rows_bring_what_stands_to_what_the_order_says(
    case: str, order: dict[str, object], stands: list[Stand], matches: list[Match], rows: list[object]
) -> None:
    found = postings(a_bought_order(**order), stands, matches)

    told_rows = [
        (one.claim.decision_id, one.quantity, one.amount, one.reason, one.caused_by) for one in found
    ]
    assert told_rows == [(*row[:2], Decimal(row[2]), *row[3:]) for row in rows], case  # type: ignore[index]


def test_after_the_rows_are_written_there_is_nothing_left_to_write() -> None:
    order = a_bought_order(a_line(10), a_line(10, line_id=2))
    stands = [stand(5, "40", line_id=2), stand(claim=BETTER)]
    matches = [wanted(1, "9.5"), replace(wanted(), line_id=2)]

    written = postings(order, stands, matches)

    assert postings(order, [*stands, *(_as_stand(one) for one in written)], matches) != written
    assert postings(order, _summed([*stands, *(_as_stand(one) for one in written)]), matches) == []


def _as_stand(one: Posting) -> Stand:
    return Stand(one.line_id, one.claim, one.quantity, one.amount, one.currency, one.placed_at)


def _summed(stands: list[Stand]) -> list[Stand]:
    sums: dict[tuple[object, ...], Stand] = {}
    for one in stands:
        key = (one.line_id, one.claim, one.currency, one.placed_at)
        former = sums.get(key)
        sums[key] = (
            replace(former, quantity=former.quantity + one.quantity, amount=former.amount + one.amount)
            if former
            else one
        )
    return [one for one in sums.values() if one.quantity or one.amount]

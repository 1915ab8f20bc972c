from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from backend.attribution.rules import match, named_decisions
from backend.attribution.values import BoughtLine, BoughtOrder, Clicked, Kind, Shown
from tests.backend.history import NOW

OLDER, NEWER, UNKNOWN = UUID(int=1), UUID(int=2), UUID(int=3)


def a_line(
    product_id: int | None = 10, *, line_id: int = 1, quantity: int = 2, via: UUID | None = None
) -> BoughtLine:
    return BoughtLine(line_id, product_id, quantity, Decimal("19.00"), via)


def a_bought_order(*lines: BoughtLine, clicks: tuple[Clicked, ...] = (), counts: bool = True) -> BoughtOrder:
    return BoughtOrder(77, NOW, "GBP", counts, lines or (a_line(),), clicks)


def shown(decision: UUID, *, hours_before: float, products: tuple[int, ...] = (10, 11)) -> Shown:
    positions = {product: place for place, product in enumerate(products, start=1)}
    return Shown(decision, NOW - timedelta(hours=hours_before), positions)


LEDGER = {OLDER: shown(OLDER, hours_before=48), NEWER: shown(NEWER, hours_before=1)}


@pytest.mark.parametrize(
    ("case", "order", "credited"),
    [
        ("no decision named: no credit", a_bought_order(), []),
        ("the line's own decision", a_bought_order(a_line(via=OLDER)), [(1, OLDER, Kind.ADD_TO_CART)]),
        (
            "a click on the bought product",
            a_bought_order(clicks=(Clicked(OLDER, 10),)),
            [(1, OLDER, Kind.CLICK)],
        ),
        ("a click on another product", a_bought_order(clicks=(Clicked(OLDER, 11),)), []),
        (
            "a click that names no product counts for what was shown",
            a_bought_order(a_line(10), a_line(12, line_id=2), clicks=(Clicked(OLDER, None),)),
            [(1, OLDER, Kind.CLICK)],
        ),
        (
            "adding beats a later click",
            a_bought_order(a_line(via=OLDER), clicks=(Clicked(NEWER, 10),)),
            [(1, OLDER, Kind.ADD_TO_CART)],
        ),
        (
            "the last of two clicks wins",
            a_bought_order(clicks=(Clicked(NEWER, 10), Clicked(OLDER, 10))),
            [(1, NEWER, Kind.CLICK)],
        ),
        ("an id that is not ours", a_bought_order(a_line(via=UNKNOWN)), []),
        ("a product that was not shown", a_bought_order(a_line(99, via=OLDER)), []),
        ("a line refunded in full", a_bought_order(a_line(quantity=0, via=OLDER)), []),
        ("a product that is gone", a_bought_order(a_line(None, via=OLDER)), []),
        ("a cancelled or test order", a_bought_order(a_line(via=OLDER), counts=False), []),
        (
            "each line on its own",
            a_bought_order(a_line(10, via=OLDER), a_line(11, line_id=2, via=NEWER)),
            [(1, OLDER, Kind.ADD_TO_CART), (2, NEWER, Kind.ADD_TO_CART)],
        ),
    ],
)
def test_match(case: str, order: BoughtOrder, credited: list[tuple[int, UUID, Kind]]) -> None:
    found = match(order, LEDGER)

    assert [(one.line_id, one.decision_id, one.kind) for one in found] == credited, case


@pytest.mark.parametrize(
    ("hours_before", "is_credited"),
    [(-0.01, False), (0, True), (7 * 24, True), (7 * 24 + 0.01, False)],
)
def test_only_what_was_shown_within_the_window_before_the_order_earns(
    hours_before: float, is_credited: bool
) -> None:
    ledger = {OLDER: shown(OLDER, hours_before=hours_before)}

    assert bool(match(a_bought_order(a_line(via=OLDER)), ledger)) is is_credited


@pytest.mark.parametrize(
    ("case", "clicked_before", "is_credited"),
    [
        ("a click just before the order", timedelta(seconds=0), True),
        ("a click at the window's edge", timedelta(days=7), True),
        ("a click too long ago", timedelta(days=7, seconds=1), False),
        ("a click after the order", timedelta(seconds=-1), False),
    ],
)
def test_the_window_runs_from_the_click_however_old_the_list_is(
    case: str, clicked_before: timedelta, is_credited: bool
) -> None:
    ledger = {OLDER: shown(OLDER, hours_before=30 * 24)}
    order = a_bought_order(clicks=(Clicked(OLDER, 10, NOW - clicked_before),))

    assert bool(match(order, ledger)) is is_credited, case


@pytest.mark.parametrize(("seconds_after", "is_credited"), [(-2, False), (-0.5, True), (0, True), (9, True)])
def test_a_click_before_its_decision_earns_nothing(seconds_after: float, is_credited: bool) -> None:
    made_at = NOW - timedelta(hours=1) + timedelta(seconds=0.5)
    ledger = {OLDER: Shown(OLDER, made_at, {10: 1})}
    order = a_bought_order(clicks=(Clicked(OLDER, 10, made_at + timedelta(seconds=seconds_after)),))

    assert bool(match(order, ledger)) is is_credited


def test_of_two_clicks_the_later_one_wins_whichever_list_is_newer() -> None:
    minutes_ago = [NOW - timedelta(minutes=each) for each in (5, 10)]
    order = a_bought_order(
        clicks=(Clicked(OLDER, 10, minutes_ago[0]), Clicked(NEWER, 10, minutes_ago[1])),
    )

    assert [one.decision_id for one in match(order, LEDGER)] == [OLDER]


def test_the_card_s_button_beats_a_later_click() -> None:
    added = Clicked(OLDER, 10, NOW - timedelta(minutes=9), Kind.ADD_TO_CART)
    order = a_bought_order(clicks=(added, Clicked(NEWER, 10, NOW - timedelta(minutes=1))))

    assert [(one.decision_id, one.kind) for one in match(order, LEDGER)] == [(OLDER, Kind.ADD_TO_CART)]


def test_a_credit_tells_position_amount_and_quantity() -> None:
    [credit] = match(a_bought_order(a_line(11, via=NEWER)), LEDGER)

    assert (credit.position, credit.amount, credit.quantity) == (2, Decimal("19.00"), 2)
    assert credit.shown_at == NOW - timedelta(hours=1)


def test_named_decisions_are_those_of_lines_and_clicks() -> None:
    order = a_bought_order(a_line(via=OLDER), clicks=(Clicked(UNKNOWN, None),))

    assert named_decisions(order) == {OLDER, UNKNOWN}

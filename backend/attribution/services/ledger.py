"""
The rows of joins and credits: read as sums, written once, never changed.

Each function works in the caller's transaction, which holds the order's lock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from backend.attribution import rules
from backend.attribution.models import Credit, Join, OrderAttribution
from backend.attribution.values import BoughtOrder, Claim, Kind, Posting, Stand, Via

CENTS: Final = Decimal("0.0001")
_CLAIM: Final = ("kind", "decision_id", "product_id", "position", "shown_at", "acted_at")

C = TypeVar("C", Claim, tuple[Via, Claim])


def stored(amount: Decimal) -> Decimal:
    """Return an amount as a column holds it, so that what is compared with it can be equal."""
    return amount.quantize(CENTS)


def stands(shop_id: int, order_id: int) -> list[Stand]:
    """Return what the rows of an order sum up to, for each line and claim with something left."""
    rows = (
        Credit.objects.for_shop(shop_id)
        .filter(order_id=order_id)
        .values("line_id", *_CLAIM, "currency", "placed_at")
        .annotate(left=Sum("quantity"), worth=Sum("amount"))
        .exclude(left=0, worth=0)
        .order_by("line_id")
    )
    return [
        Stand(row["line_id"], _claim(row), row["left"], row["worth"], row["currency"], row["placed_at"])
        for row in rows
    ]


def post(shop_id: int, order_id: int, postings: Iterable[Posting], *, now: datetime) -> None:
    """Append rows of credit."""
    Credit.objects.for_shop(shop_id).bulk_create(
        Credit(
            order_id=order_id,
            line_id=one.line_id,
            **_columns(one.claim),
            quantity=one.quantity,
            amount=one.amount,
            currency=one.currency,
            placed_at=one.placed_at,
            reason=one.reason,
            caused_by=one.caused_by,
            recorded_at=now,
        )
        for one in postings
    )


def join(shop_id: int, order_id: int, proved: Iterable[tuple[Via, Claim]], *, now: datetime) -> None:
    """Append joins; those that are known already stay as they are."""
    rows = [Join(order_id=order_id, via=via, joined_at=now, **_columns(claim)) for via, claim in proved]
    Join.objects.for_shop(shop_id).bulk_create(rows, ignore_conflicts=True)


def joined(shop_id: int, order_id: int) -> list[Claim]:
    """Return the claims of all joins of an order."""
    rows = Join.objects.for_shop(shop_id).filter(order_id=order_id).order_by("id")
    return [_claim(row) for row in rows.values(*_CLAIM)]


# One click earns in one order: the first that bought its product after it, though that was cancelled or sent
# back since, or had a better click. So it matters neither which order came here first nor what became of it.
# Who copies a cart's attribute into another cart gets nothing, and a shopper whose browser still remembers a
# click is not counted twice for it.


def lock_clicks(shop_id: int, order: BoughtOrder, claims: Iterable[Claim]) -> None:
    """
    Let one order at a time ask for these clicks.

    All at once and in one order for all, after the order's own row: or two orders could wait for each other.
    """
    clicks = _clicks(order, claims)
    names = sorted({f"click:{shop_id}:{click.decision_id}:{click.product_id}" for click in clicks})
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def unspent(shop_id: int, order: BoughtOrder, claims: Sequence[C]) -> list[C]:
    """Return those of the claims whose click led to no order that was placed before. They must be locked."""
    clicks = _clicks(order, (_bare(one) for one in claims))
    before = Q(placed_at__lt=order.placed_at) | Q(placed_at=order.placed_at, order_id__lt=order.order_id)
    spent = [_claim(row) for rows in _rivals(shop_id, order, clicks, before) for row in rows.values(*_CLAIM)]
    return [one for one in claims if not _is_spent(_bare(one), spent)]


def later_orders(shop_id: int, order: BoughtOrder, claims: Iterable[Claim]) -> list[int]:
    """Return the orders that were placed after this one and hold the same clicks."""
    clicks = _clicks(order, claims)
    after = Q(placed_at__gt=order.placed_at) | Q(placed_at=order.placed_at, order_id__gt=order.order_id)
    rivals = _rivals(shop_id, order, clicks, after)
    return sorted({order_id for rows in rivals for order_id in rows.values_list("order_id", flat=True)})


def _is_spent(claim: Claim, spent: Iterable[Claim]) -> bool:
    return rules.is_click(claim) and any(rules.is_same_click(claim, one) for one in spent)


def _clicks(order: BoughtOrder, claims: Iterable[Claim]) -> list[Claim]:
    """Return the clicks on what was bought: no other can be spent."""
    bought = {line.product_id for line in order.lines}
    return rules.distinct(one for one in claims if rules.is_click(one) and one.product_id in bought)


def _rivals(
    shop_id: int, order: BoughtOrder, clicks: Sequence[Claim], when: Q
) -> tuple[QuerySet[Join], QuerySet[Credit]] | tuple[()]:
    """
    Return the joins and the credits of some clicks in other orders that bought their products at some time.

    A credit outlives its join, which goes with its customer.
    """
    if not clicks:
        return ()
    any_of = Q()
    for click in clicks:
        if click.acted_at is not None:
            around = (click.acted_at - rules.SAME_CLICK, click.acted_at + rules.SAME_CLICK)
            any_of |= Q(decision_id=click.decision_id, product_id=click.product_id, acted_at__range=around)
    others = any_of & ~Q(kind=Kind.VIEW) & ~Q(order_id=order.order_id)
    bought = OrderAttribution.objects.for_shop(shop_id).filter(
        when, order_id=OuterRef("order_id"), product_ids__contains=[OuterRef("product_id")]
    )
    joins = Join.objects.for_shop(shop_id).filter(others).filter(Exists(bought))
    credited = Credit.objects.for_shop(shop_id).filter(others, when, quantity__gt=0)
    return joins, credited


def _bare(claim: C) -> Claim:
    return claim if isinstance(claim, Claim) else claim[1]


def _claim(row: dict[str, object]) -> Claim:
    values = {name: row[name] for name in _CLAIM}
    return Claim(**values | {"kind": Kind(str(row["kind"]))})  # type: ignore[arg-type]


def _columns(claim: Claim) -> dict[str, object]:
    return {name: getattr(claim, name) for name in _CLAIM}

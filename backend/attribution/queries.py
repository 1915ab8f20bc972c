"""Reads of attribution. Every amount is a sum of rows, those that took something back included."""

from datetime import date, datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, Sum

from backend.attribution.models import Credit, Join, OrderAttribution
from backend.attribution.values import (
    TAKEN_BACK,
    CoverageReport,
    CreditInfo,
    CurrencyResults,
    Earned,
    JoinInfo,
    Kind,
    OrderStory,
    Outcome,
    PostingInfo,
    Reason,
    Results,
    TopProduct,
    Via,
)
from backend.catalog import queries as catalog


def credits_of(shop_id: int, order_id: int) -> list[CreditInfo]:
    """Return what stands of the credits of one order."""
    return _standing(Credit.objects.for_shop(shop_id).filter(order_id=order_id))


def credits_to(shop_id: int, decision_id: UUID) -> list[CreditInfo]:
    """Return what stands of the credits of one decision."""
    return _standing(Credit.objects.for_shop(shop_id).filter(decision_id=decision_id))


# One row for each line, and whether it was clicked or only seen; what was taken back is told beside.
_LINES: Final = """
    SELECT currency, order_id, line_id, product_id, kind = 'VIEW' AS is_view,
           SUM(quantity) AS quantity, SUM(amount) AS amount,
           COALESCE(-SUM(amount) FILTER (WHERE amount < 0 AND reason = ANY(%(taken_back)s)), 0) AS reversed
    FROM attribution_credit
    WHERE shop_id = %(shop_id)s AND placed_at >= %(since)s AND placed_at < %(until)s
    GROUP BY currency, order_id, line_id, product_id, kind = 'VIEW'
"""

_RESULTS: Final = f"""
    SELECT currency, is_view, SUM(amount), SUM(reversed),
           COUNT(DISTINCT order_id) FILTER (WHERE quantity > 0), COUNT(*) FILTER (WHERE quantity > 0)
    FROM ({_LINES}) line
    GROUP BY currency, is_view
    ORDER BY currency, is_view
"""  # noqa: S608 - made of constants

_TOP: Final = f"""
    SELECT product_id, currency, SUM(amount), SUM(quantity)::bigint, COUNT(DISTINCT order_id)
    FROM ({_LINES}) line
    WHERE NOT is_view AND quantity > 0
    GROUP BY product_id, currency
    ORDER BY SUM(amount) DESC, product_id
    LIMIT %(limit)s
"""  # noqa: S608 - made of constants


def results(shop_id: int, *, since: datetime, until: datetime) -> Results:
    """Return what recommendations earned in the orders placed in [since, until)."""
    rows = _rows(_RESULTS, shop_id, since=since, until=until)
    found = [
        _of_currency(currency, {bool(row[1]): Earned(row[2], row[3], row[4], row[5]) for row in few})
        for currency, few in groupby(rows, key=lambda row: str(row[0]))
    ]
    return Results(tuple(sorted(found, key=lambda one: (-one.direct.orders, one.currency))))


def _of_currency(currency: str, earned: dict[bool, Earned]) -> CurrencyResults:
    return CurrencyResults(currency, earned.get(False, Earned()), earned.get(True, Earned()))


def top_products(shop_id: int, *, since: datetime, until: datetime, limit: int = 5) -> list[TopProduct]:
    """Return the products of which clicks on recommendations sold most in [since, until), best first."""
    rows = _rows(_TOP, shop_id, since=since, until=until, limit=limit)
    titles = catalog.titles(shop_id, [row[0] for row in rows])
    return [TopProduct(row[0], titles.get(row[0], f"Product {row[0]}"), *row[1:]) for row in rows]


def daily_orders(shop_id: int, *, since: datetime, until: datetime) -> dict[date, int]:
    """Return how many orders with something clicked in them were placed in [since, until), by day in UTC."""
    return dict(_rows(_DAILY_ORDERS, shop_id, since=since, until=until))


def _rows(sql: str, shop_id: int, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        taken_back = [reason.value for reason in TAKEN_BACK]
        cursor.execute(sql, {"shop_id": shop_id, "taken_back": taken_back, **values})
        return list(cursor.fetchall())


# Orders of which something is left that a click on a recommendation sold.
_DAILY_ORDERS: Final = """
    SELECT day, COUNT(DISTINCT order_id)
    FROM (
        SELECT (placed_at AT TIME ZONE 'UTC')::date AS day, order_id
        FROM attribution_credit
        WHERE shop_id = %(shop_id)s AND kind <> 'VIEW' AND placed_at >= %(since)s AND placed_at < %(until)s
        GROUP BY day, order_id, line_id
        HAVING SUM(quantity) > 0
    ) line
    GROUP BY day
"""


# The products of an order against when each was recommended to anybody.
_COVERAGE: Final = """
    SELECT looked.outcome, COUNT(*)
    FROM attribution_orderattribution looked
    WHERE looked.shop_id = %(shop_id)s AND looked.outcome <> ''
      AND looked.placed_at >= %(since)s AND looked.placed_at < %(until)s
      AND EXISTS (
          SELECT FROM attribution_offeredproduct offered
          WHERE offered.shop_id = looked.shop_id AND offered.product_id = ANY(looked.product_ids)
            AND (
                offered.listed_at <= looked.placed_at
                OR (offered.answered_first_at <= looked.placed_at
                    AND offered.answered_last_at >= looked.placed_at - %(window)s)
            )
      )
    GROUP BY looked.outcome
"""


def coverage(shop_id: int, *, since: datetime, until: datetime) -> CoverageReport:
    """Return of how many orders placed in [since, until) it is known what recommendations did."""
    rows = _rows(_COVERAGE, shop_id, since=since, until=until, window=Results(()).window)
    counted = {Outcome(outcome): count for outcome, count in rows}
    return CoverageReport(
        orders_with_recommended_product=sum(counted.values()),
        joined=counted.pop(Outcome.JOINED, 0),
        reasons=counted,
    )


def order_story(shop_id: int, order_id: int) -> OrderStory:
    """Return all that attribution knows of one order."""
    looked = OrderAttribution.objects.for_shop(shop_id).filter(order_id=order_id).first()
    joins = Join.objects.for_shop(shop_id).filter(order_id=order_id).order_by("id")
    rows = Credit.objects.for_shop(shop_id).filter(order_id=order_id).order_by("id")
    return OrderStory(
        order_id=order_id,
        outcome=Outcome(looked.outcome) if looked and looked.outcome else None,
        joins=tuple(_join(row) for row in joins),
        postings=tuple(_posting(row) for row in rows),
        credits=tuple(credits_of(shop_id, order_id)),
    )


def joins_to(shop_id: int, decision_id: UUID, *, limit: int = 50) -> list[tuple[int, JoinInfo]]:
    """Return the orders that belong to one decision and how that is known, the newest first."""
    rows = Join.objects.for_shop(shop_id).filter(decision_id=decision_id).order_by("-id")
    return [(row.order_id, _join(row)) for row in rows[:limit]]


def postings_to(shop_id: int, decision_id: UUID, *, limit: int = 200) -> list[tuple[int, PostingInfo]]:
    """Return every row of credit of one decision with its order, oldest first."""
    rows = Credit.objects.for_shop(shop_id).filter(decision_id=decision_id).order_by("id")
    return [(row.order_id, _posting(row)) for row in rows[:limit]]


def _standing(rows: QuerySet[Credit]) -> list[CreditInfo]:
    columns = ("order_id", "line_id", "product_id", "decision_id", "kind", "currency", "acted_at")
    summed = rows.values(*columns).annotate(left=Sum("quantity"), worth=Sum("amount")).filter(left__gt=0)
    return [
        CreditInfo(
            order_id=row["order_id"],
            line_id=row["line_id"],
            product_id=row["product_id"],
            decision_id=row["decision_id"],
            kind=Kind(row["kind"]),
            quantity=row["left"],
            amount=row["worth"],
            currency=row["currency"],
            acted_at=row["acted_at"],
        )
        for row in summed.order_by("order_id", "line_id")
    ]


def _join(row: Join) -> JoinInfo:
    return JoinInfo(
        decision_id=row.decision_id,
        product_id=row.product_id,
        via=Via(row.via),
        kind=Kind(row.kind),
        acted_at=row.acted_at,
        shown_at=row.shown_at,
        joined_at=row.joined_at,
    )


def _posting(row: Credit) -> PostingInfo:
    return PostingInfo(
        id=row.id,
        line_id=row.line_id,
        product_id=row.product_id,
        decision_id=row.decision_id,
        kind=Kind(row.kind),
        quantity=row.quantity,
        amount=row.amount,
        currency=row.currency,
        reason=Reason(row.reason),
        caused_by=row.caused_by,
        acted_at=row.acted_at,
        recorded_at=row.recorded_at,
    )

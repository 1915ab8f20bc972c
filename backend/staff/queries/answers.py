"""Reads of the staff dashboard: the headline figures, and every inference behind an order."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from backend.attribution import queries as attribution
from backend.attribution.values import DEFAULT_WINDOW
from backend.audit import queries as audit
from backend.audit.values import DecisionRecord, ShownItem
from backend.catalog import queries as catalog
from backend.catalog.models import Order
from backend.catalog.values import ServingProduct, Via
from backend.core.ids import first_id
from backend.core.moments import microseconds
from backend.features import queries as features
from backend.registry import queries as registry
from backend.rollouts import queries as rollouts
from backend.rollouts.values.interleaving import Team
from backend.shops.models import Shop
from backend.staff.values import (
    MOST_DECISIONS,
    Explained,
    ExplainedItem,
    Figures,
    Inference,
    Link,
    NotExplained,
)
from models.recommender import api

# Answers that the headline looks at: enough for a 99th percentile, few enough to be read at each page view.
ANSWERS = 20_000

FIGURES = """
    WITH answers AS (
        SELECT latency_us / 1000.0::double precision AS latency_ms, fallback FROM audit_decision
        WHERE id >= %(since)s AND channel = 'app_proxy'
        ORDER BY id DESC LIMIT %(answers)s
    )
    SELECT
        (SELECT COUNT(*) FROM shops_shop WHERE state = 'INSTALLED'),
        (SELECT COUNT(*) FROM rollouts_pointer),
        (SELECT COUNT(*) FROM training_trainingrun WHERE finished_at IS NULL),
        (SELECT COUNT(*) FROM (SELECT FROM audit_decision WHERE id >= %(since)s LIMIT %(decisions)s) today),
        (SELECT AVG((fallback <> '')::int)::double precision FROM answers),
        (SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY latency_ms) FROM answers),
        (SELECT PERCENTILE_DISC(0.99) WITHIN GROUP (ORDER BY latency_ms) FROM answers),
        (SELECT COUNT(*) FROM (
            SELECT FROM attribution_credit WHERE placed_at >= %(today)s
            GROUP BY shop_id, order_id, line_id HAVING SUM(quantity) > 0
        ) credited)
"""


def figures(*, now: datetime) -> Figures:
    """Return the headline of today, which begins at midnight UTC."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    values: dict[str, UUID | datetime | int] = {
        "since": first_id(today),
        "today": today,
        "answers": ANSWERS,
        "decisions": MOST_DECISIONS,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, values)
        return Figures(*cursor.fetchone())


def orders_called(order_id: int) -> list[Order]:
    """Return the orders of any shop with one id."""
    rows = Order.objects.across_shops(reason="support is told an order's id, not its shop")
    # Naming every shop lets the index on (shop, order) answer.
    return list(
        rows.filter(
            shop_id__in=list(Shop.objects.values_list("id", flat=True)), order_id=order_id
        ).select_related("shop")
    )


def inferences(shop_id: int, order_id: int, *, window: timedelta = DEFAULT_WINDOW) -> list[Inference]:
    """
    Return every decision behind an order, newest first.

    That is what its lines and its cart name, and what its customer was shown
    within the attribution window before it.
    """
    order = catalog.get_order(shop_id, order_id)
    # The card's button is told by the cart; older versions of the block told it by the line.
    added = {line.decision_id for line in order.lines if line.decision_id}
    added |= {link.decision_id for link in order.links if link.via is Via.ADDED}
    # What only the browser told is known to attribution alone.
    joined = {one.decision_id for one in attribution.order_story(shop_id, order_id).joins}
    clicked = {link.decision_id for link in order.links} | joined
    found = {one.id: one for one in audit.decisions(shop_id, added | clicked)}
    if order.customer_key:
        seen = audit.decisions_for_visitor(
            shop_id, order.customer_key, since=order.processed_at - window, until=order.processed_at
        )
        found |= {one.id: one for one in seen}
    bought = {line.product_id for line in order.lines if line.product_id}
    inferred = [
        Inference(
            decision,
            Link.ADDED if decision.id in added else Link.CLICKED if decision.id in clicked else Link.SEEN,
            tuple(item.product_id for item in decision.items if item.product_id in bought),
        )
        for decision in found.values()
    ]
    return sorted(inferred, key=lambda one: one.decision.id, reverse=True)


def decision_ids_of_order(order_id: int) -> set[UUID]:
    """Return every decision behind the orders with one id."""
    return {
        one.decision.id for order in orders_called(order_id) for one in inferences(order.shop_id, order_id)
    }


def products(shop_id: int, product_ids: Collection[int]) -> dict[int, ServingProduct]:
    """Return products with their pictures; those that were deleted are left out."""
    return {one.product_id: one for one in catalog.products_for_serving(shop_id, product_ids)}


def titles(shop_id: int, product_ids: Collection[int]) -> dict[int, str]:
    """Return the names of products; those that were deleted are left out."""
    return {one.product_id: one.title for one in catalog.products_for_serving(shop_id, product_ids)}


def explain(shop_id: int, decision_id: UUID) -> Explained:
    """
    Ask the version that made a decision again, with what its visitor had bought by then.

    What the visitor looked at or had in the cart is not kept and so not asked about.

    :raises NotExplained: if no version chose, or no purchase of the visitor was known
    :raises UnknownVersion: if the version is gone
    :raises ArtifactRefused: if the version's files can't be trusted any more
    """
    decision = _get_decision(shop_id, decision_id)
    if decision.version_id is None:
        raise NotExplained("No model chose these products.")
    past = features.stored_past(shop_id, decision.visitor_key or "", before=decision.at)
    if not len(past.items):
        raise NotExplained("No purchase of this visitor was known: the list is the page's, or everybody's.")
    version = registry.get_version(shop_id, decision.version_id)
    trained = registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    scorer = trained.with_products(features.new_products(shop_id, trained))
    told = api.Past(past.items, past.at, past.events)
    now = microseconds(decision.at)
    found = [(item, api.explain(scorer, told, item.product_id, now=now)) for item in _own_items(decision)]
    names = titles(shop_id, {id_ for _, one in found if one is not None for id_ in _named(one)})
    items = [_explained(item, one, names, now=now) for item, one in found if one is not None]
    return Explained(len(past.items), tuple(items))


def _own_items(decision: DecisionRecord) -> list[ShownItem]:
    """Return what a decision's version chose itself: of a list of two versions not what the new one did."""
    teams = dict(enumerate(rollouts.drafted_by(decision.shop_id, decision.id), start=1))
    return [item for item in decision.items if teams.get(item.position) is not Team.CANDIDATE]


def _get_decision(shop_id: int, decision_id: UUID) -> DecisionRecord:
    found = audit.find_decision(shop_id, decision_id)
    if found is None:
        raise NotExplained(f"Shop {shop_id} made no decision {decision_id}.")
    return found


def _named(explanation: api.Explanation) -> set[int]:
    cause = explanation.reason.item
    return {one.item for one in explanation.removals} | ({cause} if cause is not None else set())


def _explained(
    item: ShownItem, explanation: api.Explanation, names: Mapping[int, str], *, now: int
) -> ExplainedItem:
    return ExplainedItem(
        position=item.position,
        product_id=item.product_id,
        told=item.why,
        proven=api.words(explanation.reason, lambda id_: names.get(id_, f"product {id_}"), now=now),
        place=explanation.place,
        removals=tuple((one.item, one.place) for one in explanation.removals),
    )

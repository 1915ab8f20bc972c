"""
Webhooks that need a scope which not every merchant grants, subscribed to shop by shop.

``shopify.app.toml`` can name none of them: its subscriptions are of all shops, and Shopify refuses one whose
scope is not required. A loop like that of the pixel: what Shopify should hold against what it is known to
hold. An app that is uninstalled, or loses the scope, loses its subscriptions with it.
"""

from datetime import datetime

import structlog
from django.conf import settings

from backend.core.errors import Refused
from backend.core.queue import Job, enqueue
from backend.core.text import storable
from backend.shopify.gateway import AdminClient, refuse_user_errors
from backend.shopify.values import granted
from backend.shops import queries, rules
from backend.shops.models import AccessToken, TopicSubscription
from backend.shops.services.tokens import admin_client
from backend.shops.values import OPTIONAL_TOPICS, ShopState

log = structlog.get_logger(__name__)


def subscribe(shop_id: int, topic: str, *, now: datetime) -> bool:
    """
    Have Shopify tell us of a topic in one shop. Safe to repeat: what is there already is left.

    :param topic: one of ``OPTIONAL_TOPICS``, as the schema names it
    :returns: whether Shopify tells us of it now
    :raises Unavailable: if Shopify does not answer; what it holds is looked for again then
    """
    shop = queries.get_fresh_shop(shop_id)
    token = AccessToken.objects.for_shop(shop_id).only("scopes").first()
    if shop.state is not ShopState.INSTALLED or token is None:
        return False
    if OPTIONAL_TOPICS[topic] not in granted(token.scopes):
        return False
    try:
        _bring(admin_client(shop_id, now=now), topic, _wanted())
        held = {"uri": _wanted(), "failure": "", "look_at": now + rules.SUBSCRIPTION_LIFE}
    except Refused as error:
        log.warning("subscription_refused", shop_id=shop_id, topic=topic, code=error.code)
        held = {"uri": "", "failure": storable(error.message), "look_at": now + rules.PIXEL_PAUSE}
    TopicSubscription.objects.for_shop(shop_id).update_or_create(
        topic=topic, defaults={"installed_at": shop.installed_at, **held}
    )
    return bool(held["uri"])


def sweep_subscriptions(*, now: datetime) -> int:
    """
    Ask for each shop and topic that Shopify may tell us of and does not.

    :returns: how many were asked for
    """
    reason = "the sweep looks at every shop"
    tokens = AccessToken.objects.across_shops(reason=reason).filter(
        shop__state=ShopState.INSTALLED, shop__needs_reauth=False
    )
    rows = TopicSubscription.objects.across_shops(reason=reason)
    held = {(row.shop_id, row.topic): row for row in rows}
    asked = 0
    for shop_id, scopes, installed_at in tokens.values_list("shop_id", "scopes", "shop__installed_at"):
        for topic, scope in OPTIONAL_TOPICS.items():
            row = held.get((shop_id, topic))
            if scope not in granted(scopes):
                # Granted again, it is asked for again.
                TopicSubscription.objects.for_shop(shop_id).filter(topic=topic).delete()
            elif _is_due(row, installed_at=installed_at, now=now):
                enqueue(Job.SUBSCRIBE, shop_id=shop_id, topic=topic)
                asked += 1
    return asked


def _is_due(row: TopicSubscription | None, *, installed_at: datetime | None, now: datetime) -> bool:
    if row is None or row.installed_at != installed_at or row.look_at <= now:
        return True
    return row.uri not in {_wanted(), ""}


def _wanted() -> str:
    return f"{settings.APP_URL}/webhooks"


def _bring(client: AdminClient, topic: str, uri: str) -> None:
    """Leave exactly one subscription to a topic, to this address."""
    found = client.execute("webhook_subscriptions", {"topics": [topic]})["webhookSubscriptions"]["edges"]
    nodes = [edge["node"] for edge in found]
    if not any(node["uri"] == uri for node in nodes):
        # An operation for each topic, so that the checks see which scope it takes.
        result = client.execute(f"subscribe_{topic.lower()}", {"uri": uri})["webhookSubscriptionCreate"]
        refuse_user_errors(result, what=f"to tell of {topic}")
    # Of an address that the app had before: each news would come there for ever, and nobody listens.
    for node in nodes:
        if node["uri"] != uri:
            client.execute("webhook_subscription_delete", {"id": node["id"]})

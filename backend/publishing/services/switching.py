"""
Write the one metafield by which every page of a shop shows one slot or the other.

To promote a version or to undo it is this write, however many products the shop has.
"""

import json
from collections.abc import Callable
from datetime import datetime

import structlog

from backend.publishing.services import claims
from backend.publishing.services.sending import Sender
from backend.publishing.values import Claim, Switch
from backend.shopify.gateway import refuse_user_errors

log = structlog.get_logger(__name__)


def turn(held: Claim, switch: Switch, sender: Sender, *, clock: Callable[[], datetime]) -> None:
    """
    Let the switch say something else.

    :raises UserErrors: if Shopify declines it
    :raises LostRace: if another worker has the shop's lists by now
    """
    claims.announce(held, switch, now=clock())
    metafield = {
        "ownerId": sender.installation,
        "namespace": "release",
        "key": "state",
        "type": "json",
        "value": json.dumps(switch.to_json()),
    }
    refuse_user_errors({"userErrors": sender.send([metafield])}, what="the switch of the lists")
    claims.confirm(held, now=clock())
    log.info("switch_turned", shop_id=held.shop_id, default=switch.default, share=switch.share)

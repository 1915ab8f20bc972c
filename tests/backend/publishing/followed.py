"""A shop whose pages are where its pointer is, without a Shopify that took them."""

from backend.publishing.models import Comparison, Publisher
from backend.publishing.values import SWITCH_LIFE, Slot, Switch
from backend.rollouts import queries as rollouts
from backend.shops.models import Shop
from tests.backend.history import NOW


def follow_pointer(shop: Shop) -> None:
    """Let the pages hold the lists of both of a shop's versions, and be told of its rollout's step."""
    pointed = rollouts.pointed_by_shop()[shop.id]
    for slot, version_id in ((Slot.A, pointed.champion_id), (Slot.B, pointed.candidate_id)):
        Comparison.objects.for_shop(shop.id).update_or_create(slot=slot, defaults={"version_id": version_id})
    said = Switch()
    if pointed.percent:
        # Years ahead: views live by the real clock.
        ends_at = NOW + 10_000 * SWITCH_LIFE
        said = Switch(Slot.A, Slot.B, pointed.percent, pointed.rollout_id, pointed.salt, ends_at)
    Publisher.objects.for_shop(shop.id).update_or_create(
        defaults={"switch": said.to_json(), "retry_at": NOW},
    )

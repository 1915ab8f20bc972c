"""Words of others, and words about work, fit every column that they are written to."""

import pytest
from django.apps import apps
from django.db import connection, models

from backend.core.progress import best_effort
from backend.shops.models import Shop
from tests.backend.history import a_shop

# Columns whose values are codes, hashes or names of our own making, or were read into such: nothing else
# may be bounded, because words have no bound.
BOUNDED = {
    "attribution.Credit": {"currency", "kind", "reason"},
    "attribution.Join": {"kind", "via"},
    "attribution.OrderAttribution": {"outcome"},
    "audit.Chain": {"ledger"},
    "audit.Decision": {"arm", "channel", "surface"},
    "audit.EndedChain": {"ledger"},
    "audit.LedgerEvent": {"event"},
    "audit.SealCursor": {"ledger"},
    "audit.Segment": {"ledger"},
    "catalog.Import": {"state"},
    "catalog.ImportPart": {"part", "state"},
    "catalog.Order": {"currency", "customer_key"},
    "catalog.Product": {"currency", "status"},
    "catalog.Variant": {"inventory_policy"},
    "core.PendingJob": {"job"},
    "events.BotEvent": {"checkout_key", "client_key", "topic"},
    "events.Event": {"checkout_key", "client_key", "topic"},
    "events.Tally": {"outcome", "topic"},
    "features.BrowsingStep": {"client_key", "event", "visitor_key"},
    "features.ClientLink": {"client_key", "visitor_key"},
    "features.Interaction": {"customer_key", "event", "source"},
    "monitoring.RetrainTrigger": {"kind", "verdict"},
    "onboarding.ThemeReport": {"placement", "status"},
    "privacy.DataRequest": {"customer_key"},
    "publishing.Comparison": {"slot"},
    "publishing.Publication": {"slot"},
    "registry.ModelVersion": {"data_hash", "manifest_sha256", "served"},
    "rollouts.GateDecision": {"verdict"},
    "rollouts.LookBack": {"state"},
    "rollouts.Rollout": {"former_state", "state"},
    "rollouts.RolloutEstimand": {"currency"},
    "rollouts.RolloutMove": {"state"},
    "rollouts.RolloutReading": {"metric", "verdict"},
    "rollouts.ShopChange": {"kind"},
    "shops.Shop": {"currency", "domain", "state"},
    "shops.Suppression": {"digest"},
    "shops.TopicSubscription": {"topic"},
    "staff.Authenticator": {"name"},
    "staff.RecoveryCodes": {"name"},
    "staff.StaffEvent": {"event"},
    "training.TrainingRun": {"reason", "state"},
    "webhooks.WebhookDelivery": {"delivery_id", "shop_domain", "state", "topic"},
}


def test_only_codes_have_a_bound() -> None:
    ours = [model for model in apps.get_models() if model.__module__.startswith("backend.")]

    bounded = {
        model._meta.label: {
            field.name
            for field in model._meta.fields
            if isinstance(field, models.CharField) and field.max_length is not None
        }
        for model in ours
    }
    assert {label: fields for label, fields in bounded.items() if fields} == BOUNDED


@pytest.mark.django_db
def test_what_shopify_says_of_a_shop_is_kept_however_long_it_is() -> None:
    shop = a_shop()

    Shop.objects.filter(id=shop.id).update(name="n" * 300, plan_name="p" * 300, timezone="t" * 300)

    assert Shop.objects.get(id=shop.id).plan_name == "p" * 300


@pytest.mark.django_db
@pytest.mark.parametrize("words", ["\x00", "\ud800"])
def test_words_that_cannot_be_written_end_nothing_and_spoil_no_transaction(words: str) -> None:
    shop = a_shop()

    with best_effort("a test"):
        Shop.objects.filter(id=shop.id).update(name=words)
    with best_effort("a test"), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")

    assert Shop.objects.filter(id=shop.id).exists()

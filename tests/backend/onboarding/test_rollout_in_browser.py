"""A merchant's way through rollouts in the admin: pages, API, services and database as in production."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections

from backend.audit import queries as audit
from backend.audit.models import Decision
from backend.audit.values import Event
from backend.events.models import Event as BrowserEvent
from backend.rollouts import models, queries, services
from backend.rollouts.values import (
    CANDIDATE,
    CONTROL,
    AnswerOutcome,
    ArmAnswer,
    Metric,
    Rollout,
    RolloutState,
    Verdict,
)
from backend.serving import queries as serving
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product
from tests.backend.onboarding.test_api import a_signed_in_shop
from tests.backend.publishing.followed import follow_pointer
from tests.backend.registry.versions import a_live_version
from tests.backend.rollouts.rollouts import a_candidate, at_step

ROOT = Path(__file__).resolve().parents[3]
# Of the local Shopify's test shop: "Enamel Mug".
MUG = 8_000_000_000_009

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    """The thread that reads a shop anew keeps a connection, and the test database could not be dropped."""
    yield
    serving._refreshers.submit(connections.close_all).result()


def a_free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def a_small_shops_traffic(shop: Shop, rollout: Rollout) -> None:
    """Let so few visitors come and buy that no share of them can be judged."""
    models.TrafficReading.objects.for_shop(shop.id).create(
        read_at=NOW, days=14, visitors=420, buyers=6, revenue=180, squares=6_000
    )
    row = models.Rollout.objects.for_shop(shop.id).get(uuid=rollout.id)
    for metric, total, squares in ((Metric.REVENUE, 150, 5_000), (Metric.CONVERSION, 5, 5)):
        models.RolloutReading.objects.for_shop(shop.id).create(
            rollout=row, metric=metric, read_at=rollout.entered_at + timedelta(days=2),
            candidate_visitors=310, candidate_total=total, candidate_squares=squares,
            control_visitors=304, control_total=total, control_squares=squares,
            verdict=Verdict.NOT_ENOUGH, took_ms=12,
        )  # fmt: skip


def some_answers(shop: Shop, rollout: Rollout) -> None:
    """Let both versions have answered, each with an error."""
    for day in range(2):
        answers = [
            ArmAnswer(arm, bucket, 5, outcome, 4.0 + bucket % 7)
            for arm, first in ((CANDIDATE, 0), (CONTROL, 5_000))
            for bucket in range(first, first + 150)
            for outcome in (AnswerOutcome.FAILED if bucket == first else AnswerOutcome.ANSWERED,)
        ]
        at = rollout.entered_at + timedelta(days=1 + day)
        services.count_answers(shop.id, rollout.id, answers, now=at)


def walk(*told: object, port: int) -> None:
    """Let a browser walk in the admin of a local Shopify on this port."""
    keys = {
        "SHOPIFY_API_KEY": django_settings.SHOPIFY_API_KEY,
        "SHOPIFY_API_SECRET": django_settings.SHOPIFY_API_SECRET,
    }
    done = subprocess.run(
        ["node", "tests/e2e/walks/rollout.mjs", json.dumps(told), str(port)],
        cwd=ROOT,
        env=os.environ | keys,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_merchant_looks_steps_undoes_starts_and_plans_by_the_keyboard(
    artifact_root: Path, artifact: Path, redis_server: Any, live_server: Any, settings: Any
) -> None:
    port = a_free_port()
    settings.SHOPIFY_SHOP_URL = f"http://127.0.0.1:{port}/{{shop}}"
    shop = a_signed_in_shop()
    a_product(shop, MUG, title="Enamel Mug", handle="enamel-mug")
    for product_id in range(100, 108):
        a_product(shop, product_id, title=f"Product {product_id}")
    a_live_version(shop, artifact)
    rollout = at_step(shop, artifact, 0)
    waiting = services.open_rollout(shop.id, a_candidate(shop, artifact).id, now=NOW)
    a_small_shops_traffic(shop, rollout)
    some_answers(shop, rollout)
    follow_pointer(shop)

    walk(live_server.url, str(rollout.id), str(waiting.id), port=port)

    assert queries.get_rollout(shop.id, rollout.id).state is RolloutState.ROLLED_BACK
    assert queries.get_rollout(shop.id, waiting.id).state is RolloutState.PAUSED
    assert queries.champion_id(shop.id) == rollout.champion_id
    acts = audit.events(shop.id, event=Event.ROLLOUT_MOVED)
    by_hand = [one.actor for one in acts if one.actor.startswith("user ")]
    assert by_hand == ["user 1"] * 4
    # A look at the shop is no visit, and a preview no decision.
    assert not BrowserEvent.objects.for_shop(shop.id).exists()
    assert not Decision.objects.for_shop(shop.id).exists()

"""An admin steps a rollout and undoes it: pages, API, services and database, as they run in production."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.rollouts import queries
from backend.rollouts.values import RolloutState
from tests.backend.onboarding.test_api import a_signed_in_shop
from tests.backend.publishing.followed import follow_pointer
from tests.backend.registry.versions import a_live_version
from tests.backend.rollouts.rollouts import at_step

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_admin_steps_and_undoes_in_a_browser(
    artifact_root: Path, artifact: Path, redis_server: Any, live_server: Any
) -> None:
    shop = a_signed_in_shop()
    a_live_version(shop, artifact)
    rollout = at_step(shop, artifact, 0)
    follow_pointer(shop)

    walk = subprocess.run(
        ["node", "tests/e2e/walks/rollout.mjs", live_server.url, str(rollout.id), shop.domain],
        cwd=ROOT,
        env=os.environ
        | {"SHOPIFY_API_KEY": settings.SHOPIFY_API_KEY, "SHOPIFY_API_SECRET": settings.SHOPIFY_API_SECRET},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert walk.returncode == 0, walk.stderr
    assert queries.get_rollout(shop.id, rollout.id).state is RolloutState.ROLLED_BACK
    assert queries.champion_id(shop.id) == rollout.champion_id
    acts = audit.events(shop.id, event=Event.ROLLOUT_MOVED)
    assert [one.actor for one in acts if one.actor.startswith("user ")] == ["user 7", "user 7"]

"""Rollouts at the staff dashboard: the same story as the merchant's, and a way to stop one."""

from pathlib import Path

import pytest
from django.test import Client

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.rollouts import models, queries
from backend.rollouts.values import Rollout, RolloutPlan, RolloutState
from backend.shops.models import Shop
from backend.staff.values import Role
from tests.backend.history import a_shop
from tests.backend.registry.versions import a_live_version
from tests.backend.rollouts.rollouts import advance, an_open_rollout, at_step
from tests.backend.staff.people import an_account, signed_in

pytestmark = pytest.mark.django_db

LIST = "/staff/rollouts/rollout/"


@pytest.fixture
def shop(artifact_root: Path) -> Shop:
    return a_shop()


@pytest.fixture
def rollout(shop: Shop, artifact: Path) -> Rollout:
    a_live_version(shop, artifact)
    return at_step(shop, artifact, 0)


def page_of(rollout: Rollout) -> str:
    row = models.Rollout.objects.for_shop(rollout.shop_id).get(uuid=rollout.id)
    return f"{LIST}{row.pk}/"


def asked_to_stop(client: Client, rollout: Rollout, reason: str) -> int:
    return client.post(f"{page_of(rollout)}stop/", {"reason": reason}).status_code


def test_a_rollout_is_told_to_support_as_to_its_merchant_with_the_evidence_of_each_move(
    rollout: Rollout,
) -> None:
    support = signed_in(an_account())

    listed = support.get(LIST).content.decode()
    page = support.get(f"{page_of(rollout)}change/").content.decode()

    assert "v2 against v1" in listed
    assert f"Shown to {rollout.percent}% of visitors since" in page
    assert "Next: 25% of visitors" in page
    assert "Show the evidence" in page
    assert f"5% of visitors</td>" in page  # noqa: F541 -- reads like the page


def test_a_look_at_a_rollout_is_an_act_in_the_shops_ledger(rollout: Rollout) -> None:
    signed_in(an_account()).get(f"{page_of(rollout)}change/")

    [look] = audit.events(rollout.shop_id, event=Event.STAFF_LOOKED)
    assert look.subject == f"rollout {rollout.number}"


def test_support_reads_whose_products_were_clicked_first(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact)
    an_open_rollout(shop, artifact, plan=RolloutPlan(interleave_days=28))
    mixed = advance(shop, days=1)

    page = signed_in(an_account()).get(f"{page_of(mixed)}change/").content.decode()

    assert mixed.state is RolloutState.INTERLEAVED
    assert "No visitor has clicked a product yet that one of the versions chose alone." in page


def test_an_operator_stops_a_rollout_and_its_merchant_reads_why(rollout: Rollout) -> None:
    user = an_account("olga", Role.OPERATOR)

    status = asked_to_stop(signed_in(user), rollout, "Its lists show a recalled product.")

    stopped = queries.get_rollout(rollout.shop_id, rollout.id)
    assert (status, stopped.state, stopped.percent) == (302, RolloutState.ROLLED_BACK, 0)
    assert queries.champion_id(rollout.shop_id) == rollout.champion_id
    last = queries.moves_of(rollout.shop_id, rollout.id)[-1]
    assert last.actor == f"staff:{user.pk}"
    assert last.words == "Stopped by support: Its lists show a recalled product."


@pytest.mark.parametrize("reason", ["", "   "])
def test_nothing_is_stopped_without_a_reason(rollout: Rollout, reason: str) -> None:
    operator = signed_in(an_account("olga", Role.OPERATOR))

    asked_to_stop(operator, rollout, reason)

    assert queries.get_rollout(rollout.shop_id, rollout.id).state is RolloutState.CANARY
    assert "Say why: the merchant reads it." in operator.get(LIST).content.decode()


def test_support_may_look_and_not_stop(rollout: Rollout) -> None:
    support = signed_in(an_account())

    assert asked_to_stop(support, rollout, "I may not.") == 403
    assert queries.get_rollout(rollout.shop_id, rollout.id).state is RolloutState.CANARY
    assert "Stop this rollout" not in support.get(f"{page_of(rollout)}change/").content.decode()


def test_nobody_of_ours_starts_widens_or_promotes_one(rollout: Rollout) -> None:
    operator = signed_in(an_account("olga", Role.OPERATOR))

    page = operator.get(f"{page_of(rollout)}change/").content.decode()

    assert page.count("<button") - page.count('class="tb-search"') >= 1
    assert "Stop this rollout" in page
    for word in ("Start", "Promote", "Next step", "Resume"):
        assert f">{word}" not in page


def test_what_has_ended_is_not_stopped_again(shop: Shop, rollout: Rollout) -> None:
    operator = signed_in(an_account("olga", Role.OPERATOR))
    asked_to_stop(operator, rollout, "Once.")
    moves = len(queries.moves_of(rollout.shop_id, rollout.id))

    asked_to_stop(operator, rollout, "Twice.")

    assert len(queries.moves_of(rollout.shop_id, rollout.id)) == moves
    assert "is not under way" in operator.get(LIST).content.decode()


def test_a_shadow_is_stopped_too(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact)
    shadow = an_open_rollout(shop, artifact)

    asked_to_stop(signed_in(an_account("olga", Role.OPERATOR)), shadow, "Wrong data.")

    assert queries.get_rollout(shop.id, shadow.id).state is RolloutState.ROLLED_BACK

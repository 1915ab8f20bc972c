"""Each shop's decisions go when their time is over: whole days where all agree, else its rows alone."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.core.management import call_command

from backend.audit import queries, services
from backend.audit.models import CONTENTS, DECISIONS, Content, Decision
from backend.audit.services import BadRetention
from backend.audit.values import Event, Ledger, ShownItem
from backend.core import partitions
from backend.shops.models import Shop
from tests.backend.audit.tampering import tamper, verified
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import NOW, a_shop

pytestmark = pytest.mark.django_db(transaction=True)

DAYS = 4
DAY = timedelta(days=1)
ITEMS = tuple(ShownItem(7_900_000_000_000 + n, n / 8, f"Often bought with {n}", n) for n in range(1, 9))


@pytest.fixture
def shops() -> Sequence[Shop]:
    """Two shops with sealed decisions on four days, and a list that each shares within each."""
    made = [a_shop(), a_shop("other.myshopify.com")]
    days = [NOW - number * DAY for number in range(DAYS)]
    for of in (DECISIONS, CONTENTS):
        # Days that other tests made stay behind them: emptying a table drops none.
        for day in [day for day in partitions.days(of) if day < NOW.date()]:
            with services.erasure():
                partitions.drop(of, day)
        partitions.make(of, [day.date() for day in days], within=services.erasure)
    for shop in made:
        for day in reversed(days):
            some = [a_decision(shop.id, at=day, items=ITEMS) for _ in range(4)]
            services.record_decisions(some, shop_id=shop.id)
    services.seal(Ledger.DECISIONS, now=NOW)
    return made


def kept(shop: Shop) -> int:
    """Return on how many days a shop still has decisions; contents are there on the same."""
    days = {at.date() for at in Decision.objects.for_shop(shop.id).values_list("at", flat=True)}
    assert set(Content.objects.for_shop(shop.id).values_list("day", flat=True)) == days
    return len(days)


def test_days_that_nobody_keeps_go_as_a_whole(shops: Sequence[Shop]) -> None:
    dropped = services.retire_decisions(keep=DAY, now=NOW)

    assert [kept(shop) for shop in shops] == [2, 2]
    assert dropped == 4
    assert (NOW - 2 * DAY).date() not in {*partitions.days(DECISIONS), *partitions.days(CONTENTS)}
    assert all(verified(shop.id).ok for shop in shops)


@pytest.mark.parametrize(
    ("case", "own", "keep", "left"),
    [
        ("longer than the deployment", 3, DAY, [4, 2]),
        ("shorter than the deployment", 1, 3 * DAY, [2, 4]),
        ("for good, and the deployment not", 0, DAY, [4, 2]),
        ("shorter, and the deployment for good", 1, timedelta(0), [2, 4]),
        ("as the deployment", None, DAY, [2, 2]),
    ],
)
def test_a_shop_may_keep_its_decisions_for_another_time(
    shops: Sequence[Shop], case: str, own: int | None, keep: timedelta, left: list[int]
) -> None:
    services.keep_decisions(shops[0].id, days=own, now=NOW, actor="staff:1")

    for _again in range(2):
        services.retire_decisions(keep=keep, now=NOW)

    assert [kept(shop) for shop in shops] == left, case
    found = [verified(shop.id) for shop in shops]
    assert [(one.ok, one.rows + one.retired) for one in found] == [(True, 16), (True, 16)], case


def test_the_act_of_a_retention_tells_how_many_decisions_went(shops: Sequence[Shop]) -> None:
    services.retire_decisions(keep=DAY, now=NOW)

    [act] = queries.events(shops[0].id, event=Event.LEDGER_RETIRED)
    day = (NOW - DAY).date().isoformat()
    assert act.details == {"ledger": Ledger.DECISIONS, "before": day, "decisions": 8}


def test_a_row_that_was_deleted_beside_a_sweep_is_a_finding(shops: Sequence[Shop]) -> None:
    services.keep_decisions(shops[0].id, days=1, now=NOW, actor="staff:1")
    services.retire_decisions(keep=timedelta(0), now=NOW)

    for shop in shops:
        tamper("DELETE FROM audit_decision WHERE shop_id = %s AND at = %s", shop.id, NOW)
        assert not verified(shop.id).ok


def test_another_time_is_an_act_with_the_former_and_the_new_one(shops: Sequence[Shop]) -> None:
    for days in (90, None):
        services.keep_decisions(shops[0].id, days=days, now=NOW, actor="staff:1")

    acts = queries.events(shops[0].id, event=Event.SHOP_SETTINGS_CHANGED)
    assert sorted((str(act.old), str(act.new)) for act in acts) == [
        ("{'decisions_kept_days': 90}", "{'decisions_kept_days': None}"),
        ("{'decisions_kept_days': None}", "{'decisions_kept_days': 90}"),
    ]


@pytest.mark.parametrize("days", [-1, 36_526])
def test_no_number_of_days_is_refused(shops: Sequence[Shop], days: int) -> None:
    with pytest.raises(BadRetention):
        services.keep_decisions(shops[0].id, days=days, now=NOW, actor="staff:1")

    assert queries.events(shops[0].id, event=Event.SHOP_SETTINGS_CHANGED) == []


def test_support_sets_it_by_a_command(shops: Sequence[Shop], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("keep_decisions", "other.myshopify.com", "90", "--by", "7")

    services.retire_decisions(keep=DAY, now=NOW)

    assert capsys.readouterr().out == "The decisions of other.myshopify.com are kept for 90 days.\n"
    assert [kept(shop) for shop in shops] == [2, 4]
    [act] = queries.events(shops[1].id, event=Event.SHOP_SETTINGS_CHANGED)
    assert act.actor == "staff:7"

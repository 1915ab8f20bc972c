"""A ledger that is away: shoppers are answered, and every answer is in the ledger after."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from backend.audit import gateway, spooling
from backend.core.spool import Spool
from backend.serving import queries, views
from backend.serving.services import answering
from backend.shops import queries as shops
from backend.shops.models import Shop

from .storefront import GRANTED, ask, recorded, shown

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_own_desk")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_ROOT = tmp_path / "spool"
    return settings.SPOOL_ROOT


def away(*_: Any, **__: Any) -> None:
    raise OperationalError("The server is gone.")


def test_an_answer_while_the_ledger_is_away_is_in_it_after(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        down.setattr(answering.audit, "record_decision", away)
        given = [ask(limit=4), ask(limit=4, consent=GRANTED, logged_in_customer_id=17850)]
    assert recorded(shop.id) == []

    views.shipper.look()

    assert {str(one.id) for one in recorded(shop.id)} == {one.json()["decision"] for one in given}
    assert [len(shown(one)) for one in given] == [4, 4]


def test_what_this_process_knows_is_used_on_while_the_database_is_away(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    # Whatever it knows has grown too old.
    monkeypatch.setattr(shops, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr(queries, "USABLE_SECONDS", 0.0)
    before = ask(limit=4)

    with monkeypatch.context() as down:
        down.setattr(connection, "cursor", away)
        down.setattr(gateway, "_parameters", lambda _: {"host": "/nowhere", "dbname": "gone"})
        gateway.close()
        during = ask(limit=4)
        as_customer = ask(limit=4, consent=GRANTED, logged_in_customer_id=17850)

    assert shown(during) == shown(before)
    assert len(shown(as_customer)) == 4
    assert views.desk.health().spooled == 2
    views.shipper.look()
    assert len(recorded(shop.id)) == 3


def test_a_list_that_neither_the_ledger_nor_the_disk_takes_is_not_shown_and_counted(
    shop: Shop, live: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering.audit, "record_decision", away)
    monkeypatch.setattr(spooling, "_spool", lambda _: Spool(folder, most_bytes=10))

    answer = ask(limit=4)

    # The page keeps the list that was made ahead for it, whose decision is in the ledger.
    assert (answer.status_code, answer.json()) == (200, {"items": []})
    assert (views.desk.health().spooled, views.desk.health().unrecorded) == (0, 1)
    assert recorded(shop.id) == []


def test_health_tells_of_what_went_to_disk(shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as down:
        down.setattr(answering.audit, "record_decision", away)
        ask(limit=4)

    from django.test import Client

    told = Client().get("/health").json()
    assert (told["spooled"], told["unrecorded"]) == (1, 0)

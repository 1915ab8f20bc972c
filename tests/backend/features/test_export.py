import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from backend.features import queries, services
from backend.features.models import Interaction
from backend.features.values import Dataset
from backend.shops.models import Shop
from models.recommender.files import dataset as recommender
from tests.backend.history import NOW, OPENED, a_product, a_shop, an_order

# Outside a test's transaction, because an export sets its own isolation level.
pytestmark = pytest.mark.django_db(transaction=True)

parquet = pytest.importorskip("pyarrow.parquet")


def a_small_shop() -> Shop:
    shop = a_shop()
    a_product(shop, 10, title='Candle, "large"\nwith a line break', tags=["gift", "a, b"])
    a_product(shop, 11, vendor="", product_type="", tags=[])
    a_product(shop, 12, deleted_at=NOW)
    an_order(shop, [11, 10], customer_key="b" * 32, at=NOW - timedelta(days=3))
    an_order(shop, [12], customer_key="a" * 32, at=NOW - timedelta(days=2))
    an_order(shop, [10], customer_key=None, at=NOW - timedelta(days=1))
    services.rebuild(shop.id)
    return shop


def export(shop: Shop, folder: Path, *, until: object = NOW) -> Dataset:
    return queries.export(shop.id, until=until, folder=folder)  # type: ignore[arg-type]


def test_the_folder_holds_purchases_products_and_facts(tmp_path: Path) -> None:
    shop = a_small_shop()

    dataset = export(shop, tmp_path / "dataset")

    purchases = parquet.read_table(dataset.folder / "interactions.parquet").to_pylist()
    guest = next(row for row in purchases if row["user"].startswith("guest:"))
    assert [(row["user"][:6], row["item"]) for row in purchases] == [
        ("a" * 6, 12),
        ("b" * 6, 10),
        ("b" * 6, 11),
        ("guest:", 10),
    ]
    assert guest["user"] == f"guest:{guest['basket']}"
    assert (guest["event"], guest["quantity"], guest["price"]) == ("purchase", 2, 9.5)
    assert guest["at"] == NOW - timedelta(days=1)
    listed = parquet.read_table(dataset.folder / "items.parquet").to_pylist()
    assert [row["item"] for row in listed] == [10, 11]
    assert listed[0]["title"] == 'Candle, "large"\nwith a line break'
    assert listed[0]["tags"] == ["gift", "a, b"]
    assert (listed[1]["vendor"], listed[1]["tags"], listed[1]["available"]) == ("", [], True)
    assert dataset.customers == 2
    facts = json.loads((dataset.folder / "dataset.json").read_text())
    assert facts == {
        "sha256": dataset.sha256,
        "until": "2026-11-20T12:00:00.000001+00:00",
        "interactions": 4,
        "users": 3,
        "items": 2,
        "guest_baskets": 1,
        "files": {
            name: hashlib.sha256((dataset.folder / name).read_bytes()).hexdigest()
            for name in ("interactions.parquet", "items.parquet")
        },
    }


def test_what_is_never_recommended_teaches_and_is_no_candidate(tmp_path: Path) -> None:
    shop = a_small_shop()
    a_product(shop, 13, is_gift_card=True)
    a_product(shop, 14, price_min=0)
    a_product(shop, 15, available=False)
    an_order(shop, [13, 14, 15], at=NOW - timedelta(days=1))
    services.rebuild(shop.id)

    dataset = export(shop, tmp_path / "dataset")

    log = recommender.read(dataset.folder)
    assert set(log.item_ids.tolist()) == {10, 11, 12, 13, 14, 15}
    assert set(log.item_ids[log.is_listed].tolist()) == {10, 11, 15}


def test_the_same_moment_gives_the_same_bytes_after_later_orders(tmp_path: Path) -> None:
    shop = a_small_shop()
    before = export(shop, tmp_path / "before")

    later = an_order(shop, [11], at=NOW + timedelta(days=1))
    services.extend(shop.id, later.order_id)
    after = export(shop, tmp_path / "after")

    assert after.sha256 == before.sha256
    for name in ("interactions.parquet", "items.parquet", "dataset.json"):
        assert (after.folder / name).read_bytes() == (before.folder / name).read_bytes(), name


def test_only_purchases_before_the_moment_are_exported(tmp_path: Path) -> None:
    shop = a_small_shop()

    dataset = export(shop, tmp_path / "dataset", until=NOW - timedelta(days=2))

    # The order placed exactly at the moment is not before it.
    assert (dataset.interactions, dataset.users, dataset.guest_baskets) == (2, 1, 0)


def test_a_shop_without_orders_gives_an_empty_readable_dataset(tmp_path: Path) -> None:
    shop = a_shop()
    a_product(shop, 10, created_at=OPENED)

    dataset = export(shop, tmp_path / "dataset")

    assert parquet.read_table(dataset.folder / "interactions.parquet").num_rows == 0
    assert (dataset.interactions, dataset.users, dataset.items) == (0, 0, 1)


def test_what_happened_before_and_became_known_later_lies_behind_the_end_of_the_data(tmp_path: Path) -> None:
    shop = a_small_shop()
    dataset = export(shop, tmp_path / "dataset")

    late = an_order(shop, [11], at=NOW - timedelta(hours=1))
    services.extend(shop.id, late.order_id)

    # Whoever learned from the dataset is asked about the late order: it is no part of what was learned.
    assert NOW - timedelta(days=1) < dataset.until <= late.created_at
    # Dataset and manifest say the same.
    assert recommender.read(dataset.folder).until == dataset.until.isoformat()


def test_broken_rows_are_counted_by_promise(tmp_path: Path) -> None:
    shop = a_small_shop()
    rows = Interaction.objects.for_shop(shop.id)
    rows.filter(product_id=11).update(quantity=0)
    rows.filter(product_id=12).update(unit_price=-1)

    broken = queries.count_broken(export(shop, tmp_path / "dataset"))

    assert broken == {"missing_users": 0, "bad_prices": 1, "bad_quantities": 1, "after_until": 0}

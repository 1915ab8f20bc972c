"""What serving says of a new product is what training would have read of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from backend.features import queries
from models.recommender.api import NewProduct, VersionInfo
from models.recommender.files import dataset
from tests.backend.history import NOW, OPENED, a_product, a_shop

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Knowing:
    """As much of a scorer as says which products its data held, and until when."""

    until: datetime
    item_ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def version_info(self) -> VersionInfo:
        return VersionInfo("popularity", "item_knn", self.until.isoformat())


def new(shop_id: int, scorer: Knowing) -> list[NewProduct]:
    return queries.new_products(shop_id, scorer)  # type: ignore[arg-type]


def test_serving_and_training_read_the_same_facts(tmp_path: Path) -> None:
    shop = a_shop()
    a_product(shop, 10, title="Tea light, rose", tags=["gift", "rose garden"])
    a_product(shop, 11, title="", vendor="", product_type="", tags=[], price_min="0.01")
    queries.export(shop.id, until=NOW, folder=tmp_path / "dataset")

    log = dataset.read(tmp_path / "dataset")
    found = new(shop.id, Knowing(OPENED))

    assert [one.item for one in found] == [11, 10]
    assert {one.item: one.facts for one in found} == dict(zip(log.item_ids.tolist(), log.facts, strict=True))
    assert {one.item: one.created_at for one in found} == dict(
        zip(log.item_ids.tolist(), log.created_at.tolist(), strict=True)
    )


def test_what_a_version_knows_is_not_new_to_it() -> None:
    shop = a_shop()
    a_product(shop, 10, created_at=NOW - timedelta(days=2))
    a_product(shop, 11, created_at=NOW - timedelta(hours=2))
    a_product(shop, 12, created_at=NOW - timedelta(hours=1))
    a_product(shop, 13, created_at=NOW)

    found = new(shop.id, Knowing(NOW, np.array([11])))

    # 12 was made before the version's data ended, but reached us too late for it.
    assert [one.item for one in found] == [13, 12]

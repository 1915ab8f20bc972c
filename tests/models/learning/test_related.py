import numpy as np
import pytest

from models.recommender.learning.related import related_tables
from models.recommender.learning.simple.tuning import DEFAULTS, fit_all
from models.recommender.learning.transformer.inference import serving_model
from models.recommender.learning.transformer.trainer import Trainer
from models.recommender.serving.rankers import TRANSFORMER, ItemTable, ItemToItem
from models.recommender.values import Recipe
from tests.models.shops import a_busy_shop, a_log


@pytest.fixture(scope="module")
def tables() -> dict[str, ItemTable]:
    log = a_log(*a_busy_shop(customers=40)).sequences
    trainer = Trainer(Recipe(width=16, layers=1, window=16), log)
    transformer = serving_model(trainer.average, log, moment=int(log.at.max()))
    return related_tables([*fit_all(log, DEFAULTS)[0], transformer], trainer.average)


def test_every_model_that_relates_items_offers_a_table(tables: dict[str, ItemTable]) -> None:
    assert set(tables) == {"markov", "item_knn", "ease", "content_knn", TRANSFORMER}


def test_no_item_is_related_to_itself(tables: dict[str, ItemTable]) -> None:
    for name, table in tables.items():
        owner = np.repeat(np.arange(table.rows), np.diff(table.starts))

        assert not (owner == table.items).any(), name


def test_the_transformer_gives_each_item_its_likeliest_companions(tables: dict[str, ItemTable]) -> None:
    table = tables[TRANSFORMER]

    for item in range(table.rows):
        companions, chances = table.row(item)

        assert len(set(companions.tolist())) == table.rows - 1
        assert (np.diff(chances) <= 0).all()
        assert chances.sum() == pytest.approx(1.0, abs=1e-4)


def test_without_a_network_only_the_simple_tables_are_left() -> None:
    log = a_log([("ada", 1, [5, 6]), ("bob", 2, [5, 6])], [5, 6])

    tables = related_tables(fit_all(log, DEFAULTS)[0], None)

    assert TRANSFORMER not in tables
    assert tables["item_knn"].row(0)[0].tolist() == [1]


def test_models_that_relate_nothing_give_no_table() -> None:
    popularity = fit_all(a_log([("ada", 1, [5])], [5]), DEFAULTS)[0][0]

    assert not isinstance(popularity, ItemToItem)
    assert related_tables([popularity], None) == {}

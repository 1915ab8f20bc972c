import numpy as np
import pytest

from models.recommender.learning.blend.lessons import item_signs
from models.recommender.learning.related import related_tables
from models.recommender.learning.simple.tuning import DEFAULTS, fit_all
from models.recommender.learning.transformer.inference import serving_model
from models.recommender.learning.transformer.trainer import Trainer
from models.recommender.log.history import Event, History
from models.recommender.metrics.ranking import best_without
from models.recommender.serving.blend import BLEND, Blend, LinearMixer, bought_column, feature_count
from models.recommender.serving.rankers import TRANSFORMER, ItemTable, ItemToItem
from models.recommender.values import Recipe
from tests.models.shops import UNBOUNDED, a_busy_shop, a_log

UNSOLD = 9_999  # the highest product id: the last item


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


def test_a_blend_puts_beside_a_product_what_it_puts_into_a_cart_with_it() -> None:
    baskets, sold = a_busy_shop(customers=40)
    log = a_log(baskets, [*sold, UNSOLD]).sequences
    members = tuple(fit_all(log, DEFAULTS)[0])
    linear = np.random.default_rng(3).random(feature_count(len(members))).astype(np.float32)
    mixer = LinearMixer(linear, 0 * linear, 0 * linear, np.array([bought_column(len(linear))]), UNBOUNDED)
    signs = item_signs(log, int(log.at.max()) + 1)
    blend = Blend(members, signs, mixer, np.full(len(members), 1 / 7, np.float32), drops_seen=False)

    table = related_tables([*members, blend], None)[BLEND]

    cart = History.of([4], at=[50], events=[Event.CART], now=50)
    items, chances = table.row(4)
    assert items[:10].tolist() == best_without(blend.scores(cart), cart.items).tolist()
    assert (np.diff(chances) <= 0).all()
    assert 0 < chances.sum() <= 1.0001
    # Sales say nothing of what goes with a product that never sold.
    assert len(table.row(log.items - 1)[0]) == 0


def test_without_a_network_only_the_simple_tables_are_left() -> None:
    log = a_log([("ada", 1, [5, 6]), ("bob", 2, [5, 6])], [5, 6])

    tables = related_tables(fit_all(log, DEFAULTS)[0], None)

    assert TRANSFORMER not in tables
    assert tables["item_knn"].row(0)[0].tolist() == [1]


def test_models_that_relate_nothing_give_no_table() -> None:
    popularity = fit_all(a_log([("ada", 1, [5])], [5]), DEFAULTS)[0][0]

    assert not isinstance(popularity, ItemToItem)
    assert related_tables([popularity], None) == {}

import numpy as np
import pytest

from models.recommender.log import content
from models.recommender.log.content import ItemFacts, Vocabulary, price_edges, tokens

NO_EDGES = np.zeros(0)

CANDLES = ItemFacts("Pear Soy Candle", {"type": ("Candles",), "tag": ("gift", "Fig")}, price=8.0)
ANOTHER = ItemFacts("pear soy soap", {"type": ("Soap",), "tag": ("gift",)}, price=20.0)


def test_tokens_are_words_pairs_attributes_and_the_price_bucket() -> None:
    found = tokens(CANDLES, np.array([5.0, 10.0]))

    assert found == [
        "pear", "soy", "candle", "pear soy", "soy candle", "tag=gift", "tag=fig", "type=candles", "price=1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "facts", "expected"),
    [
        ("nothing is known", ItemFacts(), []),
        ("a word that returns counts once", ItemFacts("red red"), ["red", "red red"]),
        ("umlauts and sharp s", ItemFacts("Straße ÜBER"), ["strasse", "über", "strasse über"]),
        ("letters of other scripts", ItemFacts("蜜蝋 キャンドル"), ["蜜蝋", "キャンドル", "蜜蝋 キャンドル"]),
        ("half a character", ItemFacts("soap\ud800", {"tag": ("a\ud800",)}), ["soap", "tag=a?"]),
        ("a value with a line feed", ItemFacts("", {"tag": ("two\nlines", " ")}), ["tag=two lines"]),
        ("a price that is no number", ItemFacts("soap", price=float("nan")), ["soap"]),
    ],
)
def test_tokens_of_odd_facts(case: str, facts: ItemFacts, expected: list[str]) -> None:
    assert tokens(facts, np.array([1.0])) == expected, case


def test_price_edges_part_the_known_prices_into_equal_buckets() -> None:
    facts = [ItemFacts(price=float(price)) for price in range(11)] + [ItemFacts(), ItemFacts(price=np.inf)]

    assert price_edges(facts) == pytest.approx(np.arange(1.0, 10.0))
    assert price_edges([ItemFacts(price=3.0)] * 4).tolist() == [3.0]
    assert price_edges([ItemFacts()]).tolist() == []


def test_the_vocabulary_holds_what_two_items_share_the_most_frequent_first() -> None:
    vocabulary = Vocabulary.learn([CANDLES, ANOTHER, ItemFacts("Pear", {"tag": ("lonely",)})])

    assert vocabulary.words == ("pear", "pear soy", "soy", "tag=gift")
    assert vocabulary.idf == pytest.approx([np.log(4 / 4) + 1] + [np.log(4 / 3) + 1] * 3)


def test_the_vocabulary_keeps_the_most_frequent_tokens_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(content, "LARGEST_VOCABULARY", 2)

    assert Vocabulary.learn([CANDLES, ANOTHER, ItemFacts("Pear")]).words == ("pear", "pear soy")


def test_an_item_vector_is_the_weighted_sum_of_its_known_tokens() -> None:
    vocabulary = Vocabulary(("pear", "soy"), np.array([3.0, 4.0], dtype=np.float32), NO_EDGES)
    table = np.array([[1.0, 0.0], [0.0, 10.0]], dtype=np.float32)

    matrix = vocabulary.matrix([ItemFacts("Soy pear"), ItemFacts("unknown"), ItemFacts("soy")])

    assert matrix.starts.tolist() == [0, 2, 2, 3]
    assert matrix.vectors(table) == pytest.approx(np.array([[0.6, 8.0], [0.0, 0.0], [0.0, 10.0]]))


def test_vectors_do_not_depend_on_how_many_items_lie_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [ItemFacts(f"word{number % 7} word{number % 3}") for number in range(40)]
    matrix = Vocabulary.learn(facts).matrix(facts)
    table = np.random.default_rng(1).normal(size=(matrix.rows.max() + 1, 5)).astype(np.float32)
    expected = matrix.vectors(table)

    monkeypatch.setattr(content, "ITEMS_AT_ONCE", 3)

    assert np.array_equal(matrix.vectors(table), expected)


def test_a_vocabulary_survives_being_stored() -> None:
    vocabulary = Vocabulary.learn([ItemFacts("Über Öl", price=1.0), ItemFacts("über öl", price=2.0)] * 2)

    restored = Vocabulary.restore(vocabulary.arrays())

    assert restored.words == vocabulary.words
    assert np.array_equal(restored.idf, vocabulary.idf)
    assert np.array_equal(restored.edges, vocabulary.edges)
    assert Vocabulary.restore(Vocabulary.learn([]).arrays()).words == ()

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.recommender.learning.transformer.batches import Rows
from models.recommender.learning.transformer.losses import Rivals, RowTensors, cross_entropy
from models.recommender.learning.transformer.network import Recommender, Shape, rotary_table, rotate
from models.recommender.log.content import ItemFacts, TokenMatrix, Vocabulary
from models.recommender.log.history import History
from models.recommender.serving.features import (
    CUSTOMER_FEATURES,
    IS_BOUGHT,
    REPEAT_WIDTH,
    Own,
    Steps,
    own_items,
)
from models.recommender.serving.transformer import TRENDS, TransformerHead

ITEMS, WORDS, WIDTH = 30, 6, 16
SHAPE = Shape(items=ITEMS, words=WORDS, width=WIDTH, layers=2, heads=2, window=12, dropout=0.1)
READOUT = WIDTH + TRENDS + REPEAT_WIDTH


def some_content() -> TokenMatrix:
    """Every item has two words but the last one, which has none."""
    words = tuple(f"word{number}" for number in range(WORDS))
    vocabulary = Vocabulary(words, np.ones(WORDS, dtype=np.float32), np.zeros(0))
    facts = [ItemFacts(f"word{item % 6} word{(item + 1) % 6}") for item in range(ITEMS - 1)]
    return vocabulary.matrix([*facts, ItemFacts()])


@pytest.fixture
def model() -> Recommender:
    torch.manual_seed(0)
    network = Recommender(SHAPE, some_content(), np.ones(ITEMS, dtype=np.float32))
    # What starts silent must be heard, or a test of it could not fail.
    for part in (network.events, network.gaps, network.since, network.customer):
        torch.nn.init.normal_(part.weight, std=0.3)
    return network.eval()


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_rows(*, drops_seen: bool = False) -> RowTensors:
    """Three rows: items 1 and 2 were bought, 3 viewed; 2 (or 5) and 4 are wanted. Two periods."""
    chance = np.random.default_rng(1)
    features = chance.random((9, REPEAT_WIDTH)).astype(np.float32)
    features[:, IS_BOUGHT] = [1, 1, 0] * 3
    rows = Rows(
        own=Own(np.repeat(np.arange(3), 3), np.array([1, 2, 3] * 3), features, np.ones(9, dtype=np.float32)),
        own_starts=np.array([0, 3, 6, 9]),
        target_items=np.array([5 if drops_seen else 2, 4] * 3),
        target_starts=np.array([0, 2, 4, 6]),
        since=np.zeros(3, dtype=np.int64),
        customer=np.zeros((3, CUSTOMER_FEATURES), dtype=np.float32),
        period=np.array([0, 1, 1]),
    )
    return RowTensors.of(rows, torch.device("cpu"), drops_seen=drops_seen)


def encode(
    model: Recommender, items: Tensor, events: Tensor | None = None, gaps: Tensor | None = None
) -> Tensor:
    nothing = torch.zeros_like(items)
    states = model(
        model.items()[items], nothing if events is None else events, nothing if gaps is None else gaps
    )
    assert isinstance(states, Tensor)
    return states


def test_shapes(model: Recommender) -> None:
    states = encode(model, torch.zeros(4, 7, dtype=torch.int64))

    readout = model.read_next(
        states[:, -1], torch.zeros(4, dtype=torch.int64), torch.zeros(4, CUSTOMER_FEATURES + WIDTH)
    )
    parts = model.split(readout)

    assert states.shape == (4, 7, WIDTH)
    assert [part.shape for part in parts] == [(4, WIDTH), (4, TRENDS), (4, REPEAT_WIDTH)]


@pytest.mark.parametrize("column", ["items", "events", "gaps"])
def test_a_later_step_leaves_earlier_states_bit_identical(model: Recommender, column: str) -> None:
    generator = torch.Generator().manual_seed(3)
    columns = {
        "items": torch.randint(0, ITEMS, (2, 10), generator=generator),
        "events": torch.randint(0, 3, (2, 10), generator=generator),
        "gaps": torch.randint(0, 9, (2, 10), generator=generator),
    }
    changed = {name: values.clone() for name, values in columns.items()}
    changed[column][:, 6] = (changed[column][:, 6] + 1) % 3

    before, after = encode(model, **columns), encode(model, **changed)

    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.equal(before[:, 6:], after[:, 6:])


def test_padding_on_the_right_changes_nothing(model: Recommender) -> None:
    items = torch.randint(0, ITEMS, (3, 6), generator=torch.Generator().manual_seed(4))

    states = encode(model, functional.pad(items, (0, 5)))[:, :6]

    torch.testing.assert_close(states, encode(model, items), atol=1e-6, rtol=0)


@pytest.mark.parametrize("length", [1, 2, 12])
def test_the_last_state_alone_is_the_last_of_all_states(model: Recommender, length: int) -> None:
    items = torch.randint(0, ITEMS, (3, length), generator=torch.Generator().manual_seed(4))
    nothing = torch.zeros_like(items)

    last = model.last(model.items()[items], nothing, nothing)

    torch.testing.assert_close(last, encode(model, items)[:, -1], atol=1e-6, rtol=0)


def test_an_item_whose_own_part_is_hidden_speaks_through_its_words(model: Recommender) -> None:
    keep = torch.ones(ITEMS)
    keep[[4, 29]] = 0
    words = model.items.words

    vectors = model.items(keep)

    torch.testing.assert_close(vectors[4], (words[4] + words[5]) * 0.5**0.5)
    torch.testing.assert_close(vectors[7], model.items.own[7] + (words[1] + words[2]) * 0.5**0.5)
    assert vectors[29].tolist() == [0.0] * WIDTH


def test_vectors_of_words_are_the_same_in_numpy(model: Recommender) -> None:
    in_numpy = some_content().vectors(model.items.words.detach().numpy())

    np.testing.assert_allclose(model.items.content().detach().numpy(), in_numpy, atol=1e-6)


def test_rotation_makes_attention_depend_on_distance_only() -> None:
    table = rotary_table(12, 8)
    query, key = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(5)).unbind(0)

    def product(at: int, other: int) -> torch.Tensor:
        return (rotate(query, table[:, at : at + 1]) * rotate(key, table[:, other : other + 1])).sum()

    torch.testing.assert_close(product(3, 1), product(10, 8))
    assert abs(product(3, 1) - product(3, 2)) > 1e-4


def test_a_block_matches_attention_written_out(model: Recommender) -> None:
    """Golden: softmax(QK'/sqrt(d))V with a causal mask, as in ``torch.nn.functional``'s own docstring."""
    block = model.blocks[0]
    normed = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(6))
    table = model.rotary[:, :5]
    query, key, value = (
        part.reshape(1, 5, 2, 8).transpose(1, 2) for part in block.projections(normed).chunk(3, dim=-1)
    )

    logits = rotate(query, table) @ rotate(key, table).transpose(-1, -2) / 8**0.5
    weights = logits.masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), -torch.inf).softmax(-1)
    expected = block.mix((weights @ value).transpose(1, 2).reshape(1, 5, 16))

    torch.testing.assert_close(block._attend(normed, table), expected)


def logits_written_out(
    model: Recommender, readout: Tensor, vectors: Tensor, bias: Tensor, rows: RowTensors, trends: Tensor
) -> Tensor:
    query, trend_weights, repeat_weights = model.split(readout)
    logits = query @ vectors.T + bias
    logits = logits + torch.stack(
        [trends[period] @ trend_weights[row] for row, period in enumerate(rows.period)]
    )
    bonus = (rows.features * repeat_weights[rows.own_row]).sum(1)
    bonus = bonus + model.again[rows.own_item] * rows.features[:, IS_BOUGHT]
    logits = logits.index_put((rows.own_row, rows.own_item), bonus, accumulate=True)
    if rows.drops_seen:
        is_seen = rows.features[:, IS_BOUGHT] > 0
        logits = logits.index_put((rows.own_row[is_seen], rows.own_item[is_seen]), torch.tensor(-torch.inf))
    return logits


def leaves(model: Recommender) -> tuple[Tensor, Tensor, Tensor]:
    with torch.no_grad():
        model.again.copy_(noise(ITEMS, seed=8))
    return (
        noise(3, READOUT, seed=7).requires_grad_(),
        noise(ITEMS, WIDTH, seed=5).requires_grad_(),
        noise(ITEMS, seed=6).requires_grad_(),
    )


@pytest.mark.parametrize("drops_seen", [False, True], ids=["repeats count", "repeats are no answer"])
def test_the_loss_and_its_gradients_are_those_of_cross_entropy_written_out(
    model: Recommender, monkeypatch: pytest.MonkeyPatch, drops_seen: bool
) -> None:
    """Golden: ``torch.nn.functional.cross_entropy`` with the targets as class probabilities."""
    monkeypatch.setattr("models.recommender.learning.transformer.losses.LOGIT_ROWS", {"cpu": 1})
    rows, trends = some_rows(drops_seen=drops_seen), noise(2, ITEMS, TRENDS, seed=2)
    readout, vectors, bias = leaves(model)
    learned = (readout, vectors, bias, model.again)
    logits = logits_written_out(model, readout, vectors, bias, rows, trends)
    targets = torch.zeros(3, ITEMS).index_put((rows.target_row, rows.target), torch.tensor(0.5))
    chosen = targets > 0
    expected = -(logits.log_softmax(1)[chosen] * targets[chosen]).sum() / 3

    loss = cross_entropy(model, readout, vectors, bias, rows, trends, Rivals(ITEMS))

    torch.testing.assert_close(loss, expected)
    gradients = torch.autograd.grad(loss * 2, learned)
    for ours, theirs in zip(gradients, torch.autograd.grad(expected * 2, learned), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_what_was_bought_is_no_rival_where_repeats_are_dropped(model: Recommender) -> None:
    rows, trends = some_rows(drops_seen=True), noise(2, ITEMS, TRENDS, seed=2)
    readout, vectors, bias = leaves(model)
    louder = bias.detach().clone()
    louder[[1, 2]] += 50.0
    viewed = bias.detach().clone()
    viewed[3] += 50.0

    def loss(bias: Tensor) -> float:
        with torch.no_grad():
            return float(cross_entropy(model, readout, vectors, bias, rows, trends, Rivals(ITEMS)))

    assert loss(louder) == pytest.approx(loss(bias), abs=1e-5)
    assert loss(viewed) > loss(bias) + 10


def test_the_sampled_loss_nears_the_full_one_as_the_sample_grows(model: Recommender) -> None:
    rows, trends = some_rows(), noise(2, ITEMS, TRENDS, seed=2)
    readout, vectors, bias = leaves(model)
    chances = torch.softmax(noise(ITEMS, seed=9), 0)
    full = cross_entropy(model, readout, vectors, bias, rows, trends, Rivals(ITEMS))

    torch.manual_seed(10)
    losses = [
        cross_entropy(model, readout, vectors, bias, rows, trends, Rivals.sample(rows, chances, draws))
        for draws in (10, 5_000)
    ]

    assert abs(losses[0] - full) > 0.01
    torch.testing.assert_close(losses[1], full, atol=1e-4, rtol=0)


def test_a_sampled_rival_counts_as_often_as_it_is_missed(model: Recommender) -> None:
    rows, trends = some_rows(), torch.zeros(2, ITEMS, TRENDS)
    readout, vectors, bias = torch.zeros(3, READOUT), torch.zeros(ITEMS, WIDTH), torch.zeros(ITEMS)
    place = torch.zeros(ITEMS, dtype=torch.int64)
    place[[1, 2, 3, 4, 20]] = torch.arange(5)
    rivals = Rivals(ITEMS, torch.tensor([1, 2, 3, 4, 20]), torch.log(torch.full((5,), 0.25)), place)

    loss = cross_entropy(model, readout, vectors, bias, rows, trends, rivals)

    # Four own items and targets stand for themselves, the fifth for four: eight equal shares.
    assert loss.item() == pytest.approx(np.log(8.0))


def test_scoring_in_numpy_matches_the_loss_in_torch(model: Recommender) -> None:
    history = History.of([4, 9, 4, 11], events=[2, 2, 2, 0])
    trends = noise(2, ITEMS, TRENDS, seed=2)
    readout, vectors, bias = leaves(model)
    own = own_items(Steps.of([history]))
    nothing = np.zeros(0, dtype=np.int64)
    rows = Rows(
        own, np.array([0, 3]), nothing, np.array([0, 0]), nothing, np.zeros((1, 0), np.float32), np.array([1])
    )
    asked = RowTensors.of(rows, torch.device("cpu"), drops_seen=False)
    head = TransformerHead(
        vectors=torch.cat([vectors, trends[1]], dim=1).detach().numpy(),
        bias=bias.detach().numpy(),
        again=model.again.detach().numpy(),
        prices=np.ones(ITEMS, dtype=np.float32),
    )

    scores = head.scores(readout[0].detach().numpy(), history)

    expected = logits_written_out(model, readout[:1], vectors, bias, asked, trends)
    np.testing.assert_allclose(scores, expected[0].detach().numpy(), atol=1e-5)

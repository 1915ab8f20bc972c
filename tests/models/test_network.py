import numpy as np
import pytest
import torch
from torch.nn import functional

from models.recommender.losses import RowTensors, full_cross_entropy, sampled_cross_entropy
from models.recommender.network import TRENDS, Recommender, Shape, rotary_table, rotate
from models.recommender.rankers import REPEAT_WIDTH

SHAPE = Shape(items=30, width=16, layers=2, heads=2, window=12, dropout=0.1)


@pytest.fixture
def model() -> Recommender:
    torch.manual_seed(0)
    return Recommender(SHAPE).eval()


def some_rows(rows: int = 3) -> RowTensors:
    """Rows with two history items, one of which is bought again, a new target and one padded place."""
    chance = torch.Generator().manual_seed(1)
    own = torch.tensor([[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0]])[:rows]
    return RowTensors(
        own=own,
        features=torch.rand(rows, 4, REPEAT_WIDTH, generator=chance),
        is_history=torch.tensor([[True, True, False, False]] * rows),
        is_target=torch.tensor([[False, True, True, False]] * rows),
        is_real=torch.tensor([[True, True, True, False]] * rows),
        period=torch.tensor([0, 1, 1])[:rows],
    )


def some_trends() -> torch.Tensor:
    return torch.randn(2, SHAPE.items, TRENDS, generator=torch.Generator().manual_seed(2))


def test_shapes(model: Recommender) -> None:
    states = model(torch.zeros(4, 7, dtype=torch.int64))

    readout = model.next(states[:, -1])
    query, repeat = model.split(readout)

    assert states.shape == (4, 7, 16)
    assert query.shape == (4, 16 + TRENDS)
    assert repeat.shape == (4, REPEAT_WIDTH)


def test_a_later_item_leaves_earlier_states_bit_identical(model: Recommender) -> None:
    items = torch.randint(0, 30, (2, 10), generator=torch.Generator().manual_seed(3))
    changed = items.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 30

    before, after = model(items), model(changed)

    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.equal(before[:, 6:], after[:, 6:])


def test_padding_on_the_right_changes_nothing(model: Recommender) -> None:
    items = torch.randint(0, 30, (3, 6), generator=torch.Generator().manual_seed(4))
    padded = functional.pad(items, (0, 5))

    torch.testing.assert_close(model(padded)[:, :6], model(items), atol=1e-6, rtol=0)


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


def test_the_full_loss_is_the_cross_entropy_of_scores_written_out(model: Recommender) -> None:
    """Golden: ``torch.nn.functional.cross_entropy`` with the targets as class probabilities."""
    rows, trends = some_rows(), some_trends()
    readout = torch.randn(3, 16 + TRENDS + REPEAT_WIDTH, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        model.again.normal_(generator=torch.Generator().manual_seed(8))
        logits = readout[:, :16] @ model.items.weight.T + model.bias
    for row in range(3):
        logits[row] += trends[rows.period[row]] @ readout[row, 16 : 16 + TRENDS]
        for place in range(2):
            item = rows.own[row, place]
            logits[row, item] += rows.features[row, place] @ readout[row, 16 + TRENDS :] + model.again[item]
    targets = torch.zeros(3, 30).scatter_(1, rows.own[:, 1:3], 0.5)

    loss = full_cross_entropy(model, readout, rows, trends)

    torch.testing.assert_close(loss, functional.cross_entropy(logits, targets))


def test_the_sampled_loss_nears_the_full_one_as_the_sample_grows(model: Recommender) -> None:
    rows, trends = some_rows(), some_trends()
    readout = torch.randn(3, 16 + TRENDS + REPEAT_WIDTH, generator=torch.Generator().manual_seed(7))
    chances = torch.softmax(torch.randn(30, generator=torch.Generator().manual_seed(9)), 0)
    drawn = torch.multinomial(chances, 200_000, replacement=True, generator=torch.Generator().manual_seed(10))

    sampled = sampled_cross_entropy(
        model, readout, rows, trends, drawn, torch.log(chances[drawn] * len(drawn))
    )

    torch.testing.assert_close(sampled, full_cross_entropy(model, readout, rows, trends), atol=0.01, rtol=0)


def test_the_sampled_loss_never_counts_a_target_as_its_own_rival(model: Recommender) -> None:
    rows, trends = some_rows(rows=1), some_trends()
    readout = torch.randn(1, 16 + TRENDS + REPEAT_WIDTH, generator=torch.Generator().manual_seed(7))

    def loss_against(negatives: list[int]) -> torch.Tensor:
        drawn = torch.tensor(negatives)
        return sampled_cross_entropy(model, readout, rows, trends, drawn, torch.zeros(len(drawn)))

    torch.testing.assert_close(loss_against([20, 1, 2, 3]), loss_against([20]))


def test_scoring_in_numpy_matches_the_loss_in_torch(model: Recommender) -> None:
    from models.recommender.rankers import TransformerHead, repeat_features

    history = np.array([4, 9, 4, 11])
    trends = some_trends()[0]
    with torch.no_grad():
        model.again.normal_(generator=torch.Generator().manual_seed(8))
        readout = model.next(model(torch.from_numpy(history)[None])[:, -1])
        items, features = repeat_features(history)
        logits = readout[0, :16] @ model.items.weight.T + model.bias + trends @ readout[0, 16 : 16 + TRENDS]
        logits[items] += torch.from_numpy(features) @ readout[0, 16 + TRENDS :] + model.again[items]
    head = TransformerHead(
        vectors=torch.cat([model.items.weight, trends], dim=1).detach().numpy(),
        bias=model.bias.detach().numpy(),
        again=model.again.detach().numpy(),
    )

    np.testing.assert_allclose(head.scores(readout[0].numpy(), history), logits.numpy(), atol=1e-5)

"""A trained network asked in batches: for validation, for the comparison of models, for export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.recommender.learning.transformer.network import Encoder, Recommender
from models.recommender.log.arrays import Floats, Ints
from models.recommender.log.history import History
from models.recommender.log.log import Log
from models.recommender.log.splits import Case
from models.recommender.metrics.ranking import CUTOFF, Ranking, judge
from models.recommender.serving.features import IS_BOUGHT, Own, Steps, customer_features, own_items, step_gaps
from models.recommender.serving.transformer import (
    NEXT,
    TOGETHER,
    Encode,
    EncoderInput,
    Transformer,
    TransformerHead,
    item_trends,
)

ENCODE_AT_ONCE = 256  # histories encoded together
Asked = TypeVar("Asked", Ints, Sequence[Case])


def weights_of(network: Recommender) -> dict[str, NDArray[np.float32]]:
    """Return every weight by name, free of torch: a later training can start from them."""
    return {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}


def head_of(network: Recommender, log: Log, *, moment: int) -> TransformerHead:
    """Return the NumPy scoring head with trends as they were at ``moment``."""
    trends_IP = item_trends(log, np.array([moment]))[0]
    with torch.no_grad():
        vectors_ID = network.items().float().cpu().numpy()
    return TransformerHead(
        vectors=np.concatenate([vectors_ID, trends_IP], axis=1),
        bias=network.bias.detach().cpu().numpy().copy(),
        again=network.again.detach().cpu().numpy().copy(),
        prices=network.prices.cpu().numpy().copy(),
    )


def readouts(
    network: Recommender, head: TransformerHead, histories: Sequence[History], *, kind: str = NEXT
) -> Floats:
    """Return the readout "next" or "together" after each history, (R, Q); none may be empty."""
    window = network.shape.window
    order = np.argsort([min(len(history), window) for history in histories], kind="stable")
    parts = [
        _read(network, head, [histories[index] for index in group], kind=kind)
        for group in _some_at_once(order)
    ]
    out = np.empty((len(histories), parts[0].shape[1]), dtype=np.float32)
    out[order] = np.concatenate(parts)
    return out


def _some_at_once(asked: Asked) -> Iterator[Asked]:
    for start in range(0, len(asked), ENCODE_AT_ONCE):
        yield asked[start : start + ENCODE_AT_ONCE]


@torch.no_grad()
def _read(network: Recommender, head: TransformerHead, histories: Sequence[History], *, kind: str) -> Floats:
    device = network.bias.device
    recent = [head.newest(history, window=network.shape.window) for history in histories]
    longest = max(len(history) for history in recent)

    def padded(columns: Sequence[NDArray[Any]]) -> Tensor:
        rows = [np.pad(column.astype(np.int64), (0, longest - len(column))) for column in columns]
        return torch.from_numpy(np.stack(rows)).to(device)

    table_ID = torch.from_numpy(np.ascontiguousarray(head.vectors[:, : head.width])).to(device)
    states_BTD = network(
        table_ID[padded([history.items for history in recent])],
        padded([history.events for history in recent]),
        padded([step_gaps(history) for history in recent]),
    )
    last = torch.tensor([len(history) - 1 for history in recent], device=device)
    states_RD = states_BTD[torch.arange(len(recent), device=device), last]
    if kind == TOGETHER:
        return np.asarray(network.together(states_RD).float().cpu().numpy())
    steps = Steps.of(histories)
    customer_RC = torch.from_numpy(_customers(steps, own_items(steps), head)).to(device)
    since_R = torch.from_numpy(steps.since()).to(device)
    return np.asarray(network.read_next(states_RD, since_R, customer_RC).float().cpu().numpy())


def _customers(steps: Steps, own: Own, head: TransformerHead) -> Floats:
    """Return features and taste of each customer, (R, C)."""
    taste = np.zeros((len(steps), head.width), dtype=np.float32)
    np.add.at(taste, own.owner, head.vectors[own.items, : head.width] * own.affinity[:, None])
    return np.concatenate([customer_features(steps, head.prices), taste], axis=1)


def validate(
    network: Recommender,
    log: Log,
    cases: Sequence[Case],
    *,
    moment: int,
    drop_seen: bool = False,
    kind: str = NEXT,
) -> Ranking:
    """Rank all items for each case, many cases at a time: as ``ranking.rank`` does, ties aside."""
    head = head_of(network, log, moment=moment)
    tops: list[Ints] = []
    for chosen in _some_at_once(cases):
        logits = torch.from_numpy(_logits(network, head, [case.history for case in chosen], kind=kind))
        if drop_seen:
            owner = np.repeat(np.arange(len(chosen)), [len(case.seen) for case in chosen])
            seen = np.concatenate([case.seen for case in chosen])
            logits[torch.from_numpy(owner), torch.from_numpy(seen)] = -torch.inf
        tops.extend(logits.topk(min(CUTOFF, log.items), dim=1).indices.numpy())
    return judge(tops, cases, items=log.items)


def _logits(
    network: Recommender, head: TransformerHead, histories: Sequence[History], *, kind: str
) -> Floats:
    """Return the scores of all items for histories that are not empty, (R, I)."""
    read, met = readouts(network, head, histories, kind=kind), head.vectors.shape[1]
    logits = read[:, :met] @ head.vectors.T + head.bias
    if kind == TOGETHER:
        return np.asarray(logits, dtype=np.float32)
    own = own_items(Steps.of(histories))
    bonus = np.vecdot(own.features, read[own.owner, met:])
    logits[own.owner, own.items] += bonus + head.again[own.items] * own.features[:, IS_BOUGHT]
    return np.asarray(logits, dtype=np.float32)


def torch_encoder(network: Recommender) -> Encode:
    """Return the encoder as serving asks it, run by torch: for a network that is not exported yet."""
    encoder, device = Encoder(network), network.bias.device

    @torch.no_grad()
    def encode(asked: EncoderInput) -> tuple[Floats, Floats]:
        feeds = [torch.from_numpy(np.asarray(part)).to(device) for part in asked.feeds().values()]
        following, together = encoder(*feeds)
        return following[0].float().cpu().numpy(), together[0].float().cpu().numpy()

    return encode


@dataclass(frozen=True)
class PreEncoded(Transformer):
    """A transformer that was asked about some histories before, all at once: they cost no encoding."""

    readouts: dict[int, Floats] = field(default_factory=dict)  # by identity of the history
    cases: Sequence[Case] = ()  # kept, so that no other history takes over an identity

    def scores(self, history: History) -> Floats:
        """Return the logits of all items, (I,)."""
        readout = self.readouts.get(id(history))
        return super().scores(history) if readout is None else self._scores(readout, history)


def serving_model(
    network: Recommender, log: Log, *, moment: int, cases: Sequence[Case] = (), kind: str = NEXT
) -> Transformer:
    """Return the network as a model that scores like the exported one; ``cases`` are answered at once."""
    head = head_of(network, log, moment=moment)
    asked = [case for case in cases if len(case.history)]
    read = readouts(network, head, [case.history for case in asked], kind=kind) if asked else ()
    return PreEncoded(
        encode=torch_encoder(network),
        head=head,
        window=network.shape.window,
        readout=kind,
        readouts={id(case.history): row for case, row in zip(asked, read, strict=True)},
        cases=asked,
    )

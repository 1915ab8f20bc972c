"""
RecTools' SASRec with a stop watch: what it recommends after given seconds of training.

Runs in the peers' environment. The settings are RecTools' defaults (full softmax over all items,
learning rate 1e-3, batches of 128, 2 blocks, dropout 0.2) at 64 wide with 2 heads, the size that
its small public examples use and the fastest here; 256 wide saw a third of the data in the same time.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peers.exchange import (
    LONG,
    Ints,
    PeerCases,
    Purchases,
    answer,
    read_cases,
    read_train,
    write_answer,
)

FACTORS = 64
HEADS = 2
NO_END = 100_000  # epochs: the stop watch ends the training, not this
SEED = 7


class Stop(NamedTuple):
    """The weights at one moment of the training."""

    budget: float  # seconds that were allowed
    seconds: float  # seconds that were spent: the step that was running then ended first
    epochs: float
    weights: dict[str, torch.Tensor]


class StopWatch(Callback):  # type: ignore[misc]  # Lightning is in the peers' environment only
    """Keeps a copy of the weights as each budget is spent and stops the training after the last."""

    def __init__(self, budgets: list[float]) -> None:
        self.left = sorted(budgets)
        self.started = time.monotonic()
        self.kept: list[Stop] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Look at the clock after every step."""
        seconds = time.monotonic() - self.started
        while self.left and seconds >= self.left[0]:
            weights = {name: value.clone() for name, value in pl_module.state_dict().items()}
            epochs = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
            self.kept.append(Stop(self.left.pop(0), seconds, epochs, weights))
        trainer.should_stop = not self.left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ask", type=Path, action="append", required=True, help="a division folder")
    parser.add_argument("--budget", type=float, action="append", required=True, help="seconds of training")
    parser.add_argument("--longest", type=int, default=100, help="newest purchases that the model sees")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    quieten()
    model = fit(read_train(chosen.ask[0]), chosen.budget, longest=chosen.longest)
    for budget, seconds, epochs, weights in stops_of(model):
        model.lightning_model.load_state_dict(weights)
        facts = {"budget_s": budget, "train_s": seconds, "epochs": epochs, "threads": torch.get_num_threads()}
        for folder in chosen.ask:
            asked = read_cases(folder)
            write_answer(chosen.out, f"{folder.name}-{budget:.0f}", recommend(model, asked), facts)
            print(f"{folder.name} after {seconds:.1f} s, {epochs:.2f} epochs", flush=True)


def quieten() -> None:
    """Silence what Lightning and pandas have to say about themselves."""
    warnings.filterwarnings("ignore")
    seed_everything(SEED, verbose=False)


def fit(train: Purchases, budgets: list[float], *, longest: int) -> SASRecModel:
    """Return the model as the stop watch left it; the clock runs from here, preparing included."""
    watch = StopWatch(budgets)

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=NO_END,
            accelerator="cpu",
            devices=1,
            callbacks=[watch],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )

    model = SASRecModel(
        n_factors=FACTORS,
        n_heads=HEADS,
        session_max_len=longest,
        loss="softmax",
        get_trainer_func=trainer,
        recommend_torch_device="cpu",
    )
    return model.fit(dataset(train))


def stops_of(model: SASRecModel) -> list[Stop]:
    """Return what the stop watch kept; RecTools trains with a copy of the one that it was given."""
    [watch] = [callback for callback in model.fit_trainer.callbacks if isinstance(callback, StopWatch)]
    return watch.kept


def dataset(purchases: Purchases) -> Dataset:
    """Return purchases as RecTools reads them."""
    frame = pd.DataFrame(
        {
            Columns.User: purchases.who,
            Columns.Item: purchases.item,
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(purchases.at, unit="us"),
        }
    )
    return Dataset.construct(frame)


def recommend(model: SASRecModel, asked: PeerCases) -> Ints:
    """Return the ten best for each case; a case that knows none of the model's items gets nothing."""
    rows = model.recommend(
        users=np.unique(asked.before.who),
        dataset=dataset(asked.before),
        k=LONG,
        filter_viewed=asked.drop_seen,
        on_unsupported_targets="ignore",
    )
    return answer(rows[Columns.User].to_numpy(), rows[Columns.Item].to_numpy(), count=asked.cases)


if __name__ == "__main__":
    main()

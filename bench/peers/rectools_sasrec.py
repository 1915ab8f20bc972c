"""
RecTools' SASRec by its own best practice: sampled softmax, stopped early on its own validation.

Runs in the peers' environment. RecTools' advice for many products is sampled softmax with hundreds of
negatives and 256 wide; here it is 128 wide, which two cores train in hours. The last purchase of some users
is its validation (``get_val_mask_func``); training ends when the loss there has not fallen for ``PATIENCE``
epochs or when the hours are over, and the best epoch's weights answer. A history is what it is when asked.
"""

import argparse
import json
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peers.exchange import (
    LONG,
    NOBODY,
    TEST,
    Ints,
    PeerCases,
    Purchases,
    parts_of,
    read_asked,
    read_train,
    surfaces_of,
    write_answer,
)

FACTORS, HEADS, BLOCKS = 128, 4, 2
NEGATIVES = 256
LONGEST = 100  # newest purchases that the model sees
PATIENCE = 10  # epochs
VALIDATION_USERS = 2_000
NO_END = 100_000  # epochs: patience or the hours end the training
SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--division", type=Path, required=True)
    parser.add_argument("--hours", type=float, required=True, help="of training at most, all parts together")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    seed_everything(SEED, verbose=False)
    parts, epochs, seconds, is_stopped = parts_of(chosen.division), [], 0.0, True
    for part in parts:
        if "home" not in surfaces_of(part, TEST):
            continue
        started = time.monotonic()
        model, trainer = fit(read_train(part, TEST).bought, chosen.out, hours=chosen.hours / len(parts))
        seconds = max(seconds, time.monotonic() - started)
        epochs.append(trainer.current_epoch)
        is_stopped &= trainer.early_stopping_callback.stopped_epoch > 0
        asked = read_asked(part, TEST, "home")
        write_answer(chosen.out, part.name, "home", "sasrec", recommend(model, asked))
    told = {"train_s": seconds, "epochs": max(epochs, default=0), "stopped_by_itself": is_stopped}
    print(json.dumps(told))


def fit(train: Purchases, folder: Path, *, hours: float) -> tuple[SASRecModel, Trainer]:
    """Return the model with the weights of its best epoch, and what trained it."""
    best = ModelCheckpoint(
        dirpath=folder, filename="best", monitor=SASRecModel.val_loss_name, mode="min",
        enable_version_counter=False, save_weights_only=True,
    )  # fmt: skip
    patience = EarlyStopping(monitor=SASRecModel.val_loss_name, mode="min", patience=PATIENCE)

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=NO_END,
            max_time=timedelta(hours=hours),
            accelerator="cpu",
            devices=1,
            callbacks=[patience, best],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    model = SASRecModel(
        n_factors=FACTORS,
        n_heads=HEADS,
        n_blocks=BLOCKS,
        session_max_len=LONGEST,
        loss="sampled_softmax",
        n_negatives=NEGATIVES,
        get_trainer_func=trainer,
        get_val_mask_func=last_of_some,
        recommend_torch_device="cpu",
    )
    model.fit(dataset(train))
    # RecTools trains with a copy of the trainer that it was given.
    path = model.fit_trainer.checkpoint_callback.best_model_path
    if path:  # the hours were over before the first epoch was, otherwise
        model.load_weights_from_checkpoint(path)
        Path(path).unlink()
    return model, model.fit_trainer


def last_of_some(interactions: pd.DataFrame, **kwargs: Any) -> Any:
    """Return a mask of the newest purchase of some users, (interactions,)."""
    users = interactions[Columns.User].unique()
    count = min(VALIDATION_USERS, len(users))
    some = np.random.default_rng(SEED).choice(users, count, replace=False)
    newest = interactions[Columns.Datetime].groupby(interactions[Columns.User]).rank("first", ascending=False)
    return ((newest <= 1) & interactions[Columns.User].isin(some)).to_numpy()


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
    # At home either nothing is hidden or all that the customer bought.
    rows = model.recommend(
        users=np.unique(asked.before.who),
        dataset=dataset(asked.before),
        k=LONG,
        filter_viewed=len(asked.hidden.who) > 0,
        on_unsupported_targets="ignore",
    )
    lists = np.full((asked.cases, LONG), NOBODY, dtype=np.int64)
    lists[rows[Columns.User], rows[Columns.Rank] - 1] = rows[Columns.Item]
    return lists


if __name__ == "__main__":
    main()

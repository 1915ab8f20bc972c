import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.recommender.files.dataset import read
from models.recommender.values import DatasetInvalid
from tests.models.shops import a_dataset, a_log

BASKETS = [("bob", 2.0, [7, 5]), ("ada", 1.0, [6]), ("guest:9", 3.0, [5])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_dataset(tmp_path, BASKETS, [5, 6, 7, 8])


def change_purchases(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / "interactions.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


def test_a_dataset_is_numbered_and_sorted(folder: Path) -> None:
    log = read(folder)

    assert log.item_ids.tolist() == [5, 6, 7, 8]
    assert log.user.tolist() == [0, 1, 1, 2]
    assert log.item.tolist() == [1, 0, 2, 0]
    assert log.data_hash == "ab" * 32
    assert (np.diff(log.created_at) > 0).all()


def test_the_same_item_twice_in_a_basket_is_one_step_of_a_sequence() -> None:
    log = a_log([("ada", 1, [5, 5, 6]), ("ada", 2, [6])], [5, 6])

    assert log.sequences.item.tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["interactions.parquet", "items.parquet", "dataset.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(DatasetInvalid, match=name):
        read(folder)


@pytest.mark.parametrize("name", ["interactions.parquet", "items.parquet"])
def test_a_file_that_is_not_parquet_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"user,item\n")

    with pytest.raises(DatasetInvalid, match=f"{name} has no column"):
        read(folder)


def test_a_missing_column_is_named(folder: Path) -> None:
    change_purchases(folder, lambda frame: frame.drop(columns="basket"))

    with pytest.raises(DatasetInvalid, match=r"interactions\.parquet has no column basket"):
        read(folder)


@pytest.mark.parametrize("column", ["user", "at"])
def test_a_missing_value_is_named_by_row_and_column(folder: Path, column: str) -> None:
    def blank_the_third(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[2], column] = None
        return frame

    change_purchases(folder, blank_the_third)

    with pytest.raises(DatasetInvalid, match=rf"row 3, column {column}: the value is missing"):
        read(folder)


def test_an_item_that_is_no_number_is_refused(folder: Path) -> None:
    change_purchases(folder, lambda frame: frame.assign(item="mug"))

    with pytest.raises(DatasetInvalid, match="column item: not a whole number"):
        read(folder)


def test_a_count_that_disagrees_is_refused(folder: Path) -> None:
    facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    (folder / "dataset.json").write_text(json.dumps({**facts, "interactions": 5}), encoding="utf-8")

    with pytest.raises(DatasetInvalid, match=r"has 4 rows but dataset\.json says 5"):
        read(folder)


def test_a_catalogue_with_an_item_twice_is_refused(folder: Path) -> None:
    catalogue = pd.read_parquet(folder / "items.parquet")
    pd.concat([catalogue, catalogue.head(1)]).to_parquet(folder / "items.parquet")

    with pytest.raises(DatasetInvalid, match=r"items\.parquet row 5, column item: '5' is listed again"):
        read(folder)

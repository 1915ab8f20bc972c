import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from models.recommender.learning.simple.tuning import DEFAULTS, fit_all
from models.recommender.learning.transformer.inference import serving_model
from models.recommender.learning.transformer.trainer import Trainer
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import UNKNOWN_TIME, Event, History
from models.recommender.log.log import Log
from models.recommender.runs import export
from models.recommender.serving.artifact import ArtifactMismatch, file_sha256, load
from models.recommender.serving.newcomers import NewProduct
from models.recommender.serving.rankers import MARKOV, ItemToItem, Model
from models.recommender.serving.scorer import Scorer
from models.recommender.values import Reason, ReasonKind, Recipe
from tests.models.shops import a_busy_shop, a_log

DAY = 86_400_000_000
WINDOW = 8
FACTS = {
    "served": "transformer",
    "related_by": MARKOV,
    "data_hash": "ab",
    "data_until": "2026-06-01T00:00:00Z",
    "code_revision": "1",
}


@pytest.fixture(scope="module")
def log() -> Log:
    return a_log(*a_busy_shop())


@pytest.fixture(scope="module")
def trainer(log: Log) -> Trainer:
    """A transformer that has learned nothing, with weights that are nowhere zero."""
    trainer = Trainer(Recipe(width=16, window=WINDOW), log)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in trainer.average.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return trainer


@pytest.fixture(scope="module")
def members(log: Log, trainer: Trainer) -> list[Model]:
    in_torch = serving_model(trainer.average, log, moment=int(log.at.max()) + 1)
    return [*fit_all(log, DEFAULTS)[0], in_torch]


@pytest.fixture(scope="module")
def folder(
    log: Log, trainer: Trainer, members: list[Model], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("export") / "artifact"
    markov = next(member for member in members if isinstance(member, ItemToItem))
    parts = export.Parts(log, members, None, markov.table, trainer.average, trainer.vocabulary)
    export.write(folder, parts, FACTS)
    return folder


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return load(folder)


def some_histories() -> list[History]:
    """Return random histories of all kinds, with and without times and events."""
    chance = np.random.default_rng(11)
    histories = [History.of([])]
    for length in (1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 30, 300):
        items = chance.integers(40, size=length)
        at = np.sort(chance.integers(1_700_000_000, 1_760_000_000, size=length)) * 1_000_000
        events = chance.choice(list(Event), size=length)
        some = np.where(chance.random(length) < 0.3, UNKNOWN_TIME, at)
        histories += [
            History.of(items),
            History.of(items, at, events, now=int(at[-1]) + DAY),
            History.of(items, some, events),
        ]
    return histories


@pytest.mark.parametrize("number", range(len(some_histories())))
def test_the_exported_transformer_says_what_the_training_graph_says(
    scorer: Scorer, members: list[Model], number: int
) -> None:
    history = some_histories()[number]

    served = scorer.models["transformer"].scores(history)

    assert np.isfinite(served).all()
    assert np.abs(served - members[-1].scores(history)).max() < 1e-4


def test_every_model_comes_back_as_it_was(scorer: Scorer, members: list[Model]) -> None:
    history = some_histories()[-1]

    for member in members[:-1]:
        assert np.array_equal(scorer.models[member.name].scores(history), member.scores(history)), member.name


def test_the_same_training_writes_the_same_bytes(
    log: Log, trainer: Trainer, members: list[Model], folder: Path, tmp_path: Path
) -> None:
    markov = next(member for member in members if isinstance(member, ItemToItem))
    parts = export.Parts(log, members, None, markov.table, trainer.average, trainer.vocabulary)

    export.write(tmp_path / "again", parts, FACTS)

    assert (tmp_path / "again" / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


def test_the_encoder_names_no_folder_of_the_machine(folder: Path) -> None:
    content = (folder / "encoder.onnx").read_bytes()

    assert b".py" not in content
    onnx.checker.check_model(onnx.load(folder / "encoder.onnx"))


def test_a_folder_of_the_format_before_is_refused_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(
        json.dumps({**manifest, "format_version": 1, "files": {}}), encoding="utf-8"
    )

    with pytest.raises(ArtifactMismatch, match=r"has format 1; this code reads 2\. Train the model again\."):
        load(tmp_path)


def test_a_manifest_that_misses_an_array_is_refused(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "files": {}}), encoding="utf-8")

    with pytest.raises(ArtifactMismatch, match="lacks something that it needs"):
        load(tmp_path)


def without_transformer(log: Log, folder: Path) -> Path:
    members = fit_all(log, DEFAULTS)[0]
    markov = next(member for member in members if isinstance(member, ItemToItem))
    facts = {**FACTS, "served": "popularity"}
    export.write(folder, export.Parts(log, members, None, markov.table, None), facts)
    return folder


def test_names_of_items_come_back(log: Log, tmp_path: Path) -> None:
    named = replace(log, item_names=tuple(f"café {number}" for number in range(log.items)))

    assert load(without_transformer(named, tmp_path / "named")).item_names == named.item_names


def test_what_sold_long_ago_is_told_with_its_sales_and_not_as_new(tmp_path: Path) -> None:
    log = a_log([("ada", 1, [5]), ("bob", 2, [5]), ("cleo", 90, [6])], [5, 6, 7])
    scorer = load(without_transformer(log, tmp_path / "artifact"))

    answer = scorer.with_products([NewProduct(8, ItemFacts("Candle"), 0)]).score([], k=4)

    assert [(one.item, one.reason) for one in answer] == [
        (6, Reason(ReasonKind.POPULAR, count=1)),
        (5, Reason(ReasonKind.POPULAR, count=2)),
        (8, Reason(ReasonKind.NEWEST)),
        (7, Reason(ReasonKind.NEWEST)),
    ]


def test_a_version_from_before_sales_were_kept_tells_them_by_what_is_popular(tmp_path: Path) -> None:
    log = a_log([("ada", 1, [5]), ("bob", 2, [6, 7]), ("cleo", 3, [6])], [5, 6, 7])
    folder = without_transformer(log, tmp_path / "artifact")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "items.sales.npy").unlink()
    del manifest["files"]["items.sales.npy"]
    # Sales of some days, and what breaks ties.
    np.save(folder / "popularity.scores.npy", np.array([0.25, 2.5, 1.75]))
    manifest["files"]["popularity.scores.npy"] = file_sha256(folder / "popularity.scores.npy")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    reasons = {one.item: one.reason for one in load(folder).score([], k=3)}

    assert reasons == {
        5: Reason(ReasonKind.NEWEST),
        6: Reason(ReasonKind.POPULAR, count=2),
        7: Reason(ReasonKind.POPULAR, count=1),
    }

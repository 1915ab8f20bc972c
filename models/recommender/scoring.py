"""
Scoring an exported model: NumPy and ONNX Runtime only, so the web process never meets torch.

Item numbers run from 0 in ascending order of product id. I counts items.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import History, longest_history
from models.recommender.rankers import (
    ITEM_KNN,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    TABLE_STEPS,
    TRANSFORMER,
    Encode,
    Floats,
    Ints,
    ItemTable,
    ItemToItem,
    Model,
    PersonalFrequency,
    Popularity,
    Transformer,
    TransformerHead,
    hint,
    top_k,
)
from models.recommender.values import Reason, ReasonKind, Scored

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
ENCODER_FILE = "encoder.onnx"


class ArtifactMismatch(ValueError):
    """An artifact folder is not what its manifest says; the message names the file."""


@dataclass(frozen=True)
class VersionInfo:
    """What a health page says about the loaded model."""

    served: str
    related_by: str
    data_hash: str
    data_until: str
    code_revision: str
    items: int


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """
    Return the manifest after checking every file against it.

    :raises ArtifactMismatch: if the manifest is unreadable or a file is missing, added or changed
    """
    path = folder / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files: dict[str, str] = manifest["files"]
        version = manifest["format_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactMismatch(f"{path} is missing or is not a manifest.") from error
    if version != FORMAT_VERSION:
        raise ArtifactMismatch(f"{path} has format {version}; this code reads {FORMAT_VERSION}.")
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST_FILE}
    for name in sorted(present ^ set(files)):
        raise ArtifactMismatch(
            f"{folder / name} is {'not in' if name in present else 'missing from'} "
            f"{'the manifest' if name in present else 'the folder'}."
        )
    for name, expected in files.items():
        if file_sha256(folder / name) != expected:
            raise ArtifactMismatch(f"{folder / name} does not match its sha256 in the manifest.")
    return dict(manifest)


def load(folder: Path) -> "Scorer":
    """
    Return the scorer of an artifact folder.

    :raises ArtifactMismatch: if any file is not what the manifest says
    """
    manifest = read_manifest(folder)
    try:
        return _assemble(folder, manifest)
    except (KeyError, OSError) as error:
        raise ArtifactMismatch(f"{folder / MANIFEST_FILE} lacks something that it needs: {error}.") from error


def _assemble(folder: Path, manifest: dict[str, Any]) -> "Scorer":
    params = manifest["params"]
    popularity = _array(folder, "popularity")
    models: dict[str, Model] = {
        POPULARITY: Popularity(popularity),
        PERSONAL_FREQUENCY: PersonalFrequency(popularity, **params[PERSONAL_FREQUENCY]),
    }
    for name in (MARKOV, ITEM_KNN):
        models[name] = ItemToItem(_table(folder, name), popularity, params[name]["half_life"], name)
    if (folder / ENCODER_FILE).is_file():
        head = TransformerHead(*(_array(folder, name) for name in ("vectors", "bias", "again")))
        models[TRANSFORMER] = Transformer(onnx_encoder(folder), head, params[TRANSFORMER]["window"])
    return Scorer(
        item_ids=_array(folder, "item_ids"),
        is_listed=_array(folder, "is_listed"),
        popularity=popularity,
        models=models,
        related_table=_table(folder, "related"),
        version_info=VersionInfo(
            items=len(popularity),
            **{name: manifest[name] for name in VersionInfo.__annotations__ if name != "items"},
        ),
    )


def _array(folder: Path, name: str) -> NDArray[Any]:
    # Mapped, not read: the workers of one machine then share the pages. A plain array over the same
    # pages, because each slice of NumPy's mapped type costs microseconds.
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))


def _table(folder: Path, name: str) -> ItemTable:
    return ItemTable(*(_array(folder, f"{name}_{part}") for part in ("starts", "items", "values")))


def onnx_encoder(folder: Path) -> Encode:
    """Return the encoder of an artifact, run by ONNX Runtime on one thread of the caller's core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / ENCODER_FILE), options, providers=["CPUExecutionProvider"]
    )

    def encode(history: Ints) -> tuple[Floats, Floats]:
        following, together = session.run(None, {"items": history[None, :]})
        return following[0], together[0]

    return encode


RELATED_SHARE = 2.0  # on a product page the product outweighs the customer by this factor
RANK_DAMPING = 60.0  # of reciprocal rank fusion: Cormack, Clarke & Buettcher 2009, section 2
FUSED = 200  # candidates of each list that are fused
NOT_OFFERED = -np.inf


@dataclass(frozen=True)
class Scorer:
    """
    One loaded artifact. All methods speak product ids and leave out products no longer listed.

    Ids that the model has never seen are skipped: a history may hold products newer than it.
    """

    item_ids: Ints
    is_listed: NDArray[np.bool_]
    popularity: NDArray[np.float64]  # (I,)
    models: dict[str, Model]
    related_table: ItemTable
    version_info: VersionInfo

    def score(
        self,
        sequence: Sequence[int],
        *,
        context: int | None = None,
        exclude: AbstractSet[int] = frozenset(),
        k: int,
    ) -> list[Scored]:
        """
        Return the ``k`` best items for a customer, best first; fewer only if the shop has fewer.

        :param sequence: product ids of the customer's purchases, oldest first; may be empty
        :param context: the product that the customer looks at; it is never recommended itself
        :param exclude: product ids that must not appear
        """
        history = longest_history(History.of(self.numbers(sequence)))
        seen = self.numbers([] if context is None else [context])
        if not len(history) and not len(seen):
            return self.popular(k, exclude=exclude)
        scores = (
            self.models[self.version_info.served].scores(history)
            if len(history)
            else np.zeros(len(self.item_ids))
        )
        if len(seen):
            scores = self._fused(int(seen[0]), scores)
        hidden = exclude if context is None else {*exclude, context}
        scores = np.where(self._offered(hidden), scores, NOT_OFFERED)
        return self._answer(scores, self._why(history.items, seen), k=k)

    def related(self, item: int, *, k: int, exclude: AbstractSet[int] = frozenset()) -> list[Scored]:
        """Return the ``k`` items that go best with one product, filled up with popular ones."""
        return self.score([], context=item, exclude=exclude, k=k)

    def popular(self, k: int, *, exclude: AbstractSet[int] = frozenset()) -> list[Scored]:
        """Return the best-selling items of the newest days, then the newest items."""
        scores = np.where(self._offered(exclude), self.popularity, NOT_OFFERED)
        return self._answer(scores, self._popular_reason, k=k)

    def numbers(self, ids: Sequence[int]) -> Ints:
        """Return the item numbers of the known product ids, in the same order."""
        wanted = np.asarray(ids, dtype=np.int64)
        if not len(self.item_ids):
            return wanted[:0]
        places = np.minimum(np.searchsorted(self.item_ids, wanted), len(self.item_ids) - 1)
        return np.asarray(places[self.item_ids[places] == wanted], dtype=np.int64)

    def _offered(self, exclude: AbstractSet[int]) -> NDArray[np.bool_]:
        offered = np.array(self.is_listed)
        offered[self.numbers(list(exclude))] = False
        return offered

    def _fused(self, seen: int, personal: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the related items of the page's product and the personal ones by reciprocal rank."""
        fused = hint(self.popularity)
        related = self.related_table.row(seen)[0][:FUSED]
        fused[related] += RELATED_SHARE / (RANK_DAMPING + 1 + np.arange(len(related)))
        if personal.any():
            best = top_k(personal, FUSED)
            fused[best] += 1.0 / (RANK_DAMPING + 1 + np.arange(len(best)))
        return fused

    def _answer(self, scores: NDArray[np.floating], why: Callable[[int], Reason], *, k: int) -> list[Scored]:
        return [
            Scored(int(self.item_ids[item]), float(scores[item]), why(int(item)))
            for item in top_k(scores, k)
            if scores[item] > NOT_OFFERED
        ]

    def _why(self, history: Ints, seen: Ints) -> Callable[[int], Reason]:
        """Return a function that names the reason of an item for this history and page."""
        counts = dict(zip(*(part.tolist() for part in np.unique(history, return_counts=True)), strict=True))
        on_page = set(self.related_table.row(int(seen[0]))[0].tolist()) if len(seen) else set()
        is_personal = len(history) > 0 and self.version_info.served != POPULARITY
        loudest = cache(lambda: self._loudest(history[-TABLE_STEPS:]))  # only if a reason needs it

        def reason(item: int) -> Reason:
            if item in on_page:
                return Reason(ReasonKind.BOUGHT_TOGETHER, item=int(self.item_ids[seen[0]]))
            if not is_personal:
                return self._popular_reason(item)
            if item in counts:
                return Reason(ReasonKind.BOUGHT_BEFORE, item=int(self.item_ids[item]), count=counts[item])
            if loudest()[item] >= 0:
                return Reason(ReasonKind.OFTEN_BOUGHT_AFTER, item=int(self.item_ids[loudest()[item]]))
            return Reason(ReasonKind.FOR_YOU)

        return reason

    def _loudest(self, history: Ints) -> Ints:
        """Return for each item the purchase whose related items name it most strongly, or -1."""
        loudest = np.full(len(self.item_ids), -1, dtype=np.int64)
        strongest = np.zeros(len(self.item_ids), dtype=np.float32)
        for item in np.unique(history):
            items, values = self.related_table.row(int(item))
            louder = values > strongest[items]
            strongest[items[louder]] = values[louder]
            loudest[items[louder]] = item
        return loudest

    def _popular_reason(self, item: int) -> Reason:
        sales = int(self.popularity[item])
        return Reason(ReasonKind.POPULAR, count=sales) if sales else Reason(ReasonKind.NEWEST)

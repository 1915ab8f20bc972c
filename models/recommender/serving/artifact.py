"""
Reading an artifact folder that training wrote: every file checked against the manifest.

NumPy and ONNX Runtime only, so the web process never meets torch.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats
from models.recommender.serving.arrivals import Arrivals
from models.recommender.serving.blend import BASKET, BLEND, Blend
from models.recommender.serving.newcomers import Content
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    EASE,
    ITEM_KNN,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    SESSION_KNN,
    TRANSFORMER,
    ItemTable,
    ItemToItem,
    Model,
    PersonalFrequency,
    Popularity,
)
from models.recommender.serving.scorer import Scorer, VersionInfo
from models.recommender.serving.sessions import SessionKnn
from models.recommender.serving.transformer import Encode, EncoderInput, Transformer

FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
ENCODER_FILE = "encoder.onnx"
NAMES_FILE = "item_names.json"  # ids that are not numbers; absent where they are
CONTENT = "content"
ARRIVALS = "arrivals"
SIMPLE_MODELS: dict[str, type[Popularity | PersonalFrequency | ItemToItem | SessionKnn]] = {
    POPULARITY: Popularity,
    PERSONAL_FREQUENCY: PersonalFrequency,
    SESSION_KNN: SessionKnn,
    **dict.fromkeys((MARKOV, ITEM_KNN, EASE, CONTENT_KNN), ItemToItem),
}
KEPT_BYTES = 16 << 20  # half of the most that the C library heeds


class ArtifactMismatch(ValueError):
    """An artifact folder is not what its manifest says; the message names the file."""


def _names(folder: Path) -> tuple[str, ...] | None:
    """Return the names of items whose ids are not numbers, by number; None where they are."""
    path = folder / NAMES_FILE
    return tuple(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


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
        raise ArtifactMismatch(
            f"{path} has format {version}; this code reads {FORMAT_VERSION}. Train the model again."
        )
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


def load(folder: Path) -> Scorer:
    """
    Return the scorer of an artifact folder.

    :raises ArtifactMismatch: if any file is not what the manifest says
    """
    manifest = read_manifest(folder)
    _keep_freed_memory()
    try:
        return _assemble(folder, manifest)
    except (KeyError, OSError) as error:
        raise ArtifactMismatch(f"{folder / MANIFEST_FILE} lacks something that it needs: {error}.") from error
    except MemoryError:
        raise
    except Exception as error:
        # ONNX Runtime's exceptions have no parent of their own.
        raise ArtifactMismatch(f"{folder} can't be read: {error}.") from error


def _keep_freed_memory() -> None:
    """
    Let the process keep the memory that an answer frees, for the next one.

    An answer over 20,000 items works in 2 MB. The C library of Linux gives that back to the kernel and
    takes it again in the next answer, page by page: 300 faults, 1 ms. It keeps twice the largest block
    that was ever freed (mallopt(3), M_MMAP_THRESHOLD), so one block is freed here, never written to.
    """
    np.empty(KEPT_BYTES, dtype=np.uint8)


def _assemble(folder: Path, manifest: dict[str, Any]) -> Scorer:
    arrays = _arrays(folder, manifest["files"])
    models: dict[str, Model] = {}
    for name, settings in manifest["models"].items():
        if name == TRANSFORMER:
            models[name] = Transformer.restore(arrays[name], settings, onnx_encoder(folder))
        elif name != BLEND:
            models[name] = SIMPLE_MODELS[name].restore(arrays[name], settings)
    if BLEND in manifest["models"]:
        models[BLEND] = Blend.restore(arrays[BLEND], manifest["models"][BLEND], models)
    items, content, alike = arrays["items"], Content.restore(arrays[CONTENT]), models.get(CONTENT_KNN)
    popularity = arrays[POPULARITY]["scores"]
    return Scorer(
        item_ids=items["ids"],
        is_listed=items["is_listed"],
        is_sold=items["is_sold"],
        group=items["group"],
        groups=tuple(manifest["groups"]),
        popularity=popularity,
        # Versions from before December 2026 have the sales of some days as the whole part of what is popular.
        sales=items.get("sales", popularity),
        models=models,
        related_table=ItemTable(*(arrays["related"][part] for part in ("starts", "items", "values"))),
        alike_table=alike.table if isinstance(alike, ItemToItem) else ItemTable.empty(len(items["ids"])),
        version_info=_version_info(manifest),
        content=content,
        arrivals=Arrivals.restore(arrays.get(ARRIVALS), content).prepared(),
        item_names=_names(folder),
        basket=_basket(manifest.get(BASKET, {}), arrays),
    )


def _basket(manifest: Mapping[str, Any], arrays: Mapping[str, dict[str, NDArray[Any]]]) -> Blend | None:
    """Return what reads a cart alone; None in a version that has none."""
    if not manifest:
        return None
    stored = {name: arrays[f"{BASKET}-{name}"] for name in manifest}
    members = {
        name: SIMPLE_MODELS[name].restore(stored[name], manifest[name]) for name in manifest if name != BLEND
    }
    return Blend.restore(stored[BLEND], manifest[BLEND], members)


def _version_info(manifest: Mapping[str, Any]) -> VersionInfo:
    """Return what a manifest says of its version; one from before something could be chosen lacks it."""
    named = [one.name for one in fields(VersionInfo) if one.name in manifest or one.default is MISSING]
    return VersionInfo(**{name: manifest[name] for name in named})


# A mapped file holds a descriptor, of which many systems give a process 1,024. An artifact has about 50
# files; those of a small shop are smaller than this.
MAPPED_BYTES = 2**18


def _arrays(folder: Path, files: Mapping[str, str]) -> dict[str, dict[str, NDArray[Any]]]:
    """Return the arrays of a folder by owner and name: ``markov.starts.npy`` is ["markov"]["starts"]."""
    arrays: dict[str, dict[str, NDArray[Any]]] = {}
    for file in files:
        owner, _, rest = file.partition(".")
        if rest.endswith(".npy"):
            # Mapped, not read: the workers of one machine then share the pages. A plain array over the
            # same pages, because each slice of NumPy's mapped type costs microseconds.
            is_mapped = (folder / file).stat().st_size >= MAPPED_BYTES
            found = np.load(folder / file, mmap_mode="r" if is_mapped else None, allow_pickle=False)
            found.flags.writeable = False
            arrays.setdefault(owner, {})[rest.removesuffix(".npy")] = np.asarray(found)
    return arrays


def onnx_encoder(folder: Path) -> Encode:
    """Return the encoder of an artifact, run by ONNX Runtime on one thread of the caller's core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / ENCODER_FILE), options, providers=["CPUExecutionProvider"]
    )

    def encode(asked: EncoderInput) -> tuple[Floats, Floats]:
        following, together = session.run(None, asked.feeds())
        return following[0], together[0]

    return encode

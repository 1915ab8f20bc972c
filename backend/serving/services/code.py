"""Which code answers here: what else an answer depends on, beside its inputs and a version's files."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[3]
# What reads a past, asks a model and words the reasons.
_FOLDERS: Final = ("models/recommender", "backend/features", "backend/serving")
# How two versions draft one list.
_FILES: Final = ("backend/rollouts/rules/interleaving.py",)
# Their arithmetic may differ in the last digit, and so may an order.
_LIBRARIES: Final = ("numpy", "onnxruntime")
_DIGITS: Final = 12


@cache
def fingerprint() -> str:
    """Return a name of the code that answers in this process, the same as long as no byte of it changes."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library}=={version(library)}\n".encode())
    files = [file for folder in _FOLDERS for file in sorted((_ROOT / folder).rglob("*.py"))]
    for file in (*files, *(_ROOT / name for name in _FILES)):
        digest.update(f"{file.relative_to(_ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:_DIGITS]

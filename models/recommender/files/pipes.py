"""Files that can be read once only."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def seekable(path: Path) -> Iterator[Path]:
    """
    Give a file that may be read several times: a pipe is copied to a temporary file of the same name.

    Readers look at a file's head, then at its rows, then hash it; a pipe (``/dev/stdin``, ``<(zcat …)``)
    gives its bytes to the first of them only.
    """
    if not path.is_fifo():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with path.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield copy

"""
The door to the snapshots: datasets that versions were learned from, kept to learn them again.

One lies at ``SNAPSHOT_ROOT/<the shop's uuid>/<sha256>/``, so the same content lies there once. What had
to be erased leaves ``<sha256>.erased.json``, which says when and why and names nobody.

No lock keeps an erasure and a new snapshot apart, since they happen on different machines. Each erasure
leaves a mark that an export reads before it reads the database: whoever keeps an export and finds another
mark knows that it may hold a customer who is forgotten by now.
"""

import json
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

MARK = "last-erasure"
PURCHASES = "interactions.parquet"


def keep(shop: UUID, sha256: str, folder: Path) -> None:
    """Copy a dataset folder to its place, unless the same content lies there already."""
    target = _shop(shop) / sha256
    # A shop has one training at a time, so what lies about half done is a killed worker's.
    drop_unfinished(shop)
    while not target.is_dir():
        _copy(folder, target)
    _tombstone(shop, sha256).unlink(missing_ok=True)


def _copy(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{uuid4().hex}.part")
    try:
        shutil.copytree(folder, unfinished)
        unfinished.rename(target)
    except OSError:
        # An erasure took it away half done. Nobody else does, so then it begins again, and only then.
        if unfinished.is_dir():
            raise


def drop_unfinished(shop: UUID) -> None:
    """Remove what lies about half copied, by whoever: nobody can tell whom it holds."""
    for left in _shop(shop).glob(".*.part"):
        _take_away(left)


def kept(shop: UUID) -> set[str]:
    """Return the hashes of a shop's snapshots."""
    found = _shop(shop).glob("*/dataset.json")
    return {facts.parent.name for facts in found if not facts.parent.name.startswith(".")}


def holding(shop: UUID, user: str) -> list[str]:
    """Return the hashes of those snapshots of a shop in which a user has purchases, or may have."""
    return [sha256 for sha256 in sorted(kept(shop)) if _may_hold(_shop(shop) / sha256 / PURCHASES, user)]


def _may_hold(purchases: Path, user: str) -> bool:
    import pyarrow as pa
    from pyarrow import parquet as pq

    try:
        # Users come in order, so most row groups are skipped by what the file says of them.
        rows = pq.read_table(purchases, columns=["user"], filters=[("user", "=", user)])
    except (pa.ArrowException, OSError):
        return True  # what can't be read can't be vouched for
    return bool(rows.num_rows)


def drop(shop: UUID, sha256: str) -> None:
    """Remove a snapshot that nobody needs."""
    _take_away(_shop(shop) / sha256)


def _take_away(folder: Path) -> None:
    # Renamed first: nobody may find half of it, and nobody who fills it finds it again.
    leaving = folder.with_name(f".{uuid4().hex}.part")
    # Shopify asks for many customers at once, and two erasures may take away the same.
    with suppress(FileNotFoundError):
        folder.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)
    if leaving.is_dir():
        shutil.rmtree(leaving)  # once more, to be told why it stays


def erase(shop: UUID, sha256: str, *, because: str, now: datetime) -> None:
    """
    Remove a snapshot and leave the reason in its place.

    :param because: completes "it was erased because …"; must name nobody
    """
    facts = {"sha256": sha256, "erased_at": now.astimezone(UTC).isoformat(), "because": because}
    _tombstone(shop, sha256).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    drop(shop, sha256)


def erase_shop(shop: UUID) -> None:
    """Remove everything kept of a shop, the reasons included; a training under way keeps nothing either."""
    leave_mark(shop)
    for entry in _shop(shop).iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != MARK:
            entry.unlink(missing_ok=True)


def read_mark(shop: UUID) -> str:
    """Return the mark of a shop's last erasure; empty before the first."""
    path = _shop(shop) / MARK
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def leave_mark(shop: UUID) -> None:
    """Make every export that has begun before now doubtful."""
    path = _shop(shop) / MARK
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{MARK}.{uuid4().hex}")
    draft.write_text(uuid4().hex, encoding="utf-8")
    draft.replace(path)


def _tombstone(shop: UUID, sha256: str) -> Path:
    return _shop(shop) / f"{sha256}.erased.json"


def _shop(shop: UUID) -> Path:
    return Path(settings.SNAPSHOT_ROOT) / str(shop)

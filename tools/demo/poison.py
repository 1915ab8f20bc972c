"""
Register a version whose scores are no numbers, as a training that diverged would leave one.

A process of its own, for it needs Django and numpy: it copies the files of the version that answers, makes
every number in them NaN and registers them as any training does. Prints the new number and id as JSON.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from backend.config import launch


def main(domain: str) -> None:
    """Register the version for a shop, and have it judged by the gate like any other."""
    launch.prepare()
    import django

    django.setup()
    from backend.shops import queries as shops

    shop = shops.find_shop_by_domain(domain, is_fresh=True)
    if shop is None:
        raise SystemExit(f"There is no shop {domain}.")
    version = _register(shop.id)
    print(json.dumps({"id": str(version.id), "number": version.number}))


def _register(shop_id: int) -> Any:
    from backend.core import clock
    from backend.core.queue import Job, enqueue
    from backend.registry import queries as registry
    from backend.registry import services
    from backend.rollouts import queries as rollouts

    champion = rollouts.champion_version(shop_id)
    if champion is None:
        raise SystemExit("No version answers yet whose files could be copied.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "poisoned"
        shutil.copytree(registry.artifact_folder(champion), folder)
        spoil(folder)
        version = services.register(
            shop_id, folder, lineage=champion.lineage, outcome=champion.outcome, now=clock.now()
        )
    enqueue(Job.RELEASE, shop_id=shop_id, version_id=str(version.id))
    return version


def spoil(folder: Path) -> None:
    """Make every number of an artifact NaN, and its manifest vouch for that."""
    import numpy as np

    for file in folder.glob("*.npy"):
        array = np.load(file, allow_pickle=False)
        if np.issubdtype(array.dtype, np.floating):
            np.save(file, np.full_like(array, np.nan), allow_pickle=False)
    vouch(folder)


def vouch(folder: Path) -> None:
    """Let the manifest of an artifact vouch for its files as they are."""
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in content["files"]
    }
    manifest.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

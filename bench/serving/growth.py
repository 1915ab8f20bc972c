"""
How the cost of an answer grows with products, history and shops, and how soon a process answers at all.

What grows with products is scoring: artifacts of more products than a test can train are made up from a
trained one, whose tables of neighbours stay while everything that is as long as the catalogue grows.
"""

import json
import math
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from numpy.typing import NDArray

from bench import load
from bench.rollouts.stage import Stage
from bench.serving import product, shop
from bench.serving.asks import kind_of
from models.recommender import api
from tools.demo.traffic import percentile

BASE_PRODUCTS: Final = 1_000
BASE_SECONDS: Final = "60"
PRODUCTS: Final = (1_000, 20_000, 200_000, 1_000_000)
HISTORY: Final = (0, 50, 500)
SHOPS: Final = (1, 20, 1_000)
STEPS: Final = 20  # of the histories that are asked about where products grow
ASKED: Final = 28  # as many as an answer of eight products asks for
TIMED: Final = 200
WARM_UP: Final = 20
DAY_US: Final = 86_400_000_000
FIRST_ANSWER_SECONDS: Final = 120.0
MIB: Final = 1024**2

Array = NDArray[Any]


def measure(stage: Stage, folder: Path) -> dict[str, Any]:
    """Return milliseconds and MiB by size, the exponents that fit them, and the seconds to a first answer."""
    screen = stage.screen
    screen.begin("The first good answer")
    first = first_answer_seconds(stage)
    screen.end(f"{first:.1f} s")
    base = base_artifact(folder)
    found: dict[str, Any] = {"first_answer_s": round(first, 2)}
    for name, part in (("products", _products), ("history", _history), ("shops", _shops)):
        screen.begin(f"More {name}")
        found[name] = part(base, folder)
        screen.end(json.dumps(found[name]))
    return found


def base_artifact(folder: Path) -> Path:
    """Return an artifact of a made-up shop of few products, trained once."""
    out = folder / f"trained-{BASE_PRODUCTS}"
    if out.exists():
        return out
    orders = folder / "interactions.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["user,item,timestamp,order_id"]
    for invoice, code, _, _, at, _, customer, _ in shop.order_lines(BASE_PRODUCTS):
        rows.append(f"{customer},{int(str(code)[1:]) + 1},{at},{invoice}")
    orders.write_text("\n".join(rows))
    command = [sys.executable, "-m", "models.recommender", "train", "--interactions", str(orders)]
    subprocess.run(
        [*command, "--seconds", BASE_SECONDS, "--out", str(out)], check=True, stdout=subprocess.DEVNULL
    )
    return out


def _products(base: Path, folder: Path) -> dict[str, Any]:
    found = {}
    for products in PRODUCTS:
        made_up = widen(base, folder / f"made-up-{products}", products)
        try:
            found[products] = answer_ms(api.load(made_up), steps=STEPS)
        finally:
            shutil.rmtree(made_up)
    return {"cpu_ms": _rounded(found), "exponent": exponent(found)}


def _history(base: Path, folder: Path) -> dict[str, Any]:
    scorer = api.load(base)
    found = {steps: answer_ms(scorer, steps=steps) for steps in HISTORY}
    return {"cpu_ms": _rounded(found), "exponent": exponent(found)}


def _shops(base: Path, folder: Path) -> dict[str, Any]:
    """Return memory, versions held and the share of asks that had to load, when shops are asked in turn."""
    found = {shops: hold_shops(base, folder / "shops", shops) for shops in SHOPS}
    power = exponent({shops: held["mib"] for shops, held in found.items()})
    return {"of": found, "exponent": power}


def answer_ms(scorer: api.Scorer, *, steps: int) -> float:
    """Return the median processor time of an answer for a history of so many steps, milliseconds."""
    chance = np.random.default_rng(7)
    sold = scorer.item_ids[scorer.is_sold][:BASE_PRODUCTS]
    now = time.time_ns() // 1000
    times = []
    for _ in range(WARM_UP + TIMED):
        at = np.sort(now - chance.integers(0, 365 * DAY_US, steps))
        past = api.Past(chance.choice(sold, steps), at, np.full(steps, api.Event.PURCHASE, np.int8))
        began = time.process_time()
        scorer.score(past, k=ASKED, now=now)
        times.append((time.process_time() - began) * 1000)
    return percentile(times[WARM_UP:], 0.5)


def widen(base: Path, out: Path, products: int) -> Path:
    """Write an artifact of more products than it was trained on, or as many, into a new folder."""
    from models.recommender.serving.artifact import MANIFEST_FILE, file_sha256, read_manifest

    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(base, out)
    manifest = read_manifest(base)
    known = len(np.load(base / "items.ids.npy"))
    for file in manifest["files"]:
        if file.endswith(".npy"):
            np.save(out / file, widened(file, np.load(base / file), known=known, wanted=products))
    manifest["files"] = {file: file_sha256(out / file) for file in manifest["files"]}
    (out / MANIFEST_FILE).write_text(json.dumps(manifest))
    return out


def widened(name: str, array: Array, *, known: int, wanted: int) -> Array:
    """
    Return an artifact's array for more products.

    What has a row a product repeats its rows; a table's starts go on where its last row ends, so that the
    products beyond the known ones have no neighbours; ids count on; all else stays.
    """
    more = wanted - known
    if name == "items.ids.npy":
        return np.concatenate([array, array[-1] + 1 + np.arange(more)])
    if name.endswith("starts.npy") and len(array) == known + 1:
        return np.concatenate([array, np.full(more, array[-1])]).astype(array.dtype)
    if len(array) == known:
        return array[np.arange(wanted) % known]
    return array


def hold_shops(base: Path, folder: Path, shops: int) -> dict[str, float]:
    """
    Return what a process holds that answers so many shops, each with a version of its own.

    :returns: ``mib`` beyond what it held before, ``held`` versions in the end, ``loaded_again`` the share of
        a second round's asks that had to load
    """
    from backend.serving.gateway import Models

    copies = {uuid.uuid4(): folder / str(number) for number in range(shops)}
    loads = 0

    def open_scorer(arm: Any) -> api.Scorer:
        nonlocal loads
        loads += 1
        return api.load(copies[arm.version_id])

    models = Models(
        open_scorer,
        find_new=lambda arm, scorer: (),
        on_refused=lambda arm, why: None,
        size_of=lambda arm: sum(file.stat().st_size for file in copies[arm.version_id].iterdir()),
    )
    before = _pss_mib()
    try:
        for copy in copies.values():
            shutil.copytree(base, copy)
        arms = [_arm(version, number) for number, version in enumerate(copies)]
        for round_ in range(2):
            first_loads = loads if round_ else 0
            for arm in arms:
                answer_once(models.get(arm))
        return {
            "mib": round(_pss_mib() - before, 1),
            "held": len(models.loaded()),
            "loaded_again": round((loads - first_loads) / shops, 3),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answer_once(scorer: api.Scorer) -> None:
    """Let a scorer touch the memory that an answer needs."""
    scorer.score([int(one) for one in scorer.item_ids[:STEPS]], k=ASKED)


def _arm(version: uuid.UUID, number: int) -> Any:
    from backend.rollouts.values import LiveArm

    return LiveArm(number, "champion", 100, version, 1, "", "")


def _pss_mib() -> float:
    return float(psutil.Process().memory_full_info().pss) / MIB


def first_answer_seconds(stage: Stage) -> float:
    """Return how long after the start of the web process the first answer of a model comes."""
    path = product.signed(stage.stack, product.questions(stage.stack)[1:2])[0]
    stage.stack.crew.restart("web")
    began = time.monotonic()
    while time.monotonic() - began < FIRST_ANSWER_SECONDS:
        if _is_good(stage.web, path):
            return time.monotonic() - began
        time.sleep(0.02)
    raise load.WrongAnswer(f"No model answered within {FIRST_ANSWER_SECONDS:.0f} s of the start.")


def _is_good(origin: str, path: str) -> bool:
    with closing(load.Connection(origin)) as connection:
        try:
            body = connection.get(path)
        except (OSError, load.WrongAnswer):
            return False
        return kind_of(connection.head, body) == "model"


def exponent(found: Mapping[int, float]) -> float | None:
    """
    Return the power of the size that a cost grows with: the slope of its logarithm, by least squares.

    A size of nothing has no logarithm and is left out; of fewer than two sizes there is no slope.
    """
    sizes = [size for size in found if size > 0 and found[size] > 0]
    if len(sizes) < 2:
        return None
    slope = np.polyfit([math.log(size) for size in sizes], [math.log(found[size]) for size in sizes], 1)[0]
    return round(float(slope), 3)


def _rounded(found: Mapping[int, float]) -> dict[int, float]:
    return {size: round(value, 3) for size, value in found.items()}

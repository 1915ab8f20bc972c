"""Reading the dataset folder of the feature export."""

import json
from pathlib import Path
from typing import Any

from models.recommender.files.building import build
from models.recommender.files.interactions import FACT_COLUMNS, read_catalogue, read_steps, tell_nobody
from models.recommender.files.tables import Table, read_table
from models.recommender.files.text import Tell
from models.recommender.log.log import Log
from models.recommender.values import DatasetInvalid

PURCHASES, ITEMS, FACTS = "interactions.parquet", "items.parquet", "dataset.json"
PURCHASE_COLUMNS = ("user", "item", "at", "basket")
AMOUNTS = ("event", "quantity", "price")
ITEM_COLUMNS = ("item", "created_at")


def read(folder: Path, *, tell: Tell = tell_nobody) -> Log:
    """
    Return the purchases of a dataset folder.

    :param tell: hears what was set aside
    :raises DatasetInvalid: if a file is missing or a value cannot be used
    """
    facts = _read_facts(folder / FACTS)
    purchases = read_table(
        folder / PURCHASES, required=PURCHASE_COLUMNS, optional=AMOUNTS, one_line=(), tell=tell_nobody
    )
    known = ("title", "price", *FACT_COLUMNS)
    items = read_table(folder / ITEMS, required=ITEM_COLUMNS, optional=known, one_line=(), tell=tell_nobody)
    if facts.get("interactions", len(purchases)) != len(purchases):
        raise DatasetInvalid(
            f"{PURCHASES} has {len(purchases)} rows but {FACTS} says {facts['interactions']}."
        )
    return log_of(purchases, items, data_hash=str(facts["sha256"]), until=str(facts["until"]), tell=tell)


def log_of(purchases: Table, items: Table, *, data_hash: str, until: str, tell: Tell = tell_nobody) -> Log:
    """Return the log of an export's two tables; see ``read``."""
    for name in PURCHASE_COLUMNS:
        purchases.refuse_missing(name)
    items.refuse_missing("item")
    for table in (purchases, items):
        if len(table) and not table.is_whole("item"):
            raise DatasetInvalid(f"{table.path.name}, column item: not a whole number.")
    steps, _ = read_steps(purchases, "at", now=None)
    catalogue = read_catalogue(items, FACT_COLUMNS)
    return build(steps, catalogue, data_hash=data_hash, until=until, tell=tell)


def _read_facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DatasetInvalid(f"The dataset folder {path.parent} has no {path.name}.")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetInvalid(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(facts, dict) or not {"sha256", "until"} <= set(facts):
        raise DatasetInvalid(f"{path.name} must be an object with sha256 and until.")
    return facts

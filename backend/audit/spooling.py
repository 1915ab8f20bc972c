"""
Decisions while the ledger is away: on disk first, and into the ledger once it is back.

A row that was spooled draws its number as it is written, like any other, so the seals take it for what it is:
a row that came late, in a segment of its own day. What was erased meanwhile is asked for again then.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from backend.audit import gateway
from backend.core import spool
from backend.core.database import DATABASE_DOWN
from backend.core.errors import describe
from backend.core.spool import Spool
from backend.core.tenancy import in_batches

log = structlog.get_logger(__name__)

# Records that are read together; those of one shop are one transaction.
BATCH: Final = 500

# Takes a shop and visitors, within the transaction that writes their decisions. Returns who of them was
# redacted, and stays so until it ends; None where nothing of the shop may be kept any more.
Admit = Callable[[int, Collection[str]], Collection[str] | None]
# Takes a shop and the oldest moment of decisions that come late, within the same transaction.
Note = Callable[[int, datetime], None]


@dataclass(slots=True)
class _OfShop:
    """What some records hold of one shop."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[gateway.Place, bytes] = field(default_factory=dict)


@cache
def _spool(folder: Path) -> Spool:
    return Spool(folder)


def append(row: gateway.Values, new: Mapping[gateway.Place, bytes]) -> None:
    """
    Keep one decision on disk until the ledger takes it; return when it is there.

    :param row: values of ``gateway.COLUMNS``, in their order
    :param new: contents that the row refers to
    :raises SpoolUnavailable: if the disk doesn't take it
    """
    once = {
        b"%d %s %s" % (shop_id, day.isoformat().encode(), address): _packed(
            {"content": [shop_id, day.isoformat(), address.hex(), _text(body)]}
        )
        for (shop_id, day, address), body in new.items()
    }
    named = dict(zip(gateway.COLUMNS, row, strict=True))
    _spool(settings.SPOOL_ROOT).append(_packed({"row": named}), once=once)


def is_spool_waiting() -> bool:
    """Return whether there may be decisions on disk."""
    return any(settings.SPOOL_ROOT.glob(f"*{spool.SUFFIX}"))


def ship_spool(*, admit: Admit, note: Note) -> int:
    """
    Write what waits on disk to the ledger: this process's own, and what processes left that have died.

    Repeating it adds nothing. A file goes when all of it is written; what the database refuses for good is
    reported, and keeps no other row from getting there.

    :returns: how many decisions were read
    :raises OperationalError: if the database is away again
    """
    _spool(settings.SPOOL_ROOT).release()
    shipped = 0
    for file in spool.adopt(settings.SPOOL_ROOT):
        for records in in_batches(file.records(), BATCH):
            for shop_id, some in _by_shop(records).items():
                _ship(shop_id, some, admit=admit, note=note)
                shipped += len(some.rows)
        file.remove()
    if shipped:
        log.info("spool_shipped", decisions=shipped)
    return shipped


def _by_shop(records: Iterable[bytes]) -> dict[int, _OfShop]:
    found: dict[int, _OfShop] = defaultdict(_OfShop)
    for record in records:
        told = json.loads(record)
        if "row" in told:
            found[told["row"]["shop_id"]].rows.append(_unpacked(told["row"]))
        else:
            shop_id, day, address, body = told["content"]
            place = (shop_id, date.fromisoformat(day), bytes.fromhex(address))
            found[shop_id].contents[place] = base64.b64decode(body)
    return found


def _ship(shop_id: int, some: _OfShop, *, admit: Admit, note: Note) -> None:
    try:
        _write(shop_id, some, admit=admit, note=note)
    except DATABASE_DOWN:
        raise
    except DatabaseError as error:
        if len(some.rows) <= 1:
            ids = [row["id"] for row in some.rows]
            log.error("spool_refused", shop_id=shop_id, decisions=ids, error=describe(error))  # noqa: TRY400 -- the driver's words quote the row
            return
        for row in some.rows:
            _ship(shop_id, _OfShop([row], some.contents), admit=admit, note=note)


@transaction.atomic
def _write(shop_id: int, some: _OfShop, *, admit: Admit, note: Note) -> None:
    redacted = admit(shop_id, {row["visitor_key"] for row in some.rows} - {None})
    if redacted is None:
        return
    for row in some.rows:
        if row["visitor_key"] in redacted:
            row.update(dict.fromkeys(gateway.OF_THE_VISITOR))
    rows = [[row[name] for name in gateway.COLUMNS] for row in some.rows]
    gateway.write_many(rows, some.contents, page_rows=BATCH, may_be_there=True)
    if some.rows:
        note(shop_id, min(datetime.fromisoformat(row["at"]) for row in some.rows))


def _packed(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, default=_text, separators=(",", ":")).encode()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else base64.b64encode(value).decode()


def _unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by column; one that a former version of the code didn't know is null."""
    return {
        name: base64.b64decode(value) if type_ == "bytea" and value is not None else value
        for name, type_ in gateway.COLUMNS.items()
        for value in [row.get(name)]
    }

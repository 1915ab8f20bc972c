"""
Anchors: the newest head of each chain, signed and taken out of the reach of who can change the database.

A chain proves that nothing before its end was changed. It can't prove that its end is there, nor that nobody
with the signing key made it anew. Who holds yesterday's heads can.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
import structlog
from django.conf import settings
from django.db import transaction

from backend.audit import seals
from backend.audit.models import Chain, EndedChain, SealCursor
from backend.audit.values import Ledger, SealedHead
from backend.core import http, signatures
from backend.core.errors import Corrupt, Refused, Unavailable, describe
from backend.core.moments import microseconds

log = structlog.get_logger(__name__)

SIGNED_AS: Final = b"tailorbird anchor 1\x00"
# Exports that are compared, one a day: an end that was cut off is seen in the first of them.
MOST_KEPT: Final = 31
ENDED_AS: Final = b"tailorbird chain ended 1\x00"


class AnchorUnwritten(Unavailable):
    """The heads did not reach the place outside."""

    code = "anchor_unwritten"


class BadAnchor(Refused):
    """A file is no anchor, or not one of ours."""

    code = "bad_anchor"


def export_heads(*, now: datetime) -> int:
    """
    Send the heads of all chains to ``LEDGER_ANCHOR_URL``, and tell the log of them; return how many.

    :raises AnchorUnwritten: if the place does not take them; the job tries again
    """
    heads = [_head(chain) for chain in _chains()]
    document = _document(heads, now=now)
    # The log leaves the host too, and takes one line of any length.
    log.info("ledger_heads", heads=len(heads), signature=document["signature"], key=document["key"])
    if settings.LEDGER_ANCHOR_URL:
        _send(settings.LEDGER_ANCHOR_URL, f"heads-{now:%Y-%m-%d}.json", json.dumps(document, indent=1))
    return len(heads)


def _chains() -> Any:
    rows = Chain.objects.across_shops(reason="one anchor holds the chains of all shops")
    return rows.exclude(number=0).order_by("shop_id", "ledger")


def _head(chain: Chain) -> SealedHead:
    if chain.sealed_at is None:
        raise Corrupt(f"The chain of the {chain} has segments and no seal.")
    head = bytes(chain.head).hex()
    return SealedHead(chain.shop_id, Ledger(chain.ledger), chain.uuid, chain.number, head, chain.sealed_at)


def _document(heads: Sequence[SealedHead], *, now: datetime) -> dict[str, Any]:
    told = {
        "made_at": now.isoformat(),
        "heads": [
            {
                "shop": one.shop_id,
                "ledger": one.ledger.value,
                "chain": str(one.chain),
                "number": one.number,
                "head": one.head,
                "sealed_at": one.sealed_at.isoformat(),
            }
            for one in heads
        ],
    }
    signature = signatures.sign(SIGNED_AS + _canonical(told))
    return told | {
        "key": signatures.key_id().hex(),
        "public_key": signatures.public_key().hex(),
        "signature": signature.hex(),
    }


def _canonical(told: dict[str, Any]) -> bytes:
    return seals.canonical_json(json.dumps(told).encode())


def _send(address: str, name: str, text: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "file":
        _write(Path(unquote(parts.path)), name, text)
    else:
        _post(address, name, text)


def _write(folder: Path, name: str, text: str) -> None:
    draft = folder / f".{name}.draft"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(text)
        draft.replace(folder / name)
    except OSError as error:
        raise AnchorUnwritten(f"The anchor {name} could not be written to {folder}.") from error


def _post(address: str, name: str, text: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Disposition": f'attachment; filename="{name}"'}
    host = urlsplit(address).hostname
    try:
        answer = http.client().post(address, content=text, headers=headers)
    except httpx.HTTPError as error:
        raise AnchorUnwritten(f"The anchor {name} did not reach {host}.") from error
    if not answer.is_success:
        raise AnchorUnwritten(f"{host} answered {answer.status_code} to the anchor {name}.")


def kept_anchors() -> list[SealedHead]:
    """
    Return the heads of the last exports, if they were written to a folder; none where an address took them.

    A file that is no anchor of ours is told to the log as an error, and ends nothing.
    """
    address = urlsplit(settings.LEDGER_ANCHOR_URL)
    if address.scheme != "file":
        return []
    heads: list[SealedHead] = []
    for file in sorted(Path(unquote(address.path)).glob("heads-*.json"))[-MOST_KEPT:]:
        try:
            heads += read_anchor(file.read_text())
        except (OSError, UnicodeDecodeError, BadAnchor) as error:
            log.error("anchor_unreadable", file=file.name, error=describe(error))  # noqa: TRY400 -- the message says it all
    return heads


def read_anchor(text: str) -> list[SealedHead]:
    """
    Return the heads of an exported document.

    :raises BadAnchor: if it is none, or no known key signed it
    """
    try:
        document = json.loads(text)
        told = {name: document[name] for name in ("made_at", "heads")}
        signature, key_id = bytes.fromhex(document["signature"]), bytes.fromhex(document["key"])
        heads = [_read_head(one) for one in told["heads"]]
    except (ValueError, KeyError, TypeError) as error:
        raise BadAnchor("This is no document of anchored heads.") from error
    if not signatures.is_signed(SIGNED_AS + _canonical(told), signature, key_id=key_id):
        raise BadAnchor(
            f"No known key signed this document; it names {key_id.hex()}. See LEDGER_FORMER_KEYS."
        )
    return heads


def _read_head(one: dict[str, Any]) -> SealedHead:
    return SealedHead(
        shop_id=int(one["shop"]),
        ledger=Ledger(one["ledger"]),
        chain=UUID(one["chain"]),
        number=int(one["number"]),
        head=str(one["head"]),
        sealed_at=datetime.fromisoformat(one["sealed_at"]),
    )


@transaction.atomic
def end_chains(shop_id: int, *, now: datetime) -> None:
    """
    Write down, signed, that a shop's chains ended because it was erased: otherwise they would be missed.

    Its rows are gone by now. The cursors are locked, so that no sealer is left that has read some of them.
    """
    list(SealCursor.objects.select_for_update().order_by("ledger"))
    for chain in Chain.objects.for_shop(shop_id):
        EndedChain.objects.create(
            uuid=chain.uuid,
            shop_id=shop_id,
            ledger=chain.ledger,
            number=chain.number,
            ended_at=now,
            key_id=signatures.key_id(),
            signature=signatures.sign(_ended(chain.uuid, shop_id, now)),
        )
    Chain.objects.for_shop(shop_id).delete()


def has_ended(chain: UUID) -> bool:
    """Return whether a chain ended by a lawful erasure of its shop."""
    row = EndedChain.objects.filter(uuid=chain).first()
    if row is None:
        return False
    said = _ended(row.uuid, row.shop_id, row.ended_at)
    return signatures.is_signed(said, bytes(row.signature), key_id=bytes(row.key_id))


def _ended(chain: UUID, shop_id: int, at: datetime) -> bytes:
    return ENDED_AS + chain.bytes + shop_id.to_bytes(8, "big") + microseconds(at).to_bytes(8, "big")

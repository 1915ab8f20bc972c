"""Receipts to JSON."""

import json

from backend.events.values import Receipt


def to_json(receipt: Receipt) -> bytes:
    """Return what became of a body."""
    refused = [{"index": one.index, "reason": one.reason.value.lower()} for one in receipt.refused]
    body = {"accepted": receipt.accepted, "duplicate": receipt.duplicate, "refused": refused}
    return json.dumps(body).encode()

"""Columns that are smaller than what they mean."""

from typing import Any
from uuid import UUID

from django.db import models


class PseudonymField(models.UUIDField):  # type: ignore[type-arg]
    """
    A pseudonym: 32 hexadecimal digits to Python, 16 bytes to PostgreSQL.

    PostgreSQL's ``uuid`` holds any 16 bytes, one less than a ``bytea`` needs for them.
    """

    def from_db_value(self, value: UUID | None, expression: Any, connection: Any) -> str | None:
        """Return the digits."""
        return None if value is None else value.hex

    def to_python(self, value: Any) -> str | None:
        """Return the digits of whatever stands for a pseudonym."""
        found: UUID | None = super().to_python(value)
        return None if found is None else found.hex


class MillisecondsField(models.IntegerField):  # type: ignore[type-arg]
    """A time of milliseconds to Python, kept as whole microseconds: half as long as a double."""

    def from_db_value(self, value: int | None, expression: Any, connection: Any) -> float | None:
        """Return milliseconds."""
        return None if value is None else value / 1000

    def get_prep_value(self, value: Any) -> int | None:
        """Return microseconds."""
        return None if value is None else round(float(value) * 1000)


class RequestIdField(models.BinaryField):  # type: ignore[type-arg]
    """The id of a request, text to Python. Ours are UUIDs without hyphens and take 16 bytes, not 32."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str:
        """Return the text."""
        return request_id_of(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return the bytes."""
        packed = pack_request_id(value) if isinstance(value, str) else value
        return super().get_db_prep_value(packed, connection, prepared)


UUID_BYTES = 16


def pack_request_id(text: str) -> bytes | None:
    """Return a request's id as few bytes; None of an empty one."""
    if not text:
        return None
    try:
        packed = bytes.fromhex(text)
    except ValueError:
        packed = b""
    if len(packed) == UUID_BYTES and packed.hex() == text:
        return packed
    # Another text of 16 bytes would be taken for a UUID; no text that we are given ends with a NUL.
    return text.encode() + b"\x00" * (len(text.encode()) == UUID_BYTES)


def request_id_of(packed: Any) -> str:
    """Return the text that :func:`pack_request_id` packed."""
    if packed is None:
        return ""
    found = bytes(packed)
    return found.hex() if len(found) == UUID_BYTES else found.rstrip(b"\x00").decode()

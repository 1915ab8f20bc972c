"""
Every question we ask of the Admin API: one named operation a file.

Tests validate each against Shopify's own schema of ``API_VERSION``. What only a later version offers, whose
schema is not to be had yet, lies in ``later_operations/`` and is asked of that version; a setting keeps each
off until it was checked.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from backend.shopify.values import API_VERSION

_FOLDER: Final = Path(__file__).parent
_LATER: Final = _FOLDER.parent / "later_operations"
_LATER_VERSIONS: Final = {"rollouts": "2026-10"}
# Stands in the two bulk queries where the search goes; it is itself a valid search.
_SINCE_EVER: Final = "updated_at:>='1970-01-01T00:00:00Z'"


@cache
def text(name: str) -> str:
    """Return an operation's text by its file name without the ending."""
    folder = _LATER if name in _LATER_VERSIONS else _FOLDER
    return (folder / f"{name}.graphql").read_text()


def version(name: str) -> str:
    """Return the version of the Admin API that an operation is asked of."""
    return _LATER_VERSIONS.get(name, API_VERSION)


def bulk_text(name: str, *, since: datetime | None) -> str:
    """
    Return a bulk query, narrowed to what changed since a moment.

    Bulk queries take no variables, so the moment is written into the text.
    """
    if since is None:
        return text(name).replace(f'(query: "{_SINCE_EVER}")', "")
    moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return text(name).replace(_SINCE_EVER, f"updated_at:>='{moment}'")

"""What the decision ledger's own connection sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg2.extensions

from backend.audit import gateway


@contextmanager
def sent_by_the_ledger() -> Iterator[list[str]]:
    """Collect the messages of this thread's connection, which is kept or opened as it would be."""
    sent: list[str] = []

    class Recording(psycopg2.extensions.cursor):  # type: ignore[misc]
        def execute(self, query: Any, values: Any = None) -> None:
            sent.append(self.mogrify(query, values).decode())
            super().execute(query, values)

    plain = gateway._own._open

    def opened() -> Any:
        connection = plain()
        connection.cursor_factory = Recording
        return connection

    with patch.object(gateway._own, "_open", opened):
        try:
            yield sent
        finally:
            if gateway._own.connection is not None:
                gateway._own.connection.cursor_factory = None

"""Words about work: progress, signs of life, notes for people. None of them may end the work."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import Error, transaction

from .errors import describe

log = structlog.get_logger(__name__)


@contextmanager
def best_effort(what: str) -> Iterator[None]:
    """
    Write something that the work does not depend on; where that fails, say so in the log and go on.

    What is written may quote others: too long, of signs or numbers that no
    column takes, or while the database restarts. A failure of ours, such as a
    lost race, is no matter of words and passes.
    """
    try:
        # Inside another transaction this is a savepoint, which survives a refused statement.
        with transaction.atomic():
            yield
    except (Error, ValueError) as error:
        log.warning("not_written", what=what, error=describe(error))

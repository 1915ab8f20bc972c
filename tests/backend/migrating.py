"""Take the tables of a test back to former migrations, and bring all of them forward again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

Targets = Sequence[tuple[str, str]]


def migrate(targets: Targets) -> Any:
    """Migrate to some targets. :returns: the models as they are then"""
    return MigrationExecutor(connection).migrate(list(targets)).apps


@contextmanager
def migrated_back(targets: Targets) -> Iterator[Any]:
    """
    Give the models as of some former migrations; all apps are at their newest again afterwards.

    All, for those that build on the ones that went back went back with them.
    """
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        yield migrate(targets)
    finally:
        migrate(newest)

"""Tables that PostgreSQL itself keeps as they are."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.state import ProjectState

from backend.core.append_only import AppendOnly

BACKEND = Path(__file__).resolve().parents[3] / "backend"
TABLE = "made_up_for_a_test"
# What audit guards has partitions, or was guarded before there was an operation for it.
OWN_TRIGGERS = {
    "audit/migrations/0002_append_only.py",
    "audit/migrations/0006_daily_partitions.py",
    "audit/migrations/0008_seals_append_only.py",
    "events/migrations/0004_append_only.py",
}


def change(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_nothing_of_a_guarded_table_changes_until_it_is_unguarded() -> None:
    change(f"CREATE TABLE {TABLE} (number integer); INSERT INTO {TABLE} VALUES (7);")
    guard, state = AppendOnly(TABLE), ProjectState()
    changes = [f"UPDATE {TABLE} SET number = 8", f"DELETE FROM {TABLE}", f"TRUNCATE {TABLE}"]

    with connection.schema_editor() as editor:
        guard.database_forwards("core", editor, state, state)

    for statement in changes:
        with pytest.raises(DatabaseError, match="append-only"):
            change(statement)
    change(f"INSERT INTO {TABLE} VALUES (9)")
    with connection.schema_editor() as editor:
        guard.database_backwards("core", editor, state, state)
    for statement in changes:
        change(statement)


def test_no_migration_writes_the_triggers_out_again() -> None:
    found = {
        str(path.relative_to(BACKEND))
        for path in BACKEND.rglob("*/migrations/*.py")
        if "EXECUTE FUNCTION audit_refuse_change" in path.read_text()
    }

    assert found == OWN_TRIGGERS

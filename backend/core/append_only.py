"""Tables of which PostgreSQL itself lets nothing be changed."""

from django.db.migrations import RunSQL


class AppendOnly(RunSQL):
    """
    Let PostgreSQL refuse to change rows of a table, to delete some, or to empty it.

    Lawful erasure is the only door. It is in the function that the triggers call, which is audit's: who uses
    this depends on its migration ``0002_append_only``. Partitions inherit the trigger for rows, not the one
    for the whole: a table that has some is seen to by its own migration.
    """

    def __init__(self, table: str) -> None:
        """Guard one table, by its name in the database."""
        self.table = table
        rows = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
        whole = f"CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        super().__init__(
            sql=[f"{trigger} EXECUTE FUNCTION audit_refuse_change();" for trigger in (rows, whole)],
            reverse_sql=[f"DROP TRIGGER {table}_{name} ON {table};" for name in ("keep", "append_only")],
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, object]]:
        """Return how to make it again, for a squashed migration."""
        return type(self).__qualname__, [self.table], {}

    def describe(self) -> str:
        """Return what it does, as ``migrate`` tells it."""
        return f"Let nothing of {self.table} be changed"

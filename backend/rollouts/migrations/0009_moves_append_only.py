"""Let PostgreSQL itself refuse to change what moved when: what answered whom is read from it."""

from django.db import migrations

TABLES = ("rollouts_pointermove", "rollouts_rolloutmove")


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0008_rollout"), ("audit", "0002_append_only")]

    operations = [
        operation
        for table in TABLES
        for operation in (
            migrations.RunSQL(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();",
                f"DROP TRIGGER {table}_append_only ON {table};",
            ),
            migrations.RunSQL(
                f"CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();",
                f"DROP TRIGGER {table}_keep ON {table};",
            ),
        )
    ]

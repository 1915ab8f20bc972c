"""Let PostgreSQL itself refuse to change what was told; a partition inherits the trigger."""

from django.db import migrations

TABLES = ("events_event", "events_botevent")


class Migration(migrations.Migration):
    dependencies = [("events", "0003_orders"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();",
            f"DROP TRIGGER {table}_append_only ON {table};",
        )
        for table in TABLES
    ]

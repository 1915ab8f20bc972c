"""Let PostgreSQL itself refuse to change what was a reason to train. Lawful erasure is the only door: see audit."""

from django.db import migrations

TABLE = "monitoring_retraintrigger"


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE} "
            "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();",
            f"DROP TRIGGER {TABLE}_append_only ON {TABLE};",
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_keep BEFORE TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();",
            f"DROP TRIGGER {TABLE}_keep ON {TABLE};",
        ),
    ]

"""Let PostgreSQL itself refuse to change what a rollout is measured by: a bound that moves proves nothing."""

from django.db import migrations

TABLE = "rollouts_rolloutestimand"


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0014_measuring"), ("audit", "0002_append_only")]

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

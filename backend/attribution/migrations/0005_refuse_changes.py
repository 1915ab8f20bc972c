"""Let PostgreSQL itself refuse to change joins and credits; lawful erasure passes, as for the ledgers of audit."""

from django.db import migrations

ROWS = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
"""
WHOLE = """
CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""

TABLES = ("attribution_join", "attribution_credit")


class Migration(migrations.Migration):
    dependencies = [("attribution", "0004_credits_of_before"), ("audit", "0002_append_only")]

    operations = [
        *(
            migrations.RunSQL(ROWS.format(table=table), f"DROP TRIGGER {table}_append_only ON {table};")
            for table in TABLES
        ),
        *(
            migrations.RunSQL(WHOLE.format(table=table), f"DROP TRIGGER {table}_keep ON {table};")
            for table in TABLES
        ),
    ]

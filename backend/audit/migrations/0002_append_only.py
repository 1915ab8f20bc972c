"""Let PostgreSQL itself refuse to change the ledgers."""

from django.db import migrations

# The setting is opened by audit.services._erasure alone, for one transaction: lawful erasure is the only change.
FUNCTION = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tailorbird.erasure', true) = 'on' THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The ledger % is append-only.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
"""

ROWS = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
"""
WHOLE = """
CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""

TABLES = ("audit_decision", "audit_ledgerevent")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION audit_refuse_change();"),
        *(
            migrations.RunSQL(ROWS.format(table=table), f"DROP TRIGGER {table}_append_only ON {table};")
            for table in TABLES
        ),
        *(
            migrations.RunSQL(WHOLE.format(table=table), f"DROP TRIGGER {table}_keep ON {table};")
            for table in TABLES
        ),
    ]

"""Let PostgreSQL refuse to change the record of staff accounts, as it does the ledgers of shops."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_second_factor"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER staff_staffevent_append_only BEFORE UPDATE OR DELETE ON staff_staffevent "
            "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();",
            "DROP TRIGGER staff_staffevent_append_only ON staff_staffevent;",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER staff_staffevent_keep BEFORE TRUNCATE ON staff_staffevent "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();",
            "DROP TRIGGER staff_staffevent_keep ON staff_staffevent;",
        ),
    ]

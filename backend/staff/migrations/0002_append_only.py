"""Let PostgreSQL refuse to change the record of staff accounts, as it does the ledgers of shops."""

from django.db import migrations

from backend.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_second_factor"), ("audit", "0002_append_only")]

    operations = [AppendOnly("staff_staffevent")]

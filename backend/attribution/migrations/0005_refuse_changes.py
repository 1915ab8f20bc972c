"""Let PostgreSQL itself refuse to change joins and credits; lawful erasure passes, as for the ledgers of audit."""

from django.db import migrations

from backend.core.append_only import AppendOnly

TABLES = ("attribution_join", "attribution_credit")


class Migration(migrations.Migration):
    dependencies = [("attribution", "0004_credits_of_before"), ("audit", "0002_append_only")]

    operations = [AppendOnly(table) for table in TABLES]

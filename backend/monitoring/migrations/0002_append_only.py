"""Let PostgreSQL itself refuse to change what was a reason to train. Lawful erasure is the only door: see audit."""

from django.db import migrations

from backend.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial"), ("audit", "0002_append_only")]

    operations = [AppendOnly("monitoring_retraintrigger")]

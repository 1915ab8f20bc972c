"""Let PostgreSQL itself refuse to change what the gate decided. Lawful erasure is the only door: see audit."""

from django.db import migrations

from backend.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0002_gate"), ("audit", "0002_append_only")]

    operations = [AppendOnly("rollouts_gatedecision")]

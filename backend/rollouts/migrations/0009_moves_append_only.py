"""Let PostgreSQL itself refuse to change what moved when: what answered whom is read from it."""

from django.db import migrations

from backend.core.append_only import AppendOnly

TABLES = ("rollouts_pointermove", "rollouts_rolloutmove")


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0008_rollout"), ("audit", "0002_append_only")]

    operations = [AppendOnly(table) for table in TABLES]

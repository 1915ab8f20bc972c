"""Let PostgreSQL itself refuse to change what a rollout is measured by: a bound that moves proves nothing."""

from django.db import migrations

from backend.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0014_measuring"), ("audit", "0002_append_only")]

    operations = [AppendOnly("rollouts_rolloutestimand")]

"""Let PostgreSQL itself refuse to change which share was held out when: what was measured rests on it."""

from django.db import migrations

from backend.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0005_holdout"), ("audit", "0002_append_only")]

    operations = [AppendOnly("rollouts_holdoutchange")]

"""Count, with each reading, who was drawn into both arms."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0019_damaged")]

    operations = [
        migrations.AddField("rolloutreading", "in_both_arms", models.IntegerField(default=0, db_default=0)),
    ]

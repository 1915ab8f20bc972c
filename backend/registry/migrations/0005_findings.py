"""Keep what else a training measured of a version."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_gate")]

    operations = [
        migrations.AddField(model_name="modelversion", name="findings", field=models.JSONField(default=dict)),
    ]

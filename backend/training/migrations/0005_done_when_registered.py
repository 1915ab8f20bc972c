"""
End runs when their version is registered.

Those that waited for their version's release are over: the release has a job of its own, and what became
of it the pointer and publishing say.
"""

from django.db import migrations, models
from django.db.models import F



def end(apps, schema_editor):
    runs = apps.get_model("training", "TrainingRun")._base_manager
    runs.filter(state="PUBLISHING").update(state="DONE", finished_at=F("heard_at"), fraction=1.0)


class Migration(migrations.Migration):
    dependencies = [("training", "0004_words_of_any_length")]

    operations = [
        migrations.RunPython(end, migrations.RunPython.noop),
    ]

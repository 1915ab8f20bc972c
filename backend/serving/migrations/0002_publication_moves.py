from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('serving', '0001_initial'),
        ('publishing', '0001_initial'),
    ]

    operations = [
        # The table itself is renamed by the migration that this one depends on.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name='Publication')]),
    ]

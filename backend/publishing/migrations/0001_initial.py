import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# The table moves here from serving with what it holds: without it every list would be written once more.
RENAME = """
    ALTER TABLE serving_publication RENAME TO publishing_publication;
    ALTER TABLE publishing_publication RENAME CONSTRAINT serving_publication_unique TO publishing_publication_unique;
"""
RENAME_BACK = """
    ALTER TABLE publishing_publication RENAME CONSTRAINT publishing_publication_unique TO serving_publication_unique;
    ALTER TABLE publishing_publication RENAME TO serving_publication;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('shops', '0001_initial'),
        ('serving', '0001_initial'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(RENAME, RENAME_BACK)],
            state_operations=[
                migrations.CreateModel(
                    name='Publication',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('product_id', models.BigIntegerField()),
                        ('items', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                        ('decision_id', models.UUIDField()),
                        ('version_number', models.IntegerField()),
                        ('published_at', models.DateTimeField()),
                        ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='shops.shop')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('shop', 'product_id'), name='publishing_publication_unique')],
                    },
                ),
            ],
        ),
    ]

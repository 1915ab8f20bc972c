"""Shops from before are asked as new ones are: the place is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('shops', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='shop',
            name='shows_new_products',
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]

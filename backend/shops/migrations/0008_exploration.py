"""Off in every shop until its merchant agrees."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('shops', '0007_topic_subscription'),
    ]

    operations = [
        migrations.AddField(
            model_name='shop',
            name='explores_since',
            field=models.DateTimeField(null=True),
        ),
    ]

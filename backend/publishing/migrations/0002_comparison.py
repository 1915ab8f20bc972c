import django.db.models.deletion
from django.db import migrations, models

# Without its row a shop would seem to have come back after an uninstall, and every list would be written again.
KNOWN = """
    INSERT INTO publishing_comparison (shop_id, installed_at, cursor, written, attempts, retry_at, failure)
    SELECT shop.id, shop.installed_at, -1, 0, 0, now(), ''
    FROM shops_shop shop WHERE EXISTS (SELECT FROM publishing_publication list WHERE list.shop_id = shop.id);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('publishing', '0001_initial'),
        ('shops', '0002_new_products'),
    ]

    operations = [
        migrations.AddField(
            model_name='publication',
            name='is_confirmed',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddIndex(
            model_name='publication',
            index=models.Index(condition=models.Q(('is_confirmed', False)), fields=['shop'], name='publishing_unconfirmed'),
        ),
        migrations.CreateModel(
            name='Comparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version_id', models.UUIDField(null=True)),
                ('installed_at', models.DateTimeField(null=True)),
                ('goal_id', models.UUIDField(null=True)),
                ('cursor', models.BigIntegerField(default=-1)),
                ('written', models.IntegerField(default=0)),
                ('claim', models.UUIDField(null=True)),
                ('heard_at', models.DateTimeField(null=True)),
                ('attempts', models.IntegerField(default=0)),
                ('retry_at', models.DateTimeField()),
                ('failure', models.TextField(blank=True)),
                ('compared_at', models.DateTimeField(null=True)),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='shops.shop')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('shop',), name='publishing_comparison_one_per_shop'),
                    models.CheckConstraint(condition=models.Q(models.Q(('claim__isnull', True), ('heard_at__isnull', True)), models.Q(('claim__isnull', False), ('heard_at__isnull', False)), _connector='OR'), name='publishing_comparison_claim_is_heard'),
                ],
            },
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]

"""Give each page two slots, and the shop a switch between them."""

import django.db.models.deletion
from django.db import migrations, models

# What was known of a shop's lists is that of the first slot: nothing is written again.
KNOWN = """
    INSERT INTO publishing_publisher
        (shop_id, installed_at, claim, heard_at, attempts, retry_at, failure, switch, is_switch_confirmed, holdout)
    SELECT shop_id, installed_at, claim, heard_at, attempts, retry_at, failure, '{}', true, ''
    FROM publishing_comparison;
"""
KNOWN_BACK = """
    UPDATE publishing_comparison comparison SET (installed_at, claim, heard_at, attempts, retry_at, failure)
        = (SELECT installed_at, claim, heard_at, attempts, retry_at, failure FROM publishing_publisher publisher
           WHERE comparison.shop_id = publisher.shop_id);
"""
WITHOUT_SECOND = """
    DELETE FROM publishing_publication WHERE slot = 'b';
    DELETE FROM publishing_comparison WHERE slot = 'b';
"""

IS_HEARD = models.Q(claim__isnull=True, heard_at__isnull=True) | models.Q(
    claim__isnull=False, heard_at__isnull=False
)
SLOTS = models.Q(slot__in=["a", "b"])


class Migration(migrations.Migration):
    dependencies = [("publishing", "0003_holdout_list"), ("shops", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Publisher",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("installed_at", models.DateTimeField(null=True)),
                ("switch", models.JSONField(default=dict)),
                ("is_switch_confirmed", models.BooleanField(default=True)),
                ("holdout", models.TextField(blank=True, default="")),
                ("holdout_compared_at", models.DateTimeField(null=True)),
                ("claim", models.UUIDField(null=True)),
                ("heard_at", models.DateTimeField(null=True)),
                ("attempts", models.IntegerField(default=0)),
                ("retry_at", models.DateTimeField()),
                ("failure", models.TextField(blank=True)),
                (
                    "shop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="shops.shop"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("shop",), name="publishing_publisher_one_per_shop"),
                    models.CheckConstraint(condition=IS_HEARD, name="publishing_publisher_claim_is_heard"),
                ],
            },
        ),
        # First, and so last on the way back: until then rows have no such moment.
        migrations.AlterField("comparison", "retry_at", models.DateTimeField(null=True)),
        migrations.RunSQL(KNOWN, KNOWN_BACK),
        migrations.RemoveConstraint("comparison", "publishing_comparison_one_per_shop"),
        migrations.RemoveConstraint("comparison", "publishing_comparison_claim_is_heard"),
        *(
            migrations.RemoveField("comparison", name)
            for name in ("installed_at", "claim", "heard_at", "attempts", "failure")
        ),
        migrations.RemoveField("comparison", "retry_at"),
        migrations.AddField("comparison", "slot", models.CharField(default="a", max_length=1), preserve_default=False),
        migrations.AlterField("comparison", "cursor", models.BigIntegerField(default=-1)),
        migrations.AddConstraint(
            "comparison", models.UniqueConstraint(fields=["shop", "slot"], name="publishing_comparison_one_per_slot")
        ),
        migrations.AddConstraint(
            "comparison", models.CheckConstraint(condition=SLOTS, name="publishing_comparison_slot")
        ),
        migrations.AddField("publication", "slot", models.CharField(db_default="a", default="a", max_length=1)),
        migrations.RemoveConstraint("publication", "publishing_publication_unique"),
        migrations.AddConstraint(
            "publication",
            models.UniqueConstraint(fields=["shop", "slot", "product_id"], name="publishing_publication_unique"),
        ),
        migrations.AddConstraint(
            "publication", models.CheckConstraint(condition=SLOTS, name="publishing_publication_slot")
        ),
        migrations.RunSQL(migrations.RunSQL.noop, WITHOUT_SECOND),
    ]

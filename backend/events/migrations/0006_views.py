"""Publish, as views, what other apps add up by the thousand: who met a rollout, acted on a page, checked out."""

from django.db import migrations, models

# Each says who, when and one thing more, so that PostgreSQL looks through it at the table's own indexes.
VIEWS = {
    "events_exposures": "SELECT id, shop_id, rollout_id, client_key, bucket, at FROM events_event "
    "WHERE topic = 'EXPOSURE' AND client_key <> ''",
    "events_impressions": "SELECT id, shop_id, client_key, at FROM events_event "
    "WHERE topic = 'IMPRESSION' AND client_key <> ''",
    "events_acts": "SELECT id, shop_id, client_key, topic, at FROM events_event "
    "WHERE topic IN ('CLICK', 'ADD', 'CART') AND client_key <> ''",
    "events_checkouts": "SELECT id, shop_id, checkout_key, client_key, at FROM events_event "
    "WHERE topic = 'CHECKOUT_COMPLETED' AND checkout_key IS NOT NULL AND client_key <> ''",
}


class Migration(migrations.Migration):
    dependencies = [("events", "0005_exposure")]

    operations = [
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["shop", "client_key", "at"],
                name="events_act",
                condition=models.Q(topic__in=["CLICK", "ADD", "CART"]),
            ),
        ),
        *[
            migrations.RunSQL(f"CREATE VIEW {name} AS {query};", f"DROP VIEW {name};")
            for name, query in VIEWS.items()
        ],
    ]

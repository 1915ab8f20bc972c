"""Let a browser tell its bucket, where a share of the visitors is held out."""

from django.db import migrations, models

TOPICS = ["IMPRESSION", "CLICK", "ADD", "VIEW", "CART", "CHECKOUT_STARTED", "CHECKOUT_COMPLETED"]


def _allow(table: str, topics: list[str]) -> str:
    named = ", ".join(f"'{topic}'" for topic in topics)
    return (
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_topic; "
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_topic CHECK (topic IN ({named}));"
    )


def _constraint(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(topic__in=[*TOPICS, "GROUP"]), name=f"events_{name}_topic")


def _changes(name: str) -> list[migrations.operations.base.Operation]:
    table = f"events_{name}"
    return [
        migrations.AddField(name, "bucket", models.SmallIntegerField(null=True)),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_allow(table, [*TOPICS, "GROUP"]), _allow(table, TOPICS))],
            state_operations=[
                migrations.RemoveConstraint(name, f"events_{name}_topic"),
                migrations.AddConstraint(name, _constraint(name)),
            ],
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        *_changes("event"),
        *_changes("botevent"),
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["shop", "client_key", "at"], name="events_group", condition=models.Q(topic="GROUP")
            ),
        ),
    ]

"""Let a browser tell its bucket in a rollout."""

from django.db import migrations, models

TOPICS = ["IMPRESSION", "CLICK", "ADD", "VIEW", "CART", "CHECKOUT_STARTED", "CHECKOUT_COMPLETED", "GROUP"]


def _allow(table: str, topics: list[str]) -> str:
    named = ", ".join(f"'{topic}'" for topic in topics)
    return (
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_topic; "
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_topic CHECK (topic IN ({named}));"
    )


def _constraint(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(topic__in=[*TOPICS, "EXPOSURE"]), name=f"events_{name}_topic")


def _changes(name: str) -> list[migrations.operations.base.Operation]:
    table = f"events_{name}"
    return [
        migrations.AddField(name, "rollout_id", models.UUIDField(null=True)),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(_allow(table, [*TOPICS, "EXPOSURE"]), _allow(table, TOPICS))
            ],
            state_operations=[
                migrations.RemoveConstraint(name, f"events_{name}_topic"),
                migrations.AddConstraint(name, _constraint(name)),
            ],
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("events", "0004_append_only")]

    operations = [
        *_changes("event"),
        *_changes("botevent"),
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["shop", "rollout_id", "client_key", "at"],
                name="events_exposure",
                condition=models.Q(topic="EXPOSURE"),
            ),
        ),
    ]

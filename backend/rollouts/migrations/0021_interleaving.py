"""Let a rollout show lists that both versions drafted, before its candidate has a share of the visitors."""

from django.db import migrations, models

LIVE = ["CANARY", "HOLD", "INCONCLUSIVE", "INTERLEAVED", "PAUSED", "SHADOW"]
STATES = [
    "DRAFT", "SHADOW", "INTERLEAVED", "CANARY", "HOLD", "PAUSED", "INCONCLUSIVE", "PROMOTED", "ROLLED_BACK",
    "SUPERSEDED", "ABORTED",
]  # fmt: skip
INTERLEAVED = models.Q(is_interleaved=False) | models.Q(candidate__isnull=False, percent=0, shadow_percent=0)


def replaced(model, constraint):
    return [
        migrations.RemoveConstraint(model_name=model, name=constraint.name),
        migrations.AddConstraint(model_name=model, constraint=constraint),
    ]


def interleaved(model, name):
    return [
        migrations.AddField(model, "is_interleaved", models.BooleanField(default=False, db_default=False)),
        migrations.AddConstraint(
            model_name=model, constraint=models.CheckConstraint(name=name, condition=INTERLEAVED)
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0020_in_both_arms")]

    operations = [
        *replaced(
            "rollout",
            models.UniqueConstraint(
                fields=["shop"], condition=models.Q(state__in=LIVE), name="rollouts_rollout_one_live"
            ),
        ),
        *replaced(
            "rollout",
            models.CheckConstraint(name="rollouts_rollout_state", condition=models.Q(state__in=STATES)),
        ),
        *replaced(
            "rolloutmove",
            models.CheckConstraint(name="rollouts_move_state", condition=models.Q(state__in=STATES)),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                name="rollouts_rollout_interleaved",
                condition=~models.Q(state="INTERLEAVED") | models.Q(percent=0, shown_at__isnull=False),
            ),
        ),
        *interleaved("pointer", "rollouts_pointer_interleaved"),
        *interleaved("pointermove", "rollouts_pointer_move_interleaved"),
        migrations.AddField("trafficreading", "clickers", models.IntegerField(default=0, db_default=0)),
    ]

"""
Let the gate's decisions say of a version that it is damaged, or was kept back, which its own state said so far.

Versions were rejected, and held before gates had evidence, without a decision: each gets one, in the words
of its state. A version that was live has its moves of the pointer.
"""

from django.db import migrations, models

VERDICTS = ["FIRST", "PASSED", "FAILED", "NOT_ENOUGH_DATA", "DAMAGED", "OVERRIDDEN"]
VERDICT_OF = {"REJECTED": "DAMAGED", "HELD": "NOT_ENOUGH_DATA"}


def decide(apps, schema_editor):
    decisions = apps.get_model("rollouts", "GateDecision")
    judged = decisions._base_manager.values_list("version_id", flat=True)
    versions = apps.get_model("registry", "ModelVersion")._base_manager
    rows = versions.filter(state__in=VERDICT_OF).exclude(id__in=judged).order_by("id")
    decisions._base_manager.bulk_create(
        decisions(
            shop_id=row.shop_id,
            version_id=row.id,
            verdict=VERDICT_OF[row.state],
            bar_percent=0.0,
            words=row.state_reason or "It was kept back before versions were compared.",
            actor="system",
            created_at=row.created_at,
        )
        for row in rows
    )


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0018_look_back"), ("registry", "0006_words_of_any_length")]

    operations = [
        migrations.RemoveConstraint(model_name="gatedecision", name="rollouts_gate_verdict"),
        migrations.AddConstraint(
            model_name="gatedecision",
            constraint=models.CheckConstraint(
                name="rollouts_gate_verdict", condition=models.Q(verdict__in=VERDICTS)
            ),
        ),
        migrations.RunPython(decide, migrations.RunPython.noop),
    ]

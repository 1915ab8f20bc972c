"""
Drop the states of versions: what a version is to its shop, rollouts say. PostgreSQL lets nothing of one change.

What the states told stands in the pointer's moves and in the gate's decisions before they go.
"""

from django.db import migrations, models

STRICT = """
CREATE OR REPLACE FUNCTION registry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'Model version % is immutable.', OLD.uuid USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
"""

FORMER = """
CREATE OR REPLACE FUNCTION registry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'state' - 'state_reason' IS DISTINCT FROM to_jsonb(OLD) - 'state' - 'state_reason' THEN
        RAISE EXCEPTION 'Model version % is immutable but for its state.', OLD.uuid
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
"""

OF_VERDICT = {
    "FIRST": "STAGED",
    "PASSED": "STAGED",
    "OVERRIDDEN": "STAGED",
    "DAMAGED": "REJECTED",
    "FAILED": "HELD",
    "NOT_ENOUGH_DATA": "HELD",
}


def refill(apps, schema_editor):
    """Bring the states back from what rollouts knows, for whoever goes back to an earlier release."""
    versions = apps.get_model("registry", "ModelVersion")._base_manager
    decisions = apps.get_model("rollouts", "GateDecision")._base_manager
    for one in decisions.order_by("id"):
        versions.filter(id=one.version_id).update(state=OF_VERDICT[one.verdict], state_reason=one.words)
    moves = apps.get_model("rollouts", "PointerMove")._base_manager
    versions.filter(id__in=moves.values("champion_id")).update(state="RETIRED")
    pointers = apps.get_model("rollouts", "Pointer")._base_manager
    versions.filter(id__in=pointers.values("champion_id")).update(state="LIVE")


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_words_of_any_length"), ("rollouts", "0019_damaged")]

    operations = [
        # The last step on the way back.
        migrations.RunPython(migrations.RunPython.noop, refill),
        migrations.RemoveConstraint(model_name="modelversion", name="registry_version_state"),
        migrations.AlterField(
            model_name="modelversion", name="state", field=models.CharField(default="CANDIDATE", max_length=12)
        ),
        migrations.RemoveField(model_name="modelversion", name="state"),
        migrations.RemoveField(model_name="modelversion", name="state_reason"),
        migrations.RunSQL(STRICT, FORMER),
    ]

"""Let PostgreSQL itself refuse to change anything of a model version but its state."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION registry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'state' - 'state_reason' IS DISTINCT FROM to_jsonb(OLD) - 'state' - 'state_reason' THEN
        RAISE EXCEPTION 'Model version % is immutable but for its state.', OLD.uuid
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
"""

TRIGGER = """
CREATE TRIGGER registry_modelversion_immutable BEFORE UPDATE ON registry_modelversion
FOR EACH ROW EXECUTE FUNCTION registry_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION registry_refuse_change();"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER registry_modelversion_immutable ON registry_modelversion;"),
    ]

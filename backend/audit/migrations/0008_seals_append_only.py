"""Let PostgreSQL itself refuse to change what was sealed, but by the door of lawful erasure."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER audit_segment_append_only BEFORE UPDATE OR DELETE ON audit_segment
FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_segment_keep BEFORE TRUNCATE ON audit_segment
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
-- Hashes: nothing to compress.
ALTER TABLE audit_segment ALTER COLUMN leaves SET STORAGE EXTERNAL;
"""
NO_GUARDS = """
DROP TRIGGER audit_segment_append_only ON audit_segment;
DROP TRIGGER audit_segment_keep ON audit_segment;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_seals")]

    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]

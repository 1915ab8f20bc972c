"""What follows from a delivery is a pending job from the start; a delivery under work is locked, not marked."""

from django.db import migrations

PROMISED = """
    INSERT INTO core_pendingjob (job, ids, request_id, requested_at, due_at, sent_at, failures, crashes, error)
    SELECT DISTINCT promise->>'job', promise->'ids', '', statement_timestamp(), statement_timestamp(),
        statement_timestamp(), 0, 0, ''
    FROM webhooks_webhookdelivery, jsonb_array_elements(follow_ups) promise
    ON CONFLICT (job, ids) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial"), ("core", "0001_initial")]

    operations = [
        migrations.RunSQL(PROMISED, migrations.RunSQL.noop),
        migrations.RunSQL(
            "UPDATE webhooks_webhookdelivery SET state = 'PENDING' WHERE state = 'PROCESSING'",
            migrations.RunSQL.noop,
        ),
    ]

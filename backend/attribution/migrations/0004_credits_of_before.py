"""Bring what was credited before into the form of a ledger."""

from django.db import migrations

# The click's moment, which only the order held.
MOMENTS = """
UPDATE attribution_credit credit SET
    caused_by = 'order ' || credit.order_id,
    acted_at = (
        SELECT to_timestamp(MAX((link ->> 'clicked_at')::bigint))
        FROM catalog_order placed CROSS JOIN jsonb_array_elements(placed.recommendation_ids) AS link
        WHERE placed.shop_id = credit.shop_id AND placed.order_id = credit.order_id
          AND link ->> 'decision_id' = credit.decision_id::text
          AND link ->> 'product_id' = credit.product_id::text
          AND link ->> 'via' = CASE credit.kind WHEN 'ADD_TO_CART' THEN 'added' ELSE 'clicked' END
    )
"""
JOINS = """
INSERT INTO attribution_join
    (shop_id, order_id, decision_id, product_id, via, kind, acted_at, position, shown_at, joined_at)
SELECT shop_id, order_id, decision_id, product_id,
       CASE WHEN kind = 'ADD_TO_CART' AND acted_at IS NULL THEN 'LINE' ELSE 'ATTRIBUTE' END,
       kind, acted_at, position, shown_at, now()
FROM attribution_credit
ON CONFLICT DO NOTHING
"""
# On the way back a line has one row again: what its rows sum up to.
FOLD = """
UPDATE attribution_credit credit SET
    quantity = CASE WHEN place = 1 THEN left_over ELSE 0 END,
    amount = CASE WHEN place = 1 THEN worth ELSE 0 END
FROM (
    SELECT id, ROW_NUMBER() OVER (same ORDER BY id DESC) AS place,
           SUM(quantity) OVER same AS left_over, SUM(amount) OVER same AS worth
    FROM attribution_credit
    WINDOW same AS (PARTITION BY shop_id, order_id, line_id, decision_id, kind)
) folded
WHERE folded.id = credit.id
"""
DROP_REST = """
DELETE FROM attribution_credit credit
WHERE kind = 'VIEW' OR quantity <= 0 OR id NOT IN (
    SELECT MAX(id) FROM attribution_credit WHERE kind <> 'VIEW' AND quantity > 0
    GROUP BY shop_id, order_id, line_id
)
"""

class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0003_append_only_credits"),
        ("catalog", "0010_order_names"),
    ]

    operations = [
        migrations.RunSQL(MOMENTS, migrations.RunSQL.noop),
        migrations.RunSQL(JOINS, f"{FOLD};{DROP_REST}"),
    ]

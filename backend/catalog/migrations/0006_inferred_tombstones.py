"""Tell the deletions that an export made up from those that Shopify announced."""

from typing import ClassVar

from django.db import migrations

# An announced deletion takes the variants along; an inferred one left them.
MARK = """
    UPDATE catalog_product product SET deletion_is_inferred = TRUE
    WHERE product.deleted_at IS NOT NULL AND EXISTS (
        SELECT FROM catalog_variant variant
        WHERE variant.shop_id = product.shop_id AND variant.product_id = product.product_id
    )
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("catalog", "0005_only_proof_deletes")]

    operations: ClassVar = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]

"""An index to find the products that a model has not met yet."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("catalog", "0001_initial")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                fields=["shop", "-created_at"],
                name="catalog_product_newest",
                condition=models.Q(deleted_at=None),
            ),
        ),
    ]

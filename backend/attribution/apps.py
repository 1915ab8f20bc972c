"""The Django application of this folder."""

from django.apps import AppConfig


class AttributionConfig(AppConfig):
    """Credit orders to the decisions that led to them."""

    name = "backend.attribution"
    label = "attribution"
    verbose_name = "Attribution"
    default_auto_field = "django.db.models.BigAutoField"

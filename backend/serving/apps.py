"""The Django application of this folder."""

from django.apps import AppConfig


class ServingConfig(AppConfig):
    """Answer a storefront."""

    name = "backend.serving"
    label = "serving"
    verbose_name = "Serving"
    default_auto_field = "django.db.models.BigAutoField"

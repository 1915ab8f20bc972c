"""The Django application of this folder."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Remember model versions and their artifacts."""

    name = "backend.registry"
    label = "registry"
    verbose_name = "Models"
    default_auto_field = "django.db.models.BigAutoField"

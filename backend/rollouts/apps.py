"""The Django application of this folder."""

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    """Decide which version answers whom."""

    name = "backend.rollouts"
    label = "rollouts"
    verbose_name = "Rollouts"
    default_auto_field = "django.db.models.BigAutoField"

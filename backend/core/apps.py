"""The Django application of this folder."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """What every app stands on; its one table holds the jobs that were asked for and are not done yet."""

    name = "backend.core"
    label = "core"
    verbose_name = "Core"
    default_auto_field = "django.db.models.BigAutoField"

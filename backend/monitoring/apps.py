"""The Django application of this folder."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Watch data and models, and ask for a training when there is a reason."""

    name = "backend.monitoring"
    label = "monitoring"
    verbose_name = "Monitoring"
    default_auto_field = "django.db.models.BigAutoField"

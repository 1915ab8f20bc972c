"""The Django application of this folder."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """What shoppers' browsers say that they saw and did. It informs; money comes from signed orders only."""

    name = "backend.events"
    label = "events"
    verbose_name = "Storefront events"
    default_auto_field = "django.db.models.BigAutoField"

"""The Django application of this folder."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """The webhook inbox."""

    name = "backend.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
    default_auto_field = "django.db.models.BigAutoField"

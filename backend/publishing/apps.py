"""The Django application of this folder."""

from django.apps import AppConfig


class PublishingConfig(AppConfig):
    """Keep a shop's lists as its live version would have them."""

    name = "backend.publishing"
    label = "publishing"
    verbose_name = "Publishing"
    default_auto_field = "django.db.models.BigAutoField"

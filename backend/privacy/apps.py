"""The Django application of this folder."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """Brings customers' requests for their data to the owner of the shop."""

    name = "backend.privacy"
    label = "privacy"
    verbose_name = "Privacy"
    default_auto_field = "django.db.models.BigAutoField"

"""The Django application of this folder."""

from django.apps import AppConfig


class FeaturesConfig(AppConfig):
    """Turn facts into sequences that training and serving share."""

    name = "backend.features"
    label = "features"
    verbose_name = "Features"
    default_auto_field = "django.db.models.BigAutoField"

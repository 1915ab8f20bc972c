"""The Django application of this folder."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Turn features into a candidate version."""

    name = "backend.training"
    label = "training"
    verbose_name = "Training"
    default_auto_field = "django.db.models.BigAutoField"

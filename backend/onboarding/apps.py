"""The Django application of this folder."""

import importlib

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    """Tell the embedded UI how far a shop has come."""

    name = "backend.onboarding"
    label = "onboarding"
    verbose_name = "Onboarding"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the OpenAPI document needs; drf-spectacular finds it by its import."""
        importlib.import_module("backend.onboarding.schema")

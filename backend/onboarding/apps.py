"""The Django application of this folder."""

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    """Tell the embedded UI how far a shop has come."""

    name = "backend.onboarding"
    label = "onboarding"
    verbose_name = "Onboarding"
    default_auto_field = "django.db.models.BigAutoField"

"""The Django application of this folder."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Show support staff what happened, and let them change nothing."""

    name = "backend.staff"
    label = "staff"
    verbose_name = "Staff dashboard"

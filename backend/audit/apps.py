"""The Django application of this folder."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The two append-only ledgers: who did what, and what was shown."""

    name = "backend.audit"
    label = "audit"
    verbose_name = "Ledgers"
    default_auto_field = "django.db.models.BigAutoField"

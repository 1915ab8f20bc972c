"""The Django application of this folder."""

from django.apps import AppConfig


class ShopsConfig(AppConfig):
    """Tenants: install, tokens, uninstall."""

    name = "backend.shops"
    label = "shops"
    verbose_name = "Shops"
    default_auto_field = "django.db.models.BigAutoField"

"""The Django application of this folder."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Products, collections and orders."""

    name = "backend.catalog"
    label = "catalog"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

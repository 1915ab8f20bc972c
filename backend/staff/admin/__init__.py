"""
The staff dashboard: every row to look at, none to touch.

Django's admin works on models, so these modules read other apps' tables; they
are the only ones that do, and they write nothing. Importing one registers its
pages.
"""

from django.contrib import admin

from backend.staff.admin import decisions, jobs, orders, releases, shops, trainings, triggers

__all__ = ["decisions", "jobs", "orders", "releases", "shops", "trainings", "triggers"]

# The storefront and the embedded UI are other sites; there is none to view from here.
admin.site.site_url = None

"""
The staff dashboard: every row of shops to look at, none to touch.

Django's admin works on models, so these modules read other apps' tables; they
are the only ones that do, and they write nothing. Importing one registers its
pages.
"""

from backend.staff.admin import (
    accounts,
    decisions,
    jobs,
    orders,
    releases,
    rollouts,
    shops,
    trainings,
    triggers,
)

__all__ = [
    "accounts",
    "decisions",
    "jobs",
    "orders",
    "releases",
    "rollouts",
    "shops",
    "trainings",
    "triggers",
]

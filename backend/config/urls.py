"""
Every address Django answers.

``/webhooks``, ``/proxy``, ``/events``, ``/auth``, ``/api``, ``/staff`` and ``/health`` are
ours; all others belong to the embedded UI. Each app names its own full paths.
"""

from django.contrib import admin
from django.urls import include, path, re_path

from backend.core.api import unknown_address
from backend.publishing import queries as publishing
from backend.serving import queries as serving

# What a page holds already stands in for a model: who answers storefronts asks who keeps the pages' lists.
serving.find_made_ahead_by(publishing.published_list)

handler500 = "backend.core.api.unexpected"

urlpatterns = [
    # The storefront's request comes first: patterns are tried in order.
    path("", include("backend.serving.urls")),
    path("", include("backend.events.urls")),
    path("", include("backend.webhooks.urls")),
    path("", include("backend.shops.urls")),
    path("", include("backend.catalog.urls")),
    path("", include("backend.onboarding.urls")),
    path("", include("backend.privacy.urls")),
    path("", include("backend.training.urls")),
    path("", include("backend.monitoring.urls")),
    path("staff/", admin.site.urls),
    # Last: programs ask here and read JSON; Django's own 404 is a page.
    re_path(r"^api(?:/|$)", unknown_address),
]

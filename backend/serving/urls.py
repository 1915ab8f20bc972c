"""Addresses of the storefront's door and of the probes."""

from django.urls import path

from backend.serving import views

urlpatterns = [
    path("proxy/recommendations", views.recommendations),
    path("health", views.health),
    path("health/ready", views.ready),
    path("health/models", views.models_health),
    path("health/metrics", views.measured),
]

"""Addresses of this app."""

from django.urls import path

from backend.onboarding import views

urlpatterns = [
    path("api/setup", views.SetupView.as_view()),
    path("api/setup/theme-block", views.ThemeBlockView.as_view()),
    path("api/model", views.ModelView.as_view()),
    path("api/model/settings", views.ModelSettingsView.as_view()),
    path("api/model/versions/<uuid:id>/release", views.VersionReleaseView.as_view()),
]

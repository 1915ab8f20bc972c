"""Addresses of this app."""

from django.urls import path

from backend.monitoring import views

urlpatterns = [
    path("api/training", views.TrainingListView.as_view()),
    path("api/triggers", views.TriggersView.as_view()),
    path("api/triggers/status", views.TriggerStatusView.as_view()),
]

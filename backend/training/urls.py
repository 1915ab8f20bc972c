"""Addresses of this app."""

from django.urls import path

from backend.training import views

urlpatterns = [
    path("api/training/<uuid:id>", views.TrainingView.as_view()),
]

"""Addresses of this app."""

from django.urls import path

from backend.privacy import views

urlpatterns = [
    path("api/data-requests", views.DataRequestsView.as_view()),
    path("api/data-requests/<uuid:id>/file", views.DataRequestFileView.as_view()),
]

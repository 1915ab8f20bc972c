"""Addresses of this app."""

from django.urls import path

from . import views

urlpatterns = [
    path("api/imports", views.ImportsView.as_view()),
]

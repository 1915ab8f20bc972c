"""Addresses of this app."""

from django.urls import path

from . import views

urlpatterns = [
    path("webhooks", views.receive),
    path("webhooks/compliance", views.receive_compliance),
]

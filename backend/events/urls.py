"""Addresses of this app."""

from django.urls import path, re_path

from . import views

urlpatterns = [
    path("events/<uuid:shop_uuid>", views.collect),
    re_path(r"^events(?:/|$)", views.nowhere),
]

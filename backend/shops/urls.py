"""Addresses of this app."""

from django.urls import path

from . import views

urlpatterns = [
    path("api/shop", views.ShopView.as_view()),
    path("api/shop/settings", views.ShopSettingsView.as_view()),
    path("auth/install", views.install),
    path("auth/callback", views.callback),
]

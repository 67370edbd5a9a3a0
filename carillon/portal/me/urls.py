"""Addresses of one's own extension."""

from __future__ import annotations

from django.urls import path

from carillon.portal.me import views

urlpatterns = [
    path("me", views.me, name="me"),
    path("me/availability", views.availability, name="my-availability"),
    path("me/ringing", views.ringing, name="my-ringing"),
    path("me/notices", views.notices, name="my-notices"),
    path("me/phones/<int:pk>", views.my_phone, name="my-phone"),
]

"""Addresses of the phone in the browser."""

from __future__ import annotations

from django.urls import path

from carillon.portal.softphone import views

urlpatterns = [
    path("phone", views.phone, name="phone"),
    path("phone/on", views.turn_on, name="phone-on"),
    path("phone/off", views.turn_off, name="phone-off"),
    path("phone/colleagues/<int:pk>", views.colleagues, name="phone-colleagues"),
    path("phone/manifest", views.manifest, name="phone-manifest"),
]

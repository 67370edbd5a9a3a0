"""Addresses of the first minutes."""

from __future__ import annotations

from django.urls import path

from carillon.portal.onboarding import views

urlpatterns = [
    path("start", views.start, name="start"),
    path("start/demo", views.start_demo, name="start-demo"),
]

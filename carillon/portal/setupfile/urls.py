"""Addresses of the set-up file."""

from __future__ import annotations

from django.urls import path

from carillon.portal.setupfile import views

urlpatterns = [
    path("company/file", views.setup_file, name="setup-file"),
    path("company/file/carillon.yaml", views.download, name="download-setup"),
]

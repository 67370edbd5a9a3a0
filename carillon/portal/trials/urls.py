"""Addresses of the simulator."""

from __future__ import annotations

from django.urls import path

from carillon.portal.trials import views

urlpatterns = [
    path("numbers/<int:pk>/trial", views.trial, name="trial"),
    path("numbers/<int:pk>/tests", views.keep, name="keep-test"),
    path("numbers/<int:pk>/tests/<int:test>/remove", views.remove, name="remove-test"),
]

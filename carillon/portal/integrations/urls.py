"""Addresses of integrations."""

from __future__ import annotations

from django.urls import path

from carillon.portal.integrations import views

urlpatterns = [
    path("integrations", views.integrations, name="integrations"),
    path("integrations/new", views.new_integration, name="new-integration"),
    path("integrations/<int:pk>", views.integration, name="integration"),
    path("integrations/<int:pk>/sent", views.sent, name="integration-sent"),
    path("integrations/<int:pk>/secret", views.renew_secret, name="integration-secret"),
    path("integrations/<int:pk>/test", views.test_integration, name="integration-test"),
    path("integrations/<int:pk>/pause", views.pause_integration, name="integration-pause"),
    path("integrations/<int:pk>/remove", views.remove_integration, name="remove-integration"),
    path("integrations/sent/<int:pk>/again", views.resend, name="resend"),
    path("numbers/<int:pk>/integrations", views.integrations_of_number, name="number-integrations"),
]

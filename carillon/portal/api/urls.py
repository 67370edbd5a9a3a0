"""Addresses of the API, and of its keys."""

from __future__ import annotations

from django.urls import path

from carillon.portal.api import endpoints, views

urlpatterns = [
    path("integrations/keys", views.api_keys, name="api-keys"),
    path("integrations/keys/<int:pk>/revoke", views.revoke_key, name="revoke-key"),
    path("integrations/api", views.guide, name="api-guide"),
    path("v1/ping", endpoints.ping, name="v1-ping"),
    path("v1/company", endpoints.company, name="v1-company"),
    path("v1/calls", endpoints.calls, name="v1-calls"),
    path("v1/calls/<str:pk>", endpoints.call, name="v1-call"),
    path("v1/numbers", endpoints.numbers, name="v1-numbers"),
    path("v1/numbers/<int:pk>", endpoints.number, name="v1-number"),
    path("v1/users", endpoints.users, name="v1-users"),
    path("v1/users/<int:pk>", endpoints.user, name="v1-user"),
    path("v1/users/<int:pk>/calls", endpoints.place, name="v1-place-call"),
    path("v1/teams", endpoints.teams, name="v1-teams"),
    path("v1/teams/<int:pk>", endpoints.team, name="v1-team"),
    path("v1/<path:rest>", endpoints.nowhere, name="v1-nowhere"),
]

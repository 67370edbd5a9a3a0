"""Addresses of tags and callbacks."""

from __future__ import annotations

from django.urls import path

from carillon.portal.followup import views

urlpatterns = [
    path("callbacks", views.callbacks, name="callbacks"),
    path("callbacks/<int:pk>/settle", views.settle, name="settle-callback"),
    path("tags", views.tags, name="tags"),
    path("tags/<int:pk>", views.tag, name="tag"),
    path("tags/<int:pk>/remove", views.remove_tag, name="remove-tag"),
    path("calls/<str:pk>/tags", views.call_tags, name="call-tags"),
]

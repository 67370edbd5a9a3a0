"""Addresses of the history."""

from __future__ import annotations

from django.urls import path

from carillon.portal.calls import views

urlpatterns = [
    path("calls", views.calls, name="calls"),
    path("calls/<str:pk>", views.call, name="call"),
    path("audio/recordings/<str:pk>", views.recording_sound, name="recording-sound"),
    path("recordings/<str:pk>/delete", views.delete_recording, name="delete-recording"),
]

"""Addresses of the history."""

from __future__ import annotations

from django.urls import path

from carillon.portal.calls import controls, views

urlpatterns = [
    path("calls", views.calls, name="calls"),
    path("calls/place", controls.place, name="place-call"),
    path("calls/<str:pk>.json", views.call_json, name="call-json"),
    path("calls/<str:pk>", views.call, name="call"),
    path("calls/<str:pk>/control", controls.control, name="control"),
    path("calls/<str:pk>/act", controls.act, name="act"),
    path("audio/recordings/<str:pk>", views.recording_sound, name="recording-sound"),
    path("recordings/<str:pk>/delete", views.delete_recording, name="delete-recording"),
]

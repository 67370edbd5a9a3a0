"""Addresses of voicemail."""

from __future__ import annotations

from django.urls import path

from carillon.portal.voicemail import internal, views

urlpatterns = [
    path("voicemail", views.voicemail, name="voicemail"),
    path("voicemail/deleted", views.deleted, name="deleted-messages"),
    path("voicemail/<int:pk>/heard", views.heard, name="message-heard"),
    path("voicemail/<int:pk>/delete", views.delete, name="delete-message"),
    path("voicemail/<int:pk>/restore", views.restore, name="restore-message"),
    path("internal/pin", internal.pin, name="internal-pin"),
    path("internal/mailbox", internal.mailbox, name="internal-mailbox"),
    path("audio/messages/<int:pk>", views.message_sound, name="message-sound"),
]

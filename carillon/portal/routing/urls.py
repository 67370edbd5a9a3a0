"""Addresses of numbers, of prompts' sound, and of what the switch fetches."""

from __future__ import annotations

from django.urls import path

from carillon.portal.routing import internal, limits, views

urlpatterns = [
    path("numbers", views.numbers, name="numbers"),
    path("numbers/new", views.new_number, name="new-number"),
    path("numbers/<int:pk>", views.number, name="number"),
    path("numbers/<int:pk>/settings", views.settings, name="number-settings"),
    path("numbers/<int:pk>/hours", views.hours, name="number-hours"),
    path("numbers/<int:pk>/message/<str:which>", views.message, name="number-message"),
    path("numbers/<int:pk>/voicemail/<str:which>", views.voicemail, name="number-voicemail"),
    path("numbers/<int:pk>/steps", views.add_step, name="add-step"),
    path("numbers/<int:number_pk>/steps/<int:pk>", views.change_step, name="change-step"),
    path("numbers/<int:number_pk>/steps/<int:pk>/move", views.move_step, name="move-step"),
    path("numbers/<int:number_pk>/steps/<int:pk>/remove", views.remove_step, name="remove-step"),
    path("numbers/<int:pk>/release", views.release, name="release-number"),
    path("company/calls-out", limits.call_limits, name="call-limits"),
    path("people/<int:pk>/line", views.choose_line, name="choose-line"),
    path("audio/prompts/<int:pk>", views.prompt_sound, name="prompt-sound"),
    path("audio/sentences/<str:language>/<str:name>", views.sentence_sound, name="sentence-sound"),
    path("internal/plans", internal.index, name="internal-plans"),
    path("internal/plans/c<int:company_id>", internal.plan, name="internal-plan"),
]

"""Addresses of numbers, of prompts' sound, and of what the switch fetches."""

from __future__ import annotations

from django.urls import path

from carillon.portal.routing import (
    blocking,
    calendar_views,
    dictating,
    edits,
    internal,
    limits,
    music,
    versions,
    views,
)

urlpatterns = [
    path("numbers", views.numbers, name="numbers"),
    path("numbers/new", views.new_number, name="new-number"),
    path("numbers/<int:pk>", views.number, name="number"),
    path("numbers/<int:pk>/settings", edits.settings, name="number-settings"),
    path("numbers/<int:pk>/rules", edits.rules, name="number-rules"),
    path("numbers/<int:pk>/hours", edits.hours, name="number-hours"),
    path("numbers/<int:pk>/message/<str:which>", edits.message, name="number-message"),
    path("numbers/<int:pk>/record/<str:which>", dictating.record, name="record-by-phone"),
    path("numbers/<int:pk>/record/<str:which>/use", dictating.use, name="use-recording"),
    path("numbers/<int:pk>/voicemail/<str:which>", edits.voicemail, name="number-voicemail"),
    path("numbers/<int:pk>/waiting", edits.waiting, name="number-waiting"),
    path("numbers/<int:pk>/menu", edits.menu, name="number-menu"),
    path("numbers/<int:pk>/key", edits.key, name="number-key"),
    path("numbers/<int:pk>/key/remove", edits.remove_key, name="remove-key"),
    path("numbers/<int:pk>/operator", edits.operator, name="number-operator"),
    path("numbers/<int:pk>/steps", edits.add_step, name="add-step"),
    path("numbers/<int:pk>/steps/<int:place>", edits.change_step, name="change-step"),
    path("numbers/<int:pk>/steps/<int:place>/move", edits.move_step, name="move-step"),
    path("numbers/<int:pk>/steps/<int:place>/remove", edits.remove_step, name="remove-step"),
    path("numbers/<int:pk>/holidays", calendar_views.holidays, name="number-holidays"),
    path("numbers/<int:pk>/hours/copy", calendar_views.copy_hours, name="number-copy-hours"),
    path("numbers/<int:pk>/special", calendar_views.add_special, name="number-special"),
    path(
        "numbers/<int:pk>/special/<int:place>/remove",
        calendar_views.remove_special,
        name="remove-special",
    ),
    path("numbers/<int:pk>/override", calendar_views.override, name="number-override"),
    path("company/blocked", blocking.blocked, name="blocked"),
    path("company/blocked/<int:pk>/remove", blocking.unblock_caller, name="unblock"),
    path("company/blocked/anonymous", blocking.anonymous, name="block-anonymous"),
    path("company/music", music.company_music, name="music"),
    path("company/music/choose", music.choose, name="choose-music"),
    path("company/music/<int:pk>/remove", music.remove, name="remove-music"),
    path("numbers/<int:pk>/music", music.number_music, name="number-music"),
    path("company/days", calendar_views.company_days, name="company-days"),
    path(
        "company/days/<int:pk>/remove", calendar_views.remove_company_day, name="remove-company-day"
    ),
    path("company/override", calendar_views.company_override, name="company-override"),
    path("numbers/<int:pk>/publish", versions.publish, name="publish-flow"),
    path("numbers/<int:pk>/discard", versions.discard, name="discard-flow"),
    path("numbers/<int:pk>/history/<int:version>/revert", versions.revert, name="revert-flow"),
    path("numbers/<int:pk>/release", views.release, name="release-number"),
    path("company/calls-out", limits.call_limits, name="call-limits"),
    path("people/<int:pk>/line", views.choose_line, name="choose-line"),
    path("audio/prompts/<int:pk>", views.prompt_sound, name="prompt-sound"),
    path("audio/sentences/<str:language>/<str:name>", views.sentence_sound, name="sentence-sound"),
    path("internal/plans", internal.index, name="internal-plans"),
    path("internal/plans/c<int:company_id>", internal.plan, name="internal-plan"),
]

"""Addresses of signing up and of what keeps an account safe."""

from __future__ import annotations

from django.urls import path, re_path

from carillon.portal.identity import activation, security, views

urlpatterns = [
    path("sign-up", views.sign_up, name="sign-up"),
    path("sign-up/numbers", views.numbers, name="sign-up-numbers"),
    path("sign-up/sent", views.sign_up_sent, name="sign-up-sent"),
    path("activate", activation.activate, name="activate"),
    path("activate/new-link", views.new_link, name="new-link"),
    path("activate/call", activation.call, name="activate-call"),
    path("activate/code", activation.code, name="activate-code"),
    path("activate/secrets", activation.secrets, name="activate-secrets"),
    path("activate/phone", activation.phone, name="pretend-phone"),
    path("activate/phone/<int:phone>", activation.use_phone, name="use-phone"),
    path("activate/phone/<int:phone>/sound", activation.phone_sound, name="phone-sound"),
    path("activate/link/<str:token>", activation.link, name="activate-link"),
    path("security", security.security, name="security"),
    path("security/password", security.password, name="change-password"),
    path("security/pin", security.pin, name="change-pin"),
    path("security/question", security.question, name="change-question"),
    path("security/sessions/end", security.end_sessions, name="end-sessions"),
    path("forgotten", views.forgotten, name="forgotten"),
    path("reset/<str:token>", views.reset, name="reset"),
    re_path(r"^check/(?P<what>password|pin)$", views.check, name="check"),
    path("challenge", views.challenge, name="challenge"),
]

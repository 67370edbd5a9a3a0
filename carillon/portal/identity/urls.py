"""Addresses of signing up and of what keeps an account safe."""

from __future__ import annotations

from django.urls import path, re_path

from carillon.portal.identity import activation, security, views, ways

urlpatterns = [
    path("sign-up", views.sign_up, name="sign-up"),
    path("sign-up/numbers", views.numbers, name="sign-up-numbers"),
    path("sign-up/sent", views.sign_up_sent, name="sign-up-sent"),
    path("activate", activation.activate, name="activate"),
    path("activate/new-link", views.new_link, name="new-link"),
    path("activate/call", activation.call, name="activate-call"),
    path("activate/mobile", activation.mobile, name="activate-mobile"),
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
    path("security/authenticator", ways.authenticator, name="authenticator"),
    path("security/authenticator/off", ways.turn_off, name="authenticator-off"),
    path("security/passkeys/options", ways.passkey_options, name="passkey-options"),
    path("security/passkeys/add", ways.add_passkey, name="add-passkey"),
    path("security/passkeys/<int:pk>/remove", ways.remove_passkey, name="remove-passkey"),
    path("security/reach", security.reach, name="reach"),
    path("sign-in/code", ways.second_step, name="second-step"),
    path("sign-in/passkey/options", ways.known_options, name="known-options"),
    path("sign-in/passkey", ways.use_passkey, name="use-passkey"),
    path("sign-in/with", ways.provider, name="provider"),
    path("sign-in/with/back", ways.provider_back, name="provider-back"),
    path("forgotten", views.forgotten, name="forgotten"),
    path("reset/<str:token>", views.reset, name="reset"),
    re_path(r"^check/(?P<what>password|pin)$", views.check, name="check"),
    path("challenge", views.challenge, name="challenge"),
]

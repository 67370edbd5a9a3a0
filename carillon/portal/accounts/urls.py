"""Addresses of accounts."""

from __future__ import annotations

from django.urls import path

from carillon.portal.accounts import views

urlpatterns = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("account", views.account, name="account"),
    path("theme", views.theme, name="theme"),
    path("language", views.language, name="language"),
]

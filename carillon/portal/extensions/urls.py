"""Addresses of people, phones and teams."""

from __future__ import annotations

from django.urls import path

from carillon.portal.extensions import provisioning, views

urlpatterns = [
    path("people", views.people, name="people"),
    path("billing/lines", views.change_lines, name="change-lines"),
    path("people/new", views.new_person, name="new-person"),
    path("people/<int:pk>", views.person, name="person"),
    path("people/<int:pk>/availability", views.availability, name="availability"),
    path("people/<int:pk>/remove", views.remove_person, name="remove-person"),
    path("people/<int:pk>/restore", views.restore_person, name="restore-person"),
    path("people/<int:pk>/link", views.sign_in_link, name="sign-in-link"),
    path("people/<int:pk>/answer", views.check_answer, name="check-answer"),
    path("people/<int:pk>/unlock-pin", views.unlock, name="unlock-pin"),
    path("people/<int:pk>/phones", views.add_phone, name="add-phone"),
    path("phones/set-up/<str:token>", provisioning.set_up_phone, name="set-up-phone"),
    path("phones/<int:pk>/password", views.phone_password, name="phone-password"),
    path("phones/<int:pk>/encryption", views.encrypt_phone, name="encrypt-phone"),
    path("phones/<int:pk>/remove", views.remove_phone, name="remove-phone"),
    path("phones/<int:pk>/restore", views.restore_phone, name="restore-phone"),
    path("teams", views.teams, name="teams"),
    path("teams/new", views.new_team, name="new-team"),
    path("teams/<int:pk>", views.team, name="team"),
    path("teams/<int:pk>/remove", views.remove_team, name="remove-team"),
    path("teams/<int:pk>/restore", views.restore_team, name="restore-team"),
]

"""Addresses of the company's own pages."""

from __future__ import annotations

from django.urls import path

from carillon.portal.companies import views

urlpatterns = [
    path("company", views.company, name="company"),
    path("company/choose", views.choose_company, name="choose-company"),
    path("company/roles", views.roles, name="roles"),
    path("company/roles/<int:pk>", views.give_role, name="give-role"),
    path("billing", views.billing, name="billing"),
    path("audit", views.audit_log, name="audit"),
]

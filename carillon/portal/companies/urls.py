"""Addresses of the company's own pages."""

from __future__ import annotations

from django.urls import path

from carillon.portal.companies import views

urlpatterns = [
    path("company", views.company, name="company"),
    path("company/choose", views.choose_company, name="choose-company"),
    path("audit", views.audit_log, name="audit"),
]

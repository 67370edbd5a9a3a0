"""A customer, and who belongs to it."""

from django.apps import AppConfig


class CompaniesConfig(AppConfig):
    name = "carillon.portal.companies"
    default_auto_field = "django.db.models.BigAutoField"

"""One company at a time: a query on a company's rows outside `within(company)` raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

if TYPE_CHECKING:
    from carillon.portal.companies.models import Company

M = TypeVar("M", bound=models.Model)

_company: ContextVar[Company | None] = ContextVar("company", default=None)


class OutsideCompany(RuntimeError):
    """A company's rows were asked for without saying which company's. Always a bug of ours."""


@contextmanager
def within(company: Company) -> Iterator[Company]:
    """Let scoped queries see this company's rows, and only these."""
    token = _company.set(company)
    try:
        yield company
    finally:
        _company.reset(token)


def current_company() -> Company:
    """Return the company of the enclosing `within`."""
    company = _company.get()
    if company is None:
        raise OutsideCompany("use `within(company)`, or `everywhere` where it is meant")
    return company


class CompanyManager(models.Manager[M]):
    """The rows of the current company that are not deleted."""

    def get_queryset(self) -> models.QuerySet[M]:
        rows = super().get_queryset().filter(company=current_company())
        if hasattr(self.model, "deleted_at"):
            rows = rows.filter(deleted_at=None)
        return rows

    def create(self, **facts: Any) -> M:
        """Make a row of the current company."""
        return super().create(**{"company": current_company(), **facts})


class CompanyOwned(models.Model):
    """A row that belongs to one company. `everywhere` is for code that serves the whole system."""

    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")

    objects = CompanyManager()
    everywhere = models.Manager()

    class Meta:
        abstract = True

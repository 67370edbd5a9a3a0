"""Every address of the portal."""

from __future__ import annotations

from django.urls import path

from carillon.portal.routing import internal
from carillon.portal.site.live import live

urlpatterns = [
    path("live", live, name="live"),
    path("internal/plans", internal.index, name="internal-plans"),
    path("internal/plans/c<int:company_id>", internal.plan, name="internal-plan"),
]

"""Every address of the portal."""

from __future__ import annotations

from django.urls import include, path

from carillon.portal.site import legal, outbox, trunks, views
from carillon.portal.site.live import live

urlpatterns = [
    path("", views.home, name="home"),
    path("search", views.search, name="search"),
    path("operator", views.operator, name="operator"),
    path("operator/trunks", trunks.trunks, name="trunks"),
    path("operator/trunks/new", trunks.new_trunk, name="new-trunk"),
    path("operator/trunks/<int:pk>", trunks.trunk, name="trunk"),
    path("operator/trunks/<int:pk>/remove", trunks.remove_trunk, name="remove-trunk"),
    path("outbox", outbox.outbox, name="outbox"),
    path("outbox/test", outbox.send_test, name="send-test"),
    path("outbox/<int:pk>", outbox.message, name="message"),
    path("outbox/<int:pk>/again", outbox.send_again, name="send-again"),
    path("healthz", views.healthz, name="healthz"),
    path("legal", legal.legal, name="legal"),
    path("live", live, name="live"),
    path("", include("carillon.portal.accounts.urls")),
    path("", include("carillon.portal.companies.urls")),
    path("", include("carillon.portal.extensions.urls")),
    path("", include("carillon.portal.routing.urls")),
    path("", include("carillon.portal.calls.urls")),
    path("", include("carillon.portal.voicemail.urls")),
    path("", include("carillon.portal.followup.urls")),
    path("", include("carillon.portal.trials.urls")),
    path("", include("carillon.portal.setupfile.urls")),
    path("", include("carillon.portal.wizard.urls")),
    path("", include("carillon.portal.onboarding.urls")),
    path("", include("carillon.portal.me.urls")),
    path("", include("carillon.portal.softphone.urls")),
    path("", include("carillon.portal.help.urls")),
    path("", include("carillon.portal.integrations.urls")),
    path("", include("carillon.portal.api.urls")),
    path("", include("carillon.portal.identity.urls")),
]
handler403 = "carillon.portal.site.views.forbidden"
handler404 = "carillon.portal.site.views.not_found"
handler500 = "carillon.portal.site.views.server_error"

"""Addresses of the set-up."""

from __future__ import annotations

from django.urls import path

from carillon.portal.wizard import check, company, forwarding, frame, messages, mine, trying

urlpatterns = [
    path("set-up", frame.resume, name="wizard"),
    path("set-up/users", company.users, name="wizard-users"),
    path("set-up/users/add", company.add_user, name="wizard-add-user"),
    path("set-up/users/import", company.import_users, name="wizard-import"),
    path("set-up/greeting", company.greeting, name="wizard-greeting"),
    path("set-up/operator", company.operator, name="wizard-operator"),
    path("set-up/profile", mine.profile, name="wizard-profile"),
    path("set-up/regional", mine.regional, name="wizard-regional"),
    path("set-up/emergency", mine.emergency, name="wizard-emergency"),
    path("set-up/forwarding", forwarding.forwarding, name="wizard-forwarding"),
    path("set-up/forwarding/phones", forwarding.add_phone, name="wizard-add-phone"),
    path("set-up/voicemail", mine.voicemail, name="wizard-voicemail"),
    path("set-up/record", messages.call_me, name="wizard-call-me"),
    path("set-up/record/<str:ticket>", messages.recording, name="wizard-recording"),
    path("set-up/review", check.review, name="wizard-review"),
    path("set-up/apps", check.everywhere, name="wizard-apps"),
    path("set-up/done", check.done, name="wizard-done"),
    path("set-up/done/call", trying.test_call, name="wizard-test-call"),
    path("set-up/done/call/state", trying.test_call_state, name="wizard-test-state"),
    path("set-up/done/call/use", trying.use_test_call, name="wizard-use-test-call"),
    path("set-up/done/call/sound", trying.test_call_sound, name="wizard-test-sound"),
    path("set-up/appointment.ics", check.appointment, name="wizard-appointment"),
    path("set-up/<slug:name>/skip", frame.skip, name="wizard-skip"),
]

"""The steps of the set-up in their order (R32, R33, R36), and how long each usually takes."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

OPERATOR = pgettext_lazy("who answers key 0", "Operator")
COMPANY, MINE, CHECK = "company", "mine", "check"

STAGES: dict[str, tuple[str | Promise, str | Promise]] = {
    COMPANY: (_("Company information"), _("Users, greeting, operator")),
    MINE: (_("My information"), _("Profile, emergency address, forwarding, voicemail")),
    CHECK: (_("Check and open the line"), _("Test call included")),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One page. `url` names its address; `minutes` is what it takes somebody who has everything ready."""

    name: str
    stage: str
    title: str | Promise
    url: str
    minutes: int
    managers: bool = False
    """Whether only whoever may change the company has it."""
    article: str = ""
    """The article of the help about it."""


STEPS = (
    Step("users", COMPANY, _("Users"), "wizard-users", 5, managers=True, article="sign-in"),
    Step(
        "greeting",
        COMPANY,
        _("Company greeting"),
        "wizard-greeting",
        2,
        managers=True,
        article="call-handling",
    ),
    Step(
        "operator",
        COMPANY,
        pgettext_lazy("who answers key 0", "Operator"),
        "wizard-operator",
        1,
        managers=True,
        article="call-handling",
    ),
    Step("profile", MINE, _("My information"), "wizard-profile", 1, article="sign-in"),
    Step("regional", MINE, _("Regional settings"), "wizard-regional", 1),
    Step(
        "emergency",
        MINE,
        _("Emergency address"),
        "wizard-emergency",
        2,
        article="emergency-address",
    ),
    Step("forwarding", MINE, _("Call forwarding"), "wizard-forwarding", 1, article="forwarding"),
    Step(
        "voicemail",
        MINE,
        _("Voicemail greeting"),
        "wizard-voicemail",
        1,
        article="voicemail-greeting",
    ),
    Step("review", CHECK, _("Review"), "wizard-review", 1),
    Step("apps", CHECK, _("Everywhere"), "wizard-apps", 1, article="desk-phone"),
)


def steps_for(*, manager: bool) -> tuple[Step, ...]:
    """Return the steps of somebody who may, or may not, change the company."""
    return tuple(step for step in STEPS if manager or not step.managers)


def step_named(name: str) -> Step:
    """Return a step by its name; KeyError for an unknown one, which is a bug of ours."""
    return {step.name: step for step in STEPS}[name]

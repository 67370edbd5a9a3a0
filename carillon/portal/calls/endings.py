"""Why the system ended a call, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ENDINGS: dict[str, Promise] = {
    "hung-up-by-administrator": _("The call was ended from its page"),
    "too-long": _("The call reached its longest duration"),
    "park-timeout": _("Nobody took the parked call"),
    "not-picked-up": _("The phone was not picked up"),
    "merged": _("The call went on in another one"),
    "transferred": _("The call was transferred"),
    "no-codec": _("The phone speaks no codec that we do"),
    "no-port": _("There was no room for the sound of another call"),
    "no-media": _("The sound was lost and did not come back"),
    "shutdown": _("The system was being stopped"),
    "switch-lost": _("The switch stopped suddenly; the end of the call is not known"),
    "bug": _("A fault of the system ended the call: its log says more"),
}
"""By `CallEnded.detail`; what is not here is what a carrier or a phone has said itself."""


def ending(detail: str) -> str:
    """Put a detail into words; one that has none keeps its own."""
    return str(ENDINGS.get(detail, detail))

"""What the phone in the browser says; its scripts have no words of their own."""

from __future__ import annotations

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """Return every sentence by the name the scripts know it by."""
    return {**_states(), **_troubles(), **_rest()}


def _states() -> dict[str, str]:
    return {
        "off": _("Turned off"),
        "connecting": _("Connecting…"),
        "ready": _("Ready"),
        "in-call": _("In a call"),
        "ringing": _("Ringing…"),
        "calling": _("Calling…"),
        "talking": _("In conversation"),
        "held": _("On hold"),
        "over": _("Ended"),
    }


def _troubles() -> dict[str, str]:
    return {
        "mic-denied": _(
            "The browser does not let this page use the microphone. Allow it beside the address, "
            "then try again."
        ),
        "mic-missing": _("No microphone was found. Plug one in, then try again."),
        "mic-busy": _("Another program uses the microphone. Close it there, then try again."),
        "insecure": _(
            "Browsers give the microphone only to secured pages. Open the portal by its https address, "
            "or on the machine itself by http://127.0.0.1."
        ),
        "refused": _("The phone system does not let this phone in. Try again in a moment."),
        "unreachable": _(
            "The phone system cannot be reached from here: a firewall, a certificate that is not "
            "trusted, or a restart. The phone goes on trying."
        ),
        "busy": _("The line is busy."),
        "no-answer": _("Nobody answered."),
        "unknown": _("There is no such number or extension."),
        "blocked": _(
            "Your company does not allow calls to this number, or has no number of its own to show."
        ),
        "declined": _("The call was declined."),
        "full": _("All lines are taken at the moment. Try again soon."),
        "failed": _("The call could not be made."),
        "lost": _("The connection was lost."),
        "transfer-failed": _("The transfer did not work: you are still on the call."),
        "nobody": _("Type a number, an extension or a name."),
    }


def _rest() -> dict[str, str]:
    return {
        "title": _("Phone") + " · Carillon",
        "unknown-caller": _("Unknown caller"),
        "calls-you": _("%(who)s calls you"),
        "missed": _("Missed: %(who)s"),
        "ended": _("The call with %(who)s has ended."),
        "transferred": _("%(who)s is transferred."),
        "redial": _("Call %(who)s again"),
        "answer": _("Pick up"),
        "answer-hold": _("Hold and pick up"),
        "mute": _("Mute"),
        "hold": _("Hold"),
        "muted": _("Your microphone is off."),
        "unmuted": _("Your microphone is on."),
        "microphone": _("Microphone %(n)s"),
    }

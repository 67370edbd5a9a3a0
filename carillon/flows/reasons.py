"""Why a call went where it went: every key that `schema.events.Decided.reason` can hold.

The English sentence is the translators' source text; `{facts}` are filled from the event.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "hours.always-open": "The number is always open",
    "hours.open": "Open: {local_time} is within opening hours",
    "hours.closed": "Closed: {local_time} is outside opening hours",
    "greeting.play": "The greeting is played",
    "greeting.none": "There is no greeting",
    "ring.start": "Rings {who} for {seconds} s",
    "ring.skip-dnd": "{who} is passed over: do not disturb",
    "ring.skip-no-phone": "{who} is passed over: no phone is connected",
    "ring.skip-busy": "{who} is passed over: on another call",
    "ring.skip-gone": "A step is passed over: the person or team no longer exists",
    "ring.skip-nobody": "{who} is passed over: nobody can be reached",
    "ring.wait": "Nobody can be reached at {who}; the waiting time of {seconds} s is respected",
    "ring.timeout": "{who} did not answer within {seconds} s",
    "ring.declined": "{who} declined the call",
    "ring.failed": "{who} could not be rung",
    "ring.answered": "{who} answered",
    "ring.no-answer": "Nobody answered",
    "ring.empty": "There is nobody to ring",
    "voicemail.message": "The message before the voicemail is played",
    "voicemail.closed": "The closing message is played; voicemail is off",
    "voicemail.record": "The caller may leave a message after the beep",
    "voicemail.menu": "The caller pressed #: options are offered",
    "voicemail.listen": "The caller listens to the message",
    "voicemail.again": "The caller records the message again",
    "voicemail.kept": "A message of {seconds} s was left",
    "voicemail.urgent": "An urgent message of {seconds} s was left",
    "voicemail.too-short": "No message was left",
    "call.unknown-number": "{number} is not one of our numbers",
    "call.unknown-extension": "Extension {number} does not exist",
    "call.extension": "Calls the extension of {who}",
    "call.outside": "Calls {number} through {trunk}",
    "call.no-trunk": "No carrier can take the call",
    "call.bad-number": "{number} is not a telephone number",
    "call.no-caller-id": "The user has no number to call from",
    "call.broken-plan": "The set-up of this number is damaged: the call goes to the end",
    "call.too-long": "The call reached its longest duration",
    "call.no-sound": "No sound came from the phone for {seconds} s",
    "flow.end": "The call flow ends here",
}
"""Keys are never renamed: a call of last year must still be explained."""

"""Numbers and the steps of their flow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carillon.flows.outgoing import normalise
from carillon.portal.companies.forms import COUNTRIES, timezones
from carillon.portal.extensions.models import Person, Team
from carillon.portal.fields import Form
from carillon.portal.routing.compile import DIAL_RULES
from carillon.portal.routing.speaking import LONGEST_TEXT, MOST_UPLOAD_BYTES
from carillon.schema.plan import DialRules

LANGUAGES = [("fr", _("French")), ("en", _("English"))]
MOST_SLOTS = 14
LAST_MINUTE = 24 * 60 - 1


class NewNumberForm(Form):
    """A number from the pool."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("What colleagues see when it rings: the team or the purpose."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    country = forms.ChoiceField(label=_("Country"), choices=COUNTRIES)


class SettingsForm(Form):
    """A number's name, language and recording."""

    name = forms.CharField(label=_("Name"), max_length=60)
    language = forms.ChoiceField(
        label=_("Language of the system’s own sentences"), choices=LANGUAGES
    )
    record_inbound = forms.BooleanField(label=_("Record incoming calls"), required=False)
    record_outbound = forms.BooleanField(label=_("Record outgoing calls"), required=False)
    respect_waiting_time = forms.BooleanField(
        label=_("Respect the waiting time"),
        required=False,
        help_text=_(
            "On: it rings for the full time even when everybody is away or in do not disturb. "
            "Off: steps that nobody can answer are passed over."
        ),
    )


class MessageForm(Form):
    """A message: a text to read aloud, a file, or none."""

    source = forms.ChoiceField(
        label=_("Source"),
        choices=[
            ("speech", _("Text read aloud")),
            ("upload", _("Your own file")),
            ("none", _("No message of your own")),
        ],
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        label=_("Text"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    language = forms.ChoiceField(label=_("Voice"), choices=LANGUAGES, required=False)
    sound = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("MP3 or WAV, at most 10 MB."),
        widget=forms.FileInput(attrs={"accept": ".mp3,.wav,audio/mpeg,audio/wav"}),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen source needs."""
        source = self.cleaned_data.get("source")
        if source == "speech" and not self.cleaned_data.get("text", "").strip():
            self.add_error("text", gettext("Write what callers will hear."))
        sound = self.cleaned_data.get("sound")
        if source == "upload" and "sound" not in self.errors:
            if not sound:
                self.add_error("sound", gettext("Choose an MP3 or WAV file."))
            elif sound.size > MOST_UPLOAD_BYTES:
                self.add_error("sound", gettext("This file is larger than 10 MB. Shorten it."))
        return self.cleaned_data


class HoursForm(Form):
    """When a number is open: always, or in slots of days and times."""

    mode = forms.ChoiceField(
        label=_("When is this number open?"),
        choices=[("always", _("Always open")), ("slots", _("At chosen hours"))],
        widget=forms.RadioSelect,
    )
    timezone = forms.ChoiceField(label=_("Time zone"), choices=timezones)

    def __init__(self, *args: Any, rows: int = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = min(rows, MOST_SLOTS)

    def slot_rows(self) -> list[dict[str, Any]]:
        """Return what the rows of the form show: what was sent, or what is stored."""
        if self.is_bound:
            return [self._sent(row) for row in range(self.rows)]
        stored: list[tuple[str, int, int]] = list(self.initial.get("slots", []))
        rows = [
            {"days": days, "start": _clock(start), "end": _clock(end)}
            for days, start, end in stored
        ]
        return [*rows, *({"days": "", "start": "", "end": ""} for _row in range(self.rows))][
            : max(len(rows) + 1, self.rows)
        ]

    def _sent(self, row: int) -> dict[str, Any]:
        days = self.data.getlist(f"slot-{row}-day") if hasattr(self.data, "getlist") else []
        kept = sorted({day for day in days if day in "0123456" and len(day) == 1})
        return {
            "days": "".join(kept),
            "start": str(self.data.get(f"slot-{row}-start", "")).strip()[:8],
            "end": str(self.data.get(f"slot-{row}-end", "")).strip()[:8],
        }

    def clean(self) -> dict[str, Any]:
        """Read the rows; a row that is quite empty is dropped."""
        slots: list[tuple[str, int, int]] = []
        for place, row in enumerate(self.slot_rows(), 1):
            if not (row["start"] or row["end"]):
                continue
            start, end = _minute(row["start"]), _minute(row["end"])
            if start is None or end is None or not row["days"] or start == end:
                text = gettext(
                    "Row %(row)s: choose days, and a beginning and an end such as 09:00."
                )
                raise forms.ValidationError(text % {"row": place})
            slots.append((row["days"], start, end))
        if self.cleaned_data.get("mode") == "slots" and not slots:
            raise forms.ValidationError(gettext("Add at least one row of opening hours."))
        self.cleaned_data["slots"] = slots
        return self.cleaned_data


class StepForm(Form):
    """One more step: a person, a team, or an outside number."""

    target = forms.ChoiceField(label=_("Ring"))
    outside = forms.CharField(
        label=_("Outside number"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    ring_seconds = forms.IntegerField(label=_("Seconds"), min_value=5, max_value=300, initial=20)

    def __init__(
        self,
        people: QuerySet[Person],
        teams: QuerySet[Team],
        country: str,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._targets: dict[str, Person | Team] = {}
        self._targets |= {team.key: team for team in teams}
        self._targets |= {person.key: person for person in people}
        self._country = country
        field = self.fields["target"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (gettext("Teams"), [(team.key, team.name) for team in teams]),
            (gettext("People"), [(p.key, f"{p.name} · {p.extension}") for p in people]),
            (gettext("Elsewhere"), [("outside", gettext("An outside number"))]),
        ]

    def clean(self) -> dict[str, Any]:
        """Find whom is meant."""
        chosen = self.cleaned_data.get("target", "")
        if chosen in self._targets:
            self.cleaned_data["found"] = self._targets[chosen]
        elif chosen == "outside":
            rules = DIAL_RULES.get(self._country, DialRules())
            e164 = normalise(self.cleaned_data.get("outside", ""), rules)
            if e164 is None:
                self.add_error(
                    "outside", gettext("This is not a telephone number. Example: 06 12 48 90 11")
                )
            self.cleaned_data["found"] = e164
        return self.cleaned_data


class SecondsForm(Form):
    """How long a step rings."""

    ring_seconds = forms.IntegerField(label=_("Seconds"), min_value=5, max_value=300)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _minute(text: str) -> int | None:
    hours, _colon, minutes = text.partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    if len(hours) > 2 or len(minutes) != 2 or int(minutes) > 59:
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if minute <= LAST_MINUTE else None

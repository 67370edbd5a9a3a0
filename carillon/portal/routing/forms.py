"""Numbers and the steps of their flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.forms import COUNTRIES, timezones
from carillon.portal.fields import Form, LongSelect, Ready
from carillon.portal.routing.documents import MOST_STEPS, Target, ToPerson, ToTeam
from carillon.portal.routing.names import Names
from carillon.portal.routing.speaking import LONGEST_TEXT, MOST_UPLOAD_BYTES

LANGUAGES = [("fr", _("French")), ("en", _("English"))]
KINDS = [
    ("classic", _("Classic number")),
    ("menu", _("Phone menu")),
    ("attendant", _("Auto-attendant")),
]
MOST_SLOTS = 14
LAST_MINUTE = 24 * 60 - 1


class NewNumberForm(Form):
    """A number from the pool."""

    kind = forms.ChoiceField(
        label=_("What kind of number?"), choices=KINDS, widget=forms.RadioSelect, initial="classic"
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("What colleagues see when it rings: the team or the purpose."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    country = forms.ChoiceField(label=_("Country"), choices=COUNTRIES)
    users = forms.MultipleChoiceField(
        label=_("Who will it ring? (optional)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("They ring one after the other; order and seconds can be changed later."),
    )

    def __init__(self, names: Names, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._found = teams_and_people(names)
        field = self.fields["users"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = Ready(team_and_person_choices(names))

    def clean_users(self) -> Sequence[Target]:
        """Return whom a classic number rings at first."""
        chosen = [self._found[key] for key in self.cleaned_data["users"]]
        if len(chosen) > MOST_STEPS:
            raise forms.ValidationError(
                gettext("A number rings at most 20 steps. Remove one first.")
            )
        return chosen


class SettingsForm(Form):
    """A number's name and language, which change at once, and its kind, which waits to be published."""

    name = forms.CharField(label=_("Name"), max_length=60)
    language = forms.ChoiceField(
        label=_("Language of the system’s own sentences"), choices=LANGUAGES
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=KINDS,
        help_text=_("What the other kind needs is kept: you can change back without loss."),
    )


class RulesForm(Form):
    """Recording (A24), the mandatory tag (A26) and the priority of a number."""

    record_inbound = forms.BooleanField(label=_("Record incoming calls"), required=False)
    inbound_by_key = forms.BooleanField(
        label=_("Users may record and pause incoming calls"), required=False
    )
    record_outbound = forms.BooleanField(label=_("Record outgoing calls"), required=False)
    outbound_by_key = forms.BooleanField(
        label=_("Users may record and pause outgoing calls"), required=False
    )
    mandatory_tag = forms.BooleanField(
        label=_("Mandatory tag"),
        required=False,
        help_text=_("After every call users choose a tag; until then they get no other."),
    )
    priority = forms.IntegerField(
        label=_("Priority"),
        min_value=0,
        max_value=9,
        help_text=_("Callers of the number with the higher one are served first."),
    )


class WaitingForm(Form):
    """What callers meet while it rings."""

    respect_waiting_time = forms.BooleanField(
        label=_("Respect the waiting time"),
        required=False,
        help_text=_(
            "On: it rings for the full time even when everybody is away or in do not disturb. "
            "Off: steps that nobody can answer are passed over."
        ),
    )
    queue = forms.BooleanField(
        label=_("Wait for who is talking"),
        required=False,
        help_text=_("Whoever becomes free takes the caller who has waited longest."),
    )
    music = forms.ChoiceField(label=_("While it rings callers hear"), required=False)
    position = forms.BooleanField(label=_("Announce the place in the queue"), required=False)
    estimate = forms.BooleanField(label=_("Announce the waiting time"), required=False)
    callback = forms.ChoiceField(
        label=_("Star asks to be called back"),
        choices=[
            ("", _("Off")),
            ("people", _("Your people call back, from a list")),
            ("automatic", _("The system calls back when the turn comes")),
        ],
        required=False,
        help_text=_("Say so in the greeting: “Press star to be called back.”"),
    )
    tries = forms.IntegerField(
        label=_("Times the system tries"), min_value=1, max_value=10, initial=3, required=False
    )
    pause_minutes = forms.IntegerField(
        label=_("Minutes between the tries"), min_value=1, max_value=240, initial=15, required=False
    )
    confirm = forms.BooleanField(label=_("Callers confirm the number to call back"), required=False)

    def __init__(self, music: Sequence[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["music"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", gettext("The ring tone")), *music]


class OutgoingForm(Form):
    """Who may call out with a number (A20, A31)."""

    who = forms.ChoiceField(
        label=_("Who may call out with this number?"),
        choices=[("everybody", _("Everybody")), ("chosen", _("Only these"))],
        widget=forms.RadioSelect,
    )
    chosen = forms.MultipleChoiceField(
        label=_("Outgoing calls only"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("They get no calls of this number, and may show it when they call."),
    )

    def __init__(self, names: Names, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["chosen"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = Ready(team_and_person_choices(names))
        self._found = teams_and_people(names)

    def clean_chosen(self) -> tuple[ToPerson | ToTeam, ...]:
        """Return whom the boxes mean."""
        return tuple(self._found[key] for key in self.cleaned_data["chosen"])


def teams_and_people(names: Names) -> dict[str, ToPerson | ToTeam]:
    """Return everybody a form may name, by key."""
    teams = {team.key: ToTeam(team.pk) for team in names.teams.values()}
    return teams | {person.key: ToPerson(person.pk) for person in names.people.values()}


def team_and_person_choices(names: Names) -> list[tuple[str, str]]:
    """Return them as a form offers them."""
    teams = [(team.key, team.name) for team in names.teams.values()]
    people = [(p.key, f"{p.name} · {p.extension}") for p in names.people.values()]
    return [*teams, *people]


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
    timezone = forms.ChoiceField(label=_("Time zone"), choices=timezones, widget=LongSelect)

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
            start, end = minute_of(row["start"]), minute_of(row["end"])
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


class SecondsForm(Form):
    """How long a step rings."""

    ring_seconds = forms.IntegerField(label=_("Seconds"), min_value=5, max_value=300)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def minute_of(text: str) -> int | None:
    hours, _colon, minutes = text.partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    if len(hours) > 2 or len(minutes) != 2 or int(minutes) > 59:
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if minute <= LAST_MINUTE else None

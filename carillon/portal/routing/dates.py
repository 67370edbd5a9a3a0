"""Forms of days and hours: holidays, exceptions, opening and closing by hand."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from carillon.portal.fields import Form
from carillon.portal.routing.calendars import countries, public_holidays, regions
from carillon.portal.routing.documents import OpeningHours, Special

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST_DAYS = 366


def _time(label: StrOrPromise) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


def _date(label: StrOrPromise, *, required: bool = True) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=required, widget=widget)


class SpecialForm(Form):
    """An exception: dates, a name, and other hours unless it is closed."""

    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("For example: stocktaking, summer holidays.")
    )
    first = _date(pgettext_lazy("a date", "From"))
    last = _date(pgettext_lazy("a date", "Until"), required=False)
    start = _time(_("Open from"))
    end = _time(_("Until"))
    start_2 = _time(_("And from"))
    end_2 = _time(_("Until"))

    def clean(self) -> dict[str, Any]:
        """Read the dates and hours as a `Special`."""
        facts = self.cleaned_data
        first, last = facts.get("first"), facts.get("last") or facts.get("first")
        if first and last and not 0 <= (last - first).days <= LONGEST_DAYS:
            self.add_error("last", gettext("The end comes before the beginning, or a year later."))
        slots = []
        for start, end in (("start", "end"), ("start_2", "end_2")):
            if (facts.get(start) is None) != (facts.get(end) is None):
                self.add_error(end, gettext("Give both times, or none where it is closed."))
            elif facts.get(start) is not None:
                slots.append((_minute(facts[start]), _minute(facts[end])))
        if first and last and not self.errors:
            name = facts["name"].strip()
            special = Special(first.isoformat(), last.isoformat(), name, tuple(slots))
            facts["special"] = special
        return facts


class HolidaysForm(Form):
    """Whose public holidays count, and on which of them it is open all the same."""

    country = forms.ChoiceField(label=_("Public holidays of"), required=False)
    region = forms.ChoiceField(label=_("Region"), required=False)
    worked = forms.MultipleChoiceField(
        label=_("Open all the same on"), required=False, widget=forms.CheckboxSelectMultiple
    )
    company_days = forms.BooleanField(label=_("The company’s exceptions count"), required=False)

    def __init__(self, hours: OpeningHours, language: str, sent: Any = None) -> None:
        country = hours.country if sent is None else str(sent.get("country", ""))
        region = hours.region if country == hours.country else ""
        if sent is not None and country != hours.country:
            # What was chosen of the country before goes with it.
            sent = sent.copy()
            sent.pop("region", None)
            sent.pop("worked", None)
        facts = {
            "country": hours.country,
            "region": hours.region,
            "worked": list(hours.worked),
            "company_days": hours.company_days,
        }
        super().__init__(sent, initial=facts)
        known = countries()
        here = country in dict(known)
        year = timezone.localdate().year
        days = public_holidays(country, region, language, year) if here else ()
        self._choose("country", [("", gettext("None")), *known])
        areas = regions(country) if here else ()
        self._choose("region", [("", gettext("The whole country")), *areas])
        self._choose("worked", list({day.name: day.shown for day in days}.items()))

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class OverrideForm(Form):
    """Open or closed now, whatever the hours say, until a moment or until somebody takes it back."""

    state = forms.ChoiceField(
        label=_("From now on"),
        choices=[("open", _("Open")), ("closed", _("Closed"))],
        widget=forms.RadioSelect,
        initial="closed",
    )
    until = forms.CharField(
        label=pgettext_lazy("a moment", "Until"),
        required=False,
        max_length=20,
        help_text=_("Nothing: until you take it back."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, zone: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = ZoneInfo(zone)

    def clean_until(self) -> datetime | None:
        """Read the moment on the clock of the number."""
        text = self.cleaned_data.get("until", "")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=self._zone)
            is_later = moment > timezone.now()
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError(gettext("Give a date and a time.")) from error
        if not is_later:
            raise forms.ValidationError(gettext("This moment has passed."))
        return moment


def _minute(time: Any) -> int:
    return int(time.hour) * 60 + int(time.minute)

"""Stage 2 of the set-up: one's own extension (R33, R55-R69). Everybody who is invited goes through it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.portal.accounts import actions as accounts
from carillon.portal.companies.forms import COUNTRIES, timezones
from carillon.portal.countries import NAMES
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions import addresses, voices
from carillon.portal.extensions.models import EmergencyAddress, Person, Voice
from carillon.portal.fields import Form, LongSelect, TelephoneField
from carillon.portal.refused import Refused
from carillon.portal.routing.company_numbers import main_number
from carillon.portal.routing.messages import keep_text
from carillon.portal.routing.models import OutboundLine, Prompt
from carillon.portal.routing.speaking import sound_path, sound_seconds
from carillon.portal.wizard import check, company, forwarding
from carillon.portal.wizard.frame import enter_step, go_on, me, show
from carillon.portal.wizard.messages import MessageChoice, keep
from carillon.portal.words import phone

USUAL_VOICEMAIL = {
    "fr": (
        "Votre appel a été renvoyé vers la messagerie vocale pour {name}. Aucun agent n'est "
        "actuellement disponible pour prendre votre appel. Veuillez enregistrer votre message "
        "après le bip. Une fois votre enregistrement terminé, raccrochez ou appuyez sur la touche "
        "dièse pour plus d'options."
    ),
    "en": (
        "Your call has been forwarded to the voicemail of {name}. Nobody is available to take your "
        "call. Please record your message after the beep. When you have finished, hang up or press "
        "the hash key for more options."
    ),
}
"""What callers hear before the beep where the person chose nothing else (R67)."""


# -- profile -------------------------------------------------------------------------------------


class ProfileForm(Form):
    """Who one is (R56). X2: the contact number is not the line."""

    name = forms.CharField(label=gettext_lazy("First and last name"), max_length=120)
    mobile = TelephoneField(
        label=gettext_lazy("Contact number"), required=False, autocomplete="tel"
    )
    email_sign_in = forms.BooleanField(
        label=gettext_lazy("Use the e-mail to sign in"), required=False
    )


def profile(request: HttpRequest) -> HttpResponse:
    """Say who one is."""
    inside, person = enter_step(request, "profile"), me(request)
    user = inside.user
    facts = {"name": person.name if person else user.name, "mobile": user.mobile}
    form = ProfileForm(request.POST or None, initial={**facts, "email_sign_in": user.email_sign_in})
    form.dial_as(inside.company.country)
    if form.is_valid():
        wanted = form.cleaned_data
        try:
            ways = {name: wanted[name] for name in ("mobile", "email_sign_in")}
            accounts.choose_reachability(user, **ways)
            _rename(person, wanted["name"], request)
        except Refused as refused:
            form.add_error("mobile", refused.text)
        else:
            return go_on(request, "profile")
    number = main_number()
    line = OutboundLine.objects.filter(person=person).select_related("number").first()
    context = {
        "form": form,
        "person": person,
        "email": user.email,
        "number": number,
        "line": line.number if line else None,
    }
    return show(request, "profile", "wizard/profile.html", context, 422 if form.errors else 200)


def _rename(person: Person | None, name: str, request: HttpRequest) -> None:
    user = enter_step(request, "profile").user
    if user.name != name:
        accounts.change_account(user, name=name, language=user.language, theme=user.theme)
    if person is not None and person.name != name:
        extensions.change_person(person, {"name": name}, by=user)


# -- regional settings ---------------------------------------------------------------------------


class RegionForm(Form):
    """Country, clock and time zone (R57)."""

    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=COUNTRIES)
    twelve_hours = forms.ChoiceField(
        label=gettext_lazy("Time format"),
        choices=[
            ("no", gettext_lazy("24 hours, as 17:30")),
            ("yes", gettext_lazy("12 hours, as 5:30 PM")),
        ],
        widget=forms.RadioSelect,
    )
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=[], widget=LongSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["zone"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = timezones()


def regional(request: HttpRequest) -> HttpResponse:
    """Say where one is."""
    inside = enter_step(request, "regional")
    user, company_row = inside.user, inside.company
    facts = {
        "country": user.country or company_row.country,
        "twelve_hours": "yes" if user.twelve_hours else "no",
        "zone": user.timezone or company_row.timezone,
    }
    form = RegionForm(request.POST or None, initial=facts)
    if form.is_valid():
        wanted = form.cleaned_data
        accounts.choose_region(
            user,
            country=wanted["country"],
            zone=wanted["zone"],
            twelve_hours=wanted["twelve_hours"] == "yes",
        )
        return go_on(request, "regional")
    return show(
        request, "regional", "wizard/regional.html", {"form": form}, 422 if form.errors else 200
    )


# -- emergency address ---------------------------------------------------------------------------


class AddressForm(Form):
    """Where the phone is (R58, X3); nothing is kept without the tick."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=COUNTRIES)
    street = forms.CharField(label=gettext_lazy("Address"), max_length=160)
    unit = forms.CharField(label=gettext_lazy("Flat or office"), max_length=40, required=False)
    postcode = forms.CharField(label=gettext_lazy("Postcode"), max_length=16)
    city = forms.CharField(label=gettext_lazy("City"), max_length=80)
    state = forms.CharField(
        label=gettext_lazy("State"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Only in the United States and Canada."),
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254, required=False)
    accepted = forms.BooleanField(
        label=gettext_lazy("I accept the conditions of the emergency service"),
        error_messages={"required": gettext_lazy("Read the limits, then tick the box.")},
    )

    def clean(self) -> dict[str, Any]:
        """Ask for a state where there are states, and drop it elsewhere."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if found.get("country") in addresses.WITH_STATE:
            if not found.get("state"):
                self.add_error("state", _("Give the state."))
        else:
            found["state"] = ""
        return found


def emergency(request: HttpRequest) -> HttpResponse:
    """Say where help is to be sent."""
    inside, person = enter_step(request, "emergency"), me(request)
    if person is None:
        return go_on(request, "emergency", skipped=True)
    known = EmergencyAddress.objects.filter(person=person).first()
    facts: dict[str, Any] = {
        "name": person.name,
        "country": inside.user.country or inside.company.country,
        "email": inside.user.email,
    }
    if known is not None:
        facts = {field: getattr(known, field) for field in addresses.FIELDS}
    form = AddressForm(request.POST or None, initial=facts)
    if form.is_valid():
        addresses.set_address(person, form.cleaned_data, by=inside.user)
        return go_on(request, "emergency")
    context = {"form": form, "known": known}
    return show(request, "emergency", "wizard/emergency.html", context, 422 if form.errors else 200)


# -- voicemail greeting --------------------------------------------------------------------------


def voicemail(request: HttpRequest) -> HttpResponse:
    """Choose what callers hear before the beep (R66-R69)."""
    inside, person = enter_step(request, "voicemail"), me(request)
    if person is None:
        return go_on(request, "voicemail", skipped=True)
    voice = Voice.objects.filter(person=person).first()
    key = voice.greeting_key if voice else ""
    prompt = Prompt.objects.filter(key=key).order_by("-id").first() if key else None
    usual = usual_greeting(person)
    facts = {"choice": "default"}
    if prompt is not None and prompt.source == Prompt.Source.SPEECH and prompt.text != usual:
        facts = {"choice": "text", "text": prompt.text}
    form = MessageChoice(request.POST or None, request.FILES or None, initial=facts)
    if form.is_valid():
        try:
            chosen = keep(inside.company, form, person.language)
            chosen = chosen or _usual_key(request, usual, person)
            seconds = sound_seconds(sound_path(chosen))
            voices.set_greeting(person, chosen, seconds, by=inside.user)
        except Refused as refused:
            form.add_error("choice", refused.text)
        else:
            return go_on(request, "voicemail")
    context = {"form": form, "prompt": prompt, "heights": company.peaks_of(prompt), "usual": usual}
    return show(request, "voicemail", "wizard/voicemail.html", context, 422 if form.errors else 200)


def usual_greeting(person: Person) -> str:
    """Return R67's words with the person's name."""
    return USUAL_VOICEMAIL.get(person.language, USUAL_VOICEMAIL["en"]).format(name=person.name)


def _usual_key(request: HttpRequest, usual: str, person: Person) -> str:
    return keep_text(enter_step(request, "voicemail").company, usual, person.language)


# -- what the review shows -----------------------------------------------------------------------


def _profile_section(request: HttpRequest) -> dict[str, Any]:
    person, user = me(request), enter_step(request, "profile").user
    lines = [(_("Name"), person.name if person else user.name), (_("E-mail"), user.email)]
    lines += [(_("Contact number"), phone(user.mobile))] if user.mobile else []
    lines += [(_("Extension"), person.extension)] if person else []
    return {"title": _("My information"), "url": reverse("wizard-profile"), "lines": lines}


def _region_section(request: HttpRequest) -> dict[str, Any]:
    inside = enter_step(request, "regional")
    user = inside.user
    country = user.country or inside.company.country
    lines = [
        (_("Country"), str(NAMES.get(country, country))),
        (
            _("Time format"),
            _("12 hours, as 5:30 PM") if user.twelve_hours else _("24 hours, as 17:30"),
        ),
        (_("Time zone"), user.timezone or inside.company.timezone),
    ]
    return {"title": _("Regional settings"), "url": reverse("wizard-regional"), "lines": lines}


def _address_section(request: HttpRequest) -> dict[str, Any]:
    person = me(request)
    known = EmergencyAddress.objects.filter(person=person).first() if person else None
    lines = [(_("Address"), str(known) if known else _("No address yet."))]
    return {"title": _("Emergency address"), "url": reverse("wizard-emergency"), "lines": lines}


def _voicemail_section(request: HttpRequest) -> dict[str, Any]:
    person = me(request)
    voice = Voice.objects.filter(person=person).first() if person else None
    row = Prompt.objects.filter(key=voice.greeting_key).order_by("-id").first() if voice else None
    text = row.text or row.filename if row else ""
    lines = [(_("Greeting"), text or _("The usual words"))]
    return {"title": _("Voicemail greeting"), "url": reverse("wizard-voicemail"), "lines": lines}


check.SECTIONS += [
    _profile_section,
    _region_section,
    _address_section,
    forwarding.section,
    _voicemail_section,
]

"""Forms that choose where a call goes: a step, a key of a menu, the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carillon.portal.fields import Form, LongSelect, Ready, TelephoneField
from carillon.portal.routing.documents import (
    KEYS,
    Action,
    HangUp,
    Menu,
    Say,
    ToDirectory,
    ToExtension,
    ToMailbox,
    ToMenu,
    ToNumber,
    ToOperator,
    ToOutside,
    ToPerson,
    ToTeam,
    ToVoicemail,
    Whose,
)
from carillon.portal.routing.names import Names

PLAIN: dict[str, Action] = {
    "operator": ToOperator(),
    "menu": ToMenu(Menu()),
    "extension": ToExtension(),
    "directory": ToDirectory(),
    "mailbox": ToMailbox(),
    "say": Say(""),
    "hang-up": HangUp(),
}
"""What needs no more than its name."""


class TargetForm(Form):
    """Where a call goes; `outside` is the number where an outside one is meant."""

    target = forms.ChoiceField(label=_("Ring"), widget=LongSelect)
    outside = TelephoneField(label=_("Outside number"), required=False)
    numbers = False
    """Whether other numbers may be chosen."""
    plain: Mapping[str, Any] = {}
    """Which of `PLAIN` may be chosen, and their labels."""
    voicemail = False
    """Whether messages may be left, in whose box ever."""

    def __init__(
        self, names: Names, country: str, *args: Any, besides: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.dial_as(country)
        self._found: dict[str, Action] = {name: PLAIN[name] for name in self.plain}
        self._found |= {team.key: ToTeam(team.pk) for team in names.teams.values()}
        self._found |= {person.key: ToPerson(person.pk) for person in names.people.values()}
        others = [n for n in names.numbers.values() if n.pk != besides] if self.numbers else []
        self._found |= {number.key: ToNumber(number.pk) for number in others}
        field = self.fields["target"]
        assert isinstance(field, forms.ChoiceField)
        of_number = gettext("%(name)s (number)")
        elsewhere = [("outside", gettext("An outside number"))]
        people = [(p.key, f"{p.name} · {p.extension}") for p in names.people.values()]
        choices: list[Any] = [
            (gettext("Teams"), [(team.key, team.name) for team in names.teams.values()]),
            (gettext("People"), people),
            (
                gettext("Numbers"),
                [(number.key, of_number % {"name": number.name}) for number in others],
            ),
            (gettext("Elsewhere"), elsewhere),
            (gettext("Other"), [(name, str(label)) for name, label in self.plain.items()]),
        ]
        if self.voicemail:
            self._found |= {key: ToVoicemail(whose) for key, whose in boxes(names).items()}
            choices.append((gettext("Voicemail"), box_choices(names)))
            # Saving a form must not choose another box for one that is gone.
            box = str(self.initial.get("target", ""))
            if box.startswith("b") and box not in self._found:
                self.initial["target"] = box_key(None)
        field.choices = Ready([group for group in choices if group[1]])

    def clean(self) -> dict[str, Any]:
        """Find whom is meant."""
        chosen = self.cleaned_data.get("target", "")
        if chosen != "outside":
            self.errors.pop("outside", None)  # Nobody asks for it.
        if chosen in self._found:
            self.cleaned_data["found"] = self._found[chosen]
        elif chosen == "outside" and "outside" not in self.errors:
            e164 = self.cleaned_data.get("outside", "")
            if e164:
                self.cleaned_data["found"] = ToOutside(e164)
            else:
                self.add_error("outside", self.fields["outside"].error_messages["required"])
        return self.cleaned_data


class StepForm(TargetForm):
    """One more step: a person, a team, or an outside number."""

    ring_seconds = forms.IntegerField(label=_("Seconds"), min_value=5, max_value=300, initial=20)


class OperatorForm(TargetForm):
    """Who is the operator: whoever has extension 101, or somebody else (R52-R54)."""

    plain = {"operator": _("The default: extension 101")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].label = gettext("Key 0 leads to")


class KeyForm(TargetForm):
    """What a key of a menu does (A38)."""

    numbers = True
    plain = {
        "operator": _("The operator"),
        "menu": _("Another menu below this one"),
        "extension": _("Ask for an extension"),
        "directory": _("Directory by name"),
        "mailbox": _("Voicemail by phone, with extension and PIN"),
        "say": _("A message, then the end of the call"),
        "hang-up": _("Goodbye and the end of the call"),
    }
    voicemail = True
    key = forms.ChoiceField(label=_("Key"), choices=[(key, key) for key in KEYS])
    field_order = ("key", "target", "outside")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "key_%s")
        super().__init__(*args, **kwargs)
        self.fields["target"].label = gettext("Leads to")


class MenuForm(TargetForm):
    """What a menu does when nothing is pressed (A36, X10), and whether extensions may be dialled."""

    numbers = True
    plain = {
        "hang-up": _("Goodbye and the end of the call"),
        "operator": _("The operator"),
    }
    voicemail = True
    seconds = forms.IntegerField(label=_("Seconds to choose"), min_value=2, max_value=30)
    replays = forms.IntegerField(
        label=_("Times the message is played again"), min_value=0, max_value=5
    )
    extensions = forms.BooleanField(
        label=_("Extensions may be dialled at any moment"), required=False
    )
    field_order = ("seconds", "replays", "target", "outside", "extensions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].label = gettext("Whoever presses nothing goes to")


class BoxForm(Form):
    """Whose box messages go to."""

    box = forms.ChoiceField(label=_("Messages go to"), widget=LongSelect)

    def __init__(self, names: Names, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._found = boxes(names)
        field = self.fields["box"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = Ready(box_choices(names))

    def clean_box(self) -> Whose | None:
        """Return whose box is meant."""
        return self._found[self.cleaned_data["box"]]


def boxes(names: Names) -> dict[str, Whose | None]:
    """Return every box a form may name, by key."""
    listed: list[Whose | None] = [None, *(ToTeam(pk) for pk in names.teams)]
    listed += [ToPerson(pk) for pk in names.people]
    return {box_key(whose): whose for whose in listed}


def box_choices(names: Names) -> list[tuple[str, str]]:
    """Return them as a form offers them."""
    team, person = gettext("Voicemail of the team %(name)s"), gettext("Voicemail of %(name)s")
    return [
        (box_key(None), gettext("Voicemail of this number")),
        *((box_key(ToTeam(pk)), team % {"name": row.name}) for pk, row in names.teams.items()),
        *((box_key(ToPerson(pk)), person % {"name": row.name}) for pk, row in names.people.items()),
    ]


def box_key(whose: Whose | None) -> str:
    """Return how a form names a box."""
    if whose is None:
        return "voicemail"
    return f"b{'t' if isinstance(whose, ToTeam) else 'u'}{whose.id}"


def chosen(action: Action) -> dict[str, str]:
    """Return what a form shows for an action."""
    match action:
        case ToPerson(id):
            return {"target": f"u{id}"}
        case ToTeam(id):
            return {"target": f"t{id}"}
        case ToNumber(id):
            return {"target": f"n{id}"}
        case ToOutside(e164):
            return {"target": "outside", "outside": e164}
        case ToVoicemail(box):
            return {"target": box_key(box)}
        case _:
            named = (name for name, each in PLAIN.items() if type(each) is type(action))
            return {"target": next(named, "")}

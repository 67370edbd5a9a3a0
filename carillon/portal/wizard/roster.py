"""People added in the set-up, one by one or from a CSV file (A42: with a preview)."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.portal.accounts.models import User
from carillon.portal.accounts.numbers import e164_of
from carillon.portal.companies.models import Company
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions import lines
from carillon.portal.extensions.forms import ExtensionField
from carillon.portal.extensions.models import Person
from carillon.portal.fields import Form, TelephoneField
from carillon.portal.refused import Refused

LARGEST_FILE = 1_000_000
LONGEST_SHOWN = 300
"""Of a cell that nobody can take."""
MOST_ROWS = 1000
HEADS = {
    "first": ("first name", "prénom", "prenom", "first", "given name"),
    "last": ("last name", "nom de famille", "nom", "last", "surname"),
    "name": ("name", "nom complet", "full name"),
    "email": ("e-mail", "email", "mail", "courriel", "adresse e-mail"),
    "mobile": ("mobile", "phone", "téléphone", "telephone", "numéro de contact", "contact number"),
    "extension": ("extension", "poste", "numéro de poste"),
}


class RowForm(Form):
    """What each cell of a row must be: as it is when typed on a page."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False, max_length=254)
    mobile = TelephoneField(label=gettext_lazy("Contact number"), required=False)
    extension = ExtensionField(required=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody to be added. `email_sign_in` false: they sign in by telephone number only (R44)."""

    name: str
    email: str = ""
    mobile: str = ""
    extension: str = ""
    email_sign_in: bool = True
    line: int | None = None
    phone: str = lines.SOFT


@transaction.atomic
def add(company: Company, entry: Entry, *, by: User) -> Person:
    """Add somebody, with a welcome e-mail where there is an address (R39)."""
    mobile = contact(company, entry.mobile)
    return extensions.add_person(
        company,
        name=entry.name,
        extension=entry.extension or extensions.next_extension(),
        email=entry.email,
        line=entry.line,
        phone=entry.phone,
        mobile=mobile,
        email_sign_in=entry.email_sign_in,
        by=by,
    )


def contact(company: Company, typed: str) -> str:
    """Return a contact number as E.164, "" for none; `Refused` when it is not a number."""
    if not typed.strip():
        return ""
    found = e164_of(typed, company.country)
    if not found:
        text = _("This is not a telephone number. Example: 06 12 48 90 11")
        raise Refused("bad-number", text)
    return found


def preview(document: bytes, free: int, country: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV file with what is wrong with each; `Refused` when it is no such file.

    `free` is how many lines are left: rows beyond them cannot be added; `country`: how numbers are dialled.
    """
    if len(document) > LARGEST_FILE:
        raise Refused("too-large", _("This file is larger than 1 MB."))
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = document.decode("cp1252", errors="replace")
    first, _newline, _rest = text.partition("\n")
    delimiter = max((";", ",", "\t"), key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise Refused("not-csv", _("This file is not a CSV table.")) from error
    columns = _columns(lines[0]) if lines else {}
    if not columns.keys() & {"name", "last"}:
        text = _("The first line must name the columns: first name, last name, e-mail, mobile.")
        raise Refused("no-heads", text)
    rows = [line for line in lines[1:] if any(cell.strip() for cell in line)]
    if len(rows) > MOST_ROWS:
        raise Refused("too-many", _("This file has more than 1,000 rows."))
    found = _checked(rows, columns, country)
    good = [row for row in found if not row["errors"]]
    for row in good[free:]:
        row["errors"].append(_("no line is left"))
    return found


def entry_of(row: dict[str, Any]) -> Entry:
    """Return the entry of a previewed row."""
    return Entry(row["name"], row["email"], row["mobile"], row["extension"])


def _columns(heads: list[str]) -> dict[str, int]:
    known = {name: field for field, names in HEADS.items() for name in names}
    found: dict[str, int] = {}
    for place, head in enumerate(heads):
        field = known.get(head.strip().lower())
        if field is not None:
            found.setdefault(field, place)
    return found


def _checked(rows: list[list[str]], columns: dict[str, int], country: str) -> list[dict[str, Any]]:
    form = RowForm()
    form.dial_as(country)
    emails: set[str] = set()
    taken = set(Person.objects.values_list("extension", flat=True))
    known = set(Person.objects.exclude(user=None).values_list("user__email", flat=True))
    found = []
    for line in rows:
        cells = {f: line[p].strip() if p < len(line) else "" for f, p in columns.items()}
        name = cells.get("name") or f"{cells.get('first', '')} {cells.get('last', '')}".strip()
        rest = (cells.get("email", "").lower(), cells.get("mobile", ""), cells.get("extension", ""))
        entry = Entry(name, *rest)
        errors = _unfit(form, entry)
        if entry.email and (entry.email in emails or entry.email in known):
            errors.append(_("this e-mail is used already"))
        if entry.extension and entry.extension in taken:
            errors.append(_("this extension is taken"))
        emails.add(entry.email)
        taken.add(entry.extension)
        shown = {key: _cut(value) for key, value in asdict(entry).items()}
        found.append({**shown, "errors": errors})
    return found


def _unfit(form: RowForm, entry: Entry) -> list[str]:
    """Return what is wrong with each cell by itself."""
    errors = []
    for name, field in form.fields.items():
        try:
            field.clean(getattr(entry, name))
        except ValidationError as error:
            said = _("%(field)s: %(wrong)s")
            errors += [said % {"field": field.label, "wrong": text} for text in error.messages]
    return errors


def _cut(value: Any) -> Any:
    """Leave of what nobody can take no more than shows what it is: rows wait in the session."""
    return value[:LONGEST_SHOWN] if isinstance(value, str) else value

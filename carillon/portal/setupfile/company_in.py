"""What the whole company shares, from the file: limits, special days, blocked callers, music, tags."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from carillon.flows.outgoing import normalise
from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import change_company
from carillon.portal.companies.forms import CompanyForm
from carillon.portal.companies.models import Company
from carillon.portal.followup.actions import change_tag, create_tag
from carillon.portal.followup.models import Tag
from carillon.portal.refused import Refused
from carillon.portal.routing import blocking, days, limits
from carillon.portal.routing.company_numbers import choose_numbers, fax_number, main_number
from carillon.portal.routing.documents import Special
from carillon.portal.routing.models import BlockedCaller, CompanyDay, Number
from carillon.portal.routing.music import choose_music
from carillon.portal.setupfile.references import load_book
from carillon.portal.setupfile.shape import (
    BlockedEntry,
    CompanyEntry,
    DayEntry,
    LimitsEntry,
    SetupFile,
    TagEntry,
)
from carillon.schema.plan import DialRules

DAY_MINUTES = 24 * 60
LONGEST_DAYS = 366


def take_company(company: Company, setup: SetupFile, *, by: User) -> None:
    """Make what everybody shares as the file says."""
    if setup.company is not None:
        _facts(company, setup.company, by)
    if setup.limits is not None:
        _limits(company, setup.limits, by)
    if setup.days is not None:
        _days(company, setup.days, by)
    if setup.blocked is not None:
        _blocked(company, setup.blocked, by)
    for tag in setup.tags:
        _tag(company, tag, by)


def _facts(company: Company, entry: CompanyEntry, by: User) -> None:
    wanted = {
        "name": entry.name,
        "language": entry.language,
        "timezone": entry.timezone,
        "country": company.country if entry.country is None else entry.country,
    }
    form = CompanyForm(wanted)
    if not form.is_valid():
        raise Refused("bad-company", _first_error(form))
    change_company(company, form.cleaned_data, by=by)
    if entry.block_anonymous is not None:
        blocking.block_anonymous(company, entry.block_anonymous, by=by)
    if entry.music is not None:
        book = load_book(company)
        keys = [book.key(words, entry.language) for words in entry.music if words.strip()]
        choose_music(company, keys, by=by)


def take_main_number(company: Company, entry: CompanyEntry, *, by: User) -> None:
    """Set what the company is known by, once its numbers are there."""
    if entry.main_number is None and entry.fax is None:
        return
    now = main_number()
    main = (
        now if entry.main_number is None else Number.objects.filter(e164=entry.main_number).first()
    )
    fax = fax_number() if entry.fax is None else entry.fax
    if entry.main_number is not None and main is None:
        raise Refused("no-such", f"main_number: {entry.main_number[:20]}")
    if fax and normalise(fax, DialRules()) != fax:
        raise Refused("bad-number", f"fax: {fax[:20]}")
    if main is not None:
        choose_numbers(company, main.pk, fax, by=by)


def _limits(company: Company, entry: LimitsEntry, by: User) -> None:
    wanted = {name: getattr(entry, name) for name in limits.FIELDS}
    form = limits.LimitsForm(
        {**wanted, "denied": " ".join(entry.denied)}, limits=limits.current(company)
    )
    if not form.is_valid():
        raise Refused("bad-limits", _first_error(form))
    limits.change_limits(company, wanted, by=by)


def _days(company: Company, entries: list[DayEntry], by: User) -> None:
    wanted = [_special(each) for each in entries]
    for row in CompanyDay.objects.order_by("id"):
        if row.special in wanted:
            wanted.remove(row.special)
        else:
            days.remove_company_day(row, by=by)
    for each in wanted:
        days.add_company_day(company, each, by=by)


def _special(entry: DayEntry) -> Special:
    try:
        first, last = date.fromisoformat(entry.first), date.fromisoformat(entry.last)
    except ValueError as error:
        raise Refused("bad-day", f"{entry.name}: {error}") from error
    fits = all(0 <= start < DAY_MINUTES and 0 < end <= DAY_MINUTES for start, end in entry.slots)
    if not fits or not 0 <= (last - first).days <= LONGEST_DAYS:
        text = _("“%(text)s” is no day of exceptions: look at its dates and times.")
        raise Refused("bad-day", text % {"text": entry.name[:60]})
    return Special(first.isoformat(), last.isoformat(), entry.name[:60], tuple(entry.slots))


def _blocked(company: Company, entries: list[BlockedEntry], by: User) -> None:
    wanted = {}
    for each in entries:
        pattern = blocking.read_pattern(each.pattern, company.country)
        if pattern is None:
            text = _("“%(text)s” cannot be blocked: it is no number and no beginning of one.")
            raise Refused("bad-number", text % {"text": each.pattern[:30]})
        wanted[pattern] = each.note[:80]
    for row in BlockedCaller.objects.order_by("id"):
        if wanted.get(row.pattern) == row.note:
            del wanted[row.pattern]
        else:
            blocking.unblock(row, by=by)
    for pattern, note in wanted.items():
        blocking.block(company, pattern, note, by=by)


def _tag(company: Company, entry: TagEntry, by: User) -> None:
    if entry.colour not in Tag.Colour.values or not entry.name.strip():
        raise Refused("bad-tag", f"{entry.name}: {entry.colour}")
    known = Tag.objects.filter(name=entry.name, system="").first()
    if known is None:
        create_tag(company, entry.name.strip()[:40], entry.colour, by=by)
    else:
        change_tag(known, entry.name, entry.colour, by=by)


def _first_error(form: Any) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{name}: {errors[0]}"

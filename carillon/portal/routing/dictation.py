"""Record by phone: "call me at …", and what is said after the beep becomes a prompt (R69).

A page calls `start`, shows that the phone rings, and asks for the row's `state` until it is done; `prompt`
is then a row like that of a text or an uploaded file.
"""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.accounts.models import User
from carillon.portal.accounts.numbers import e164_of
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Prompt, SystemPrompt
from carillon.portal.routing.speaking import sound_path, sound_seconds
from carillon.schema import plan as p
from carillon.schema.commands import CallOut

log = logging.getLogger(__name__)

PURPOSE = "dictation"
MOST_PER_HOUR = 30
LONGEST_WAIT = timedelta(minutes=15)
"""A call that has told nothing by then has come to nothing."""


class Dictation(CompanyOwned):
    """One call to somebody who records a prompt. `purpose` is the page's own word for what it is for."""

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("The phone is called")
        DONE = "done", gettext_lazy("Recorded")
        FAILED = "failed", gettext_lazy("Nothing was recorded")

    ticket = models.CharField(max_length=32, unique=True)
    purpose = models.CharField(max_length=60)
    call = models.CharField(max_length=64, default="", db_index=True)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    prompt = models.ForeignKey(Prompt, null=True, on_delete=models.SET_NULL, related_name="+")
    language = models.CharField(max_length=2, default="fr")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"

    @property
    def now(self) -> str:
        """Its state; failed where the call was never heard of again."""
        late = timezone.now() - self.started_at > LONGEST_WAIT
        return self.State.FAILED if self.state == self.State.WAITING and late else self.state


def start(
    company: Company, to: str, *, purpose: str, language: str, by: User, number: str = ""
) -> Dictation:
    """Call somebody (an extension, or a number as people write it) to record something.

    `number` is the plan id of the number shown. `Refused` says in words why nobody is called.
    """
    hour_ago = timezone.now() - timedelta(hours=1)
    if Dictation.objects.filter(started_at__gt=hour_ago).count() >= MOST_PER_HOUR:
        raise Refused("too-many", _("Too many calls in the last hour. Try again later."))
    row = Dictation.objects.create(
        company=company,
        ticket=secrets.token_hex(12),
        purpose=purpose[:60],
        language=language,
        by=by,
    )
    try:
        row.call = _call(company, to, row.ticket, language, number)
    except Refused:
        row.delete()
        raise
    row.save(update_fields=["call"])
    return row


def _call(company: Company, to: str, ticket: str, language: str, number: str) -> str:
    """Have the switch call; return the call's id."""
    known = SystemPrompt.objects.filter(language=language, name="dictation").first()
    prompts = (p.Prompt(known.key, known.text, known.seconds),) if known else ()
    command = CallOut(
        company=company.key,
        to=_dialled(company, to),
        prompts=prompts,
        purpose=PURPOSE,
        number=number,
        language=language,
        ticket=ticket,
    )
    config = settings.CONFIG
    try:
        answer = SwitchClient(config.switch_url, config.secret()).do(command)
    except Unreachable as error:
        raise Refused("no-switch", _("The switch does not answer. Calls go on.")) from error
    if not answer.done:
        text = _("This phone cannot be called now. Check the number, or choose another phone.")
        raise Refused(answer.reason, text)
    return answer.call


def _dialled(company: Company, to: str) -> str:
    wanted = to.strip()
    if wanted and Person.objects.filter(extension=wanted).exists():
        return wanted
    e164 = e164_of(wanted, company.country)
    if not e164:
        raise Refused("bad-number", _("This is neither an extension nor a telephone number."))
    return e164


# -- what the switch tells ---------------------------------------------------------------------------


def keep(ticket: str, company: int, recording: Path) -> bool:
    """Make a prompt of what was recorded; False when nobody waits for it. Call inside a transaction."""
    waiting = Dictation.everywhere.filter(company=company, state=Dictation.State.WAITING)
    row = waiting.filter(ticket=ticket).first()
    if row is None:
        return False
    row.prompt = _prompt(row, recording)
    row.state = Dictation.State.DONE if row.prompt else Dictation.State.FAILED
    row.save(update_fields=["prompt", "state"])
    # The prompt has the sound now; the recording is nobody's message.
    transaction.on_commit(lambda: recording.unlink(missing_ok=True))
    return True


def _prompt(row: Dictation, recording: Path) -> Prompt | None:
    from carillon.speech.store import Store

    try:
        # Recordings of one side and prompts are written alike: 8 kHz, 16 bit, mono.
        key = Store(settings.CONFIG.prompts).put(recording.read_bytes())
        seconds = sound_seconds(sound_path(key))
    except (OSError, ValueError, EOFError) as error:
        log.warning("a recording by phone cannot be used: %s", error)
        return None
    return Prompt.everywhere.create(
        company_id=row.company_id,
        key=key,
        source=Prompt.Source.PHONE,
        language=row.language,
        seconds=seconds,
    )


def give_up(calls: list[str]) -> None:
    """These calls are over: what has not been recorded by now never will be."""
    waiting = Dictation.everywhere.filter(call__in=calls, state=Dictation.State.WAITING)
    waiting.update(state=Dictation.State.FAILED)

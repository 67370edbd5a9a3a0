"""Whoever asked to be called back is called by the system itself, with everything real."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carillon.media.wav import write_wav
from carillon.schema.sandbox import ArmWish, PhoneScript, ResultWish
from tests.scenarios.test_mailbox import NOTED_HERTZ, SAYS, company, rows
from tests.softphone import Softphone, room
from tests.system import heard, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
CALLER, CALLER_HERTZ = "+33612345678", 700.0
AUTOMATIC = """
from carillon.portal.routing import flows
from carillon.portal.routing.documents import CallbackRules, Step, ToPerson, Waiting
from carillon.portal.routing.models import Number
from msgspec.structs import replace
with within(acme):
    ann = Person.objects.get(extension="101")
    number = Number.objects.select_related("published", "company").get()
    flows.change_flow(number, lambda f: replace(f, steps=(Step(ToPerson(ann.pk), 60),),
        waiting=Waiting(music="digit-1"), callback=CallbackRules(automatic=True)), by=None)
"""


def test_the_system_calls_back_by_itself_when_the_turn_comes(tmp_path: Path) -> None:
    with company(tmp_path / "data", AUTOMATIC) as system, ThreadPoolExecutor(1) as pool:
        number = str(rows(system, "select e164 from routing_number")[0][0])
        ann, ben = (Softphone(system, name, hertz) for name, hertz in SAYS.items())
        with room(ann=ann, ben=ben):
            # Ann talks with a colleague while somebody waits for her, and asks to be called back.
            ann.talks(line := ann.dial("102"))
            calling = pool.submit(
                system.call, number, caller=CALLER, digits="*", hang_up=False, patience_seconds=20
            )
            asked = heard(calling.result(30))
            assert seconds_of(asked, NOTED_HERTZ) > 0.5, "it is told that it is noted"
            script = PhoneScript(say=write_wav(tone(CALLER_HERTZ, 6)), stay_seconds=0.5)
            system.outside.arm(ArmWish(number=CALLER, ring_seconds=0.2, script=script))
            ann.hang_up(line)
            wait_for(
                lambda: ann.hears({"it": CALLER_HERTZ}, line + 1), 30, "Ann to hear the caller"
            )
            called = system.outside.result(ResultWish(number=CALLER, wait_seconds=30))
            assert seconds_of(heard(called), SAYS["ann"]) > 1
            done = "select state from followup_callback"
            wait_for(lambda: rows(system, done) == [("done",)], 15, "the request to be settled")

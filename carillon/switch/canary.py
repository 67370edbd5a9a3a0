"""The canary's plan: a call to `CALLED` from the sandbox carrier is passed on to `ANSWERING` out there.

It takes the way of every other call (trunk, flow, bridge, sound), but leaves no record.
"""

from __future__ import annotations

from carillon.schema.canary import ANSWERING, CALLED
from carillon.schema.plan import HangUpNode, Number, OutsideTarget, Plan, RingNode, RingStep

COMPANY = "canary"
NUMBER = Number("canary", CALLED, "Canary", entry="pass-on")
PLAN = Plan(
    company=COMPANY,
    version=1,
    name="Canary",
    numbers=(NUMBER,),
    nodes={
        "pass-on": RingNode("pass-on", (RingStep(OutsideTarget(ANSWERING), 10),), then="end"),
        "end": HangUpNode("end"),
    },
)

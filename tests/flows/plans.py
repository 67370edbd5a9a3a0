"""Plans for the tests of flows: Acme, with Ann (101) and Ben (102), who are the team "sales"."""

from __future__ import annotations

from carillon.schema.plan import (
    Box,
    GreetingNode,
    Hours,
    HoursNode,
    Number,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    Slot,
    Team,
    User,
    UserTarget,
    VoicemailNode,
)

WEEKDAYS = (0, 1, 2, 3, 4)
OFFICE = Hours("Europe/Paris", always_open=False, slots=(Slot(WEEKDAYS, 9 * 60, 18 * 60),))
MENU = Prompt("menu", "Press 1 to listen")


def acme(
    *,
    hours: Hours | None = None,
    steps: tuple[RingStep, ...] = (
        RingStep(UserTarget("ann"), 25),
        RingStep(UserTarget("ben"), 20),
    ),
    greeting: Prompt | None = None,
    respect: bool = False,
    box: str | None = "box",
) -> Plan:
    """Return a classic number's plan (A18)."""
    number = Number("1", "+33199001001", "Main", entry="hours")
    return Plan(
        company="acme",
        version=3,
        name="Acme",
        numbers=(number,),
        nodes={
            "hours": HoursNode("hours", hours or Hours("Europe/Paris"), "greet", "closed"),
            "greet": GreetingNode("greet", greeting, "ring"),
            "ring": RingNode("ring", steps, "away", respect_waiting_time=respect),
            "away": VoicemailNode("away", Prompt("away"), box),
            "closed": VoicemailNode("closed", Prompt("closed"), box),
        },
        users=(User("ann", "Ann", "101"), User("ben", "Ben", "102")),
        teams=(Team("sales", "Sales", ("ann", "ben")),),
        boxes=(Box("box", "Main"),),
        system_prompts={"fr.voicemail-menu": MENU, "fr.voicemail-sent": Prompt("sent")},
    )


class Office:
    """A World: who is free."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.line = (1, 0.0)

    def availability(self, user: str) -> str:
        """Return the state a test gave the user, free otherwise."""
        return self.states.get(user, "free")

    def place(self) -> tuple[int, float]:
        """Return the place in the line a test gave."""
        return self.line

"""Calls to a user, however they come: dialled inside, by a menu's key, an extension, a name, a transfer.

Where the user has an entry of their own it is taken. Else the plain way: the phones ring, then the
voicemail. Its nodes are in no plan; a course makes them of their names when it comes to them.
"""

from __future__ import annotations

from carillon.schema.plan import (
    GreetingNode,
    HangUpNode,
    Node,
    OutsideTarget,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    User,
    UserTarget,
    VoicemailNode,
)

RING_SECONDS = 25
CALL_SECONDS = 60
PHONES, AWAY, CALL, END = "@phones:", "@away:", "@call:", "@end"
"""Names of nodes: a user's phones and voicemail, a call to the outside, the end."""


def user_entry(plan: Plan, user: User) -> str:
    """Return the node where calls to a user begin."""
    return user.entry if user.entry in plan.nodes else PHONES + user.id


def plain_node(plan: Plan, name: str, language: str, *, answered: bool) -> Node | None:
    """Return a node of the plain way by its name, None when it is none.

    A colleague whose call was not answered yet hears by its end how it went; whoever was answered is told.
    """
    if name.startswith(PHONES):
        user = name.removeprefix(PHONES)
        return RingNode(name, (RingStep(UserTarget(user), RING_SECONDS),), then=AWAY + user)
    if name.startswith(AWAY):
        box = _box_of(plan, name.removeprefix(AWAY))
        if box is not None:
            return VoicemailNode(name, box[1], box[0])
        nobody = plan.sentence(language, "nobody") if answered else None
        return GreetingNode(name, nobody, END) if nobody else HangUpNode(name)
    if name.startswith(CALL):
        step = RingStep(OutsideTarget(name.removeprefix(CALL)), CALL_SECONDS)
        return RingNode(name, (step,), then=END)
    return HangUpNode(END) if name == END else None


def _box_of(plan: Plan, user_id: str) -> tuple[str, Prompt | None] | None:
    user = plan.user(user_id)
    box = plan.box(user.box) if user else None
    return (box.id, box.greeting) if box else None

"""Whom a target means, and how a person would name it."""

from __future__ import annotations

from carillon.schema.plan import DeviceTarget, OutsideTarget, Plan, Target, UserTarget


def members(plan: Plan, target: Target) -> list[str]:
    """Return the ids of the users a target means, in order; none for a phone or an outside number."""
    if isinstance(target, OutsideTarget | DeviceTarget):
        return []
    if isinstance(target, UserTarget):
        return [target.user]
    known = {user.id for user in plan.users}
    for team in plan.teams:
        if team.id == target.team:
            return [user for user in dict.fromkeys(team.members) if user in known]
    return []


def target_name(plan: Plan, target: Target) -> str | None:
    """Return how a person would name the target, None when it no longer exists."""
    match target:
        case OutsideTarget(e164):
            return e164
        case DeviceTarget(device):
            return next((each.label for each in plan.devices if each.id == device), None)
        case UserTarget(user):
            return next((each.name for each in plan.users if each.id == user), None)
        case _:
            return next((team.name for team in plan.teams if team.id == target.team), None)

"""Whom a target means, and how a person would name it."""

from __future__ import annotations

from carillon.schema.plan import DeviceTarget, OutsideTarget, Plan, Target, TeamTarget, UserTarget


def members(plan: Plan, target: Target) -> list[str]:
    """Return the ids of the users a target means, in order; none for a phone or an outside number."""
    if isinstance(target, OutsideTarget | DeviceTarget):
        return []
    if isinstance(target, UserTarget):
        return [target.user]
    team = plan.team(target.team)
    return [user for user in dict.fromkeys(team.members) if plan.user(user)] if team else []


def target_name(plan: Plan, target: Target) -> str | None:
    """Return how a person would name the target, None when it no longer exists."""
    match target:
        case OutsideTarget(e164):
            return e164
        case DeviceTarget(id):
            phone = plan.device(id)
            return phone.label if phone else None
        case UserTarget(id):
            user = plan.user(id)
            return user.name if user else None
        case TeamTarget(id):
            team = plan.team(id)
            return team.name if team else None

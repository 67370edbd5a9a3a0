"""Callers whom a company does not want (A68)."""

from __future__ import annotations

from carillon.schema.plan import Plan

ANONYMOUS = "anonymous"
"""What a caller who hides the number is called."""


def is_blocked(plan: Plan, caller: str) -> bool:
    """Say whether a caller is to be hung up on: by number, by its beginning, or for hiding it."""
    if caller == ANONYMOUS:
        return plan.block_anonymous
    return any(
        caller == each or (each.endswith("*") and caller.startswith(each[:-1]))
        for each in plan.blocked
        if len(each) > 1
    )

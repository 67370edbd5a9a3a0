"""Whom a country's people call for help. Such calls are never blocked, limited or turned away."""

from __future__ import annotations

NUMBERS: dict[str, tuple[str, ...]] = {
    "FR": ("112", "15", "17", "18", "114", "115", "116117", "119", "191", "196"),
    "BE": ("112", "100", "101"),
    "GB": ("999", "112", "111", "101"),
    "US": ("911", "933", "988"),
    "AU": ("000", "112"),
    "CH": ("112", "117", "118", "144"),
    "DE": ("112", "110"),
    "JP": ("110", "119"),
}
"""By country, two letters."""
ELSEWHERE = ("112",)
"""Where the country is none of these."""
_OFTEN_EXTENSIONS = {"100", "101", "111", "117", "118", "144", "191", "196"}
KNOWN = frozenset({"sos"}.union(*NUMBERS.values()) - _OFTEN_EXTENSIONS)
"""What is let in at once on a busy day, before it is known whose phone calls from where.

Numbers that are some colleague's extension far more often than a call for help wait for their turn.
"""

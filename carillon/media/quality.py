"""How a leg sounded, as a mean opinion score from 1.0 to 4.5: the E-model of ITU-T G.107.

R = 93.2 - Id - Ie,eff. 93.2 is what the default values of G.107 (06/2015) table 2 leave of Ro - Is.

- Id, the delay's share: G.107 §7.4 needs tables of echo; without echo it is well approached by two
  straight lines (R. Cole, J. Rosenbluth, "Voice over IP performance monitoring", 2001, eq. 4):
  0.024 d + 0.11 (d - 177.3) beyond 177.3 ms.
- Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl), §7.5; losses are taken as random, BurstR = 1.
- Ie and Bpl: G.113 (11/2007) appendix I for G.711 with packet loss concealment (0, 25.1). G.113
  has no narrowband values for the others. G.722 at 64 kbit/s is taken as G.711 with the robustness
  of its own concealment (G.113 amendment 1's Bpl of 13), Opus as 0 and 20, from the listening tests of
  its inventors: estimates, good enough to rank calls. The scale is narrowband's, so that what wideband
  gains shows as no more than a perfect telephone call.
- MOS from R: G.107 annex B.

The delay is half the round trip, plus a packet of 20 ms, plus a jitter buffer of twice the jitter.
"""

from __future__ import annotations

from carillon.media.codecs import G722, OPUS

BEST_R = 93.2
PACKET_MS = 20.0
ROBUSTNESS = {G722: 13.0, OPUS: 20.0}
"""Bpl by codec; Ie is 0 for all of ours."""
_G711_ROBUSTNESS = 25.1
_USUAL_ROUND_TRIP_MS = 60.0
"""Assumed where the far end never told us anything to measure it by."""


def mos(codec: int, lost_percent: float, jitter_ms: float, round_trip_ms: float) -> float:
    """Estimate a leg's score. `round_trip_ms` below 0: not known."""
    round_trip = round_trip_ms if round_trip_ms >= 0 else _USUAL_ROUND_TRIP_MS
    delay = round_trip / 2 + PACKET_MS + 2 * max(jitter_ms, 0.0)
    lost = min(max(lost_percent, 0.0), 100.0)
    bpl = ROBUSTNESS.get(codec, _G711_ROBUSTNESS)
    equipment = 95 * lost / (lost + bpl)
    return score(BEST_R - delay_impairment(delay) - equipment)


def delay_impairment(delay_ms: float) -> float:
    """Return Id of a one-way delay."""
    return 0.024 * delay_ms + 0.11 * max(delay_ms - 177.3, 0.0)


def score(rating: float) -> float:
    """Return the mean opinion score of an R (G.107 annex B), 1.0 to 4.5."""
    if rating <= 6.5153:
        # Below this the cubic falls under 1, where it bends up again: annex B cuts at R = 0.
        return 1.0
    rating = min(rating, 100.0)
    return round(1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating), 2)

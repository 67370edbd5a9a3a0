"""The E-model: known points of ITU-T G.107 and what must hold everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.media import quality
from carillon.media.codecs import G722, OPUS, PCMA, PCMU


# ITU-T G.107 annex B, table B.1: the lower limit of R of each category and its MOS.
@pytest.mark.parametrize(
    ("rating", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0)]
)
def test_ratings_become_the_scores_of_annex_b(rating: float, mos: float) -> None:
    assert quality.score(rating) == pytest.approx(mos, abs=0.011)


def test_a_perfect_telephone_call_scores_as_the_recommendation_says() -> None:
    # R of 93.2 is 4.41 (G.107 clause 7.6); ours has a packet's delay.
    assert quality.score(quality.BEST_R) == pytest.approx(4.41, abs=0.01)
    assert quality.mos(PCMA, 0, 0, 0) == pytest.approx(4.40, abs=0.02)


def test_loss_hurts_as_g113_says() -> None:
    # G.711 with concealment at 5 %: Ie,eff = 95 * 5 / (5 + 25.1) = 15.8; R = 77 less the delay.
    assert quality.mos(PCMA, 5, 0, 0) == pytest.approx(quality.score(93.2 - 0.48 - 15.78), abs=0.01)


@given(
    st.sampled_from([PCMU, PCMA, G722, OPUS]),
    st.floats(0, 100),
    st.floats(0, 5000),
    st.floats(-1, 10_000),
    st.floats(0.1, 20),
)
def test_worse_never_sounds_better(
    codec: int, lost: float, jitter: float, trip: float, more: float
) -> None:
    now = quality.mos(codec, lost, jitter, trip)
    assert 1.0 <= now <= 4.5
    assert quality.mos(codec, lost + more, jitter, trip) <= now
    assert quality.mos(codec, lost, jitter + more, trip) <= now
    if trip >= 0:
        assert quality.mos(codec, lost, jitter, trip + more) <= now

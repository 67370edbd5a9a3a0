"""Digest: the RFCs' own figures, and what the challenger makes of right, wrong and old answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.sip.digest import (
    Challenger,
    Credentials,
    Verdict,
    answer_challenge,
    ha1,
    knows_sha256,
    parse_digest,
    username_of,
)
from carillon.sip.errors import LocalError, RemoteError

REALM = "acme.example"
ANN = Credentials("ann", 's3cret, "quoted"')
MD5 = ha1("ann", REALM, ANN.password)
SHA256 = ha1("ann", REALM, ANN.password, "SHA-256")
URI = "sip:acme.example"

RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answered(challenges: list[str], cnonce: str = "c1", **more: object) -> str:
    answer = answer_challenge(challenges, ANN, "REGISTER", URI, cnonce=cnonce, **more)  # type: ignore[arg-type]
    assert answer is not None
    return answer


def challenges(challenger: Challenger, now: float = 0.0) -> list[str]:
    return [value for _, value in challenger.challenge(now)]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_comes_out(algorithm: str, response: str) -> None:
    mufasa = Credentials("Mufasa", "Circle of Life")
    answer = answer_challenge(
        [RFC_7616.format(algorithm)], mufasa, "GET", "/dir/index.html", cnonce=CNONCE
    )
    assert answer is not None
    assert parse_digest(answer)["response"] == response


def test_the_example_of_rfc_2617_comes_out() -> None:
    challenge = 'Digest realm="testrealm@host.com", qop="auth,auth-int", '
    challenge += 'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    mufasa = Credentials("Mufasa", "Circle Of Life")
    answer = answer_challenge([challenge], mufasa, "GET", "/dir/index.html", cnonce="0a4f113b")
    assert answer is not None
    assert parse_digest(answer)["response"] == "6629fae49393a05397450978507c4ef1"


def test_the_older_way_without_qop_comes_out() -> None:
    challenge = (
        'Digest realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", algorithm=MD5'
    )
    bob = Credentials("bob", "zanzibar")
    answer = answer_challenge([challenge], bob, "INVITE", "sip:bob@biloxi.com", cnonce="x")
    assert answer is not None
    assert parse_digest(answer)["response"] == "bf57e4e0d0bffc0fbaedce64d59add5e"
    assert "qop" not in parse_digest(answer)


def test_the_stronger_algorithm_is_answered() -> None:
    both = [RFC_7616.format("MD5"), RFC_7616.format("SHA-256"), 'Basic realm="x"']
    assert "algorithm=SHA-256" in answered(both)
    assert "algorithm=MD5" in answered(both[:1])


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_what_we_answer_is_what_we_accept(algorithm: str) -> None:
    challenger = Challenger(REALM, b"key")
    asked = [value for value in challenges(challenger) if f"algorithm={algorithm}" in value]
    verdict = challenger.verify(answered(asked), "REGISTER", MD5, SHA256, 1.0, uri=URI)
    assert verdict == Verdict(True)


def test_wrong_is_wrong_whatever_is_wrong() -> None:
    challenger = Challenger(REALM, b"key")
    good = answered(challenges(challenger))
    assert not challenger.verify(good, "INVITE", MD5, SHA256, 1.0).ok
    assert not challenger.verify(good, "REGISTER", MD5, "0" * 64, 1.0).ok
    assert not challenger.verify(good, "REGISTER", MD5, SHA256, 1.0, uri="sip:other.example").ok
    assert not challenger.verify(good.replace(REALM, "globex"), "REGISTER", MD5, SHA256, 1.0).ok
    assert not challenger.verify("Basic YTpi", "REGISTER", MD5, SHA256, 1.0).ok
    assert not challenger.verify("", "REGISTER", MD5, SHA256, 1.0).ok
    assert not challenger.verify(good, "REGISTER", MD5, "", 1.0).ok


def test_a_wrong_password_is_never_stale() -> None:
    challenger = Challenger(REALM, b"key")
    good = answered(challenges(challenger))
    assert challenger.verify(good, "REGISTER", MD5, "0" * 64, 9999.0) == Verdict(False)


def test_a_nonce_grows_stale_and_the_next_challenge_says_so() -> None:
    challenger = Challenger(REALM, b"key", lifetime=60)
    good = answered(challenges(challenger))
    assert challenger.verify(good, "REGISTER", MD5, SHA256, 61.5) == Verdict(False, stale=True)
    assert all("stale=true" in value for _, value in challenger.challenge(61.5, stale=True))


def test_a_captured_request_does_not_work_twice() -> None:
    challenger = Challenger(REALM, b"key")
    good = answered(challenges(challenger))
    assert challenger.verify(good, "REGISTER", MD5, SHA256, 1.0).ok
    assert challenger.verify(good, "REGISTER", MD5, SHA256, 2.0) == Verdict(False, stale=True)


def test_without_qop_a_nonce_is_good_for_one_request() -> None:
    challenger = Challenger(REALM, b"key")
    plain = [value.replace(', qop="auth"', "") for value in challenges(challenger)]
    good = answered(plain)
    assert challenger.verify(good, "REGISTER", MD5, SHA256, 1.0).ok
    assert challenger.verify(good, "REGISTER", MD5, SHA256, 1.0).stale


def test_an_early_capture_does_not_work_even_after_many_others() -> None:
    challenger = Challenger(REALM, b"key", remembered=3)
    first = answered(challenges(challenger))
    assert challenger.verify(first, "REGISTER", MD5, SHA256, 1.0).ok
    for _ in range(5):
        good = answered(challenges(challenger))
        assert challenger.verify(good, "REGISTER", MD5, SHA256, 1.0).ok
    assert challenger.verify(first, "REGISTER", MD5, SHA256, 1.0).stale


def test_a_nonce_of_another_key_or_of_the_future_is_stale() -> None:
    good = answered(challenges(Challenger(REALM, b"other")))
    assert Challenger(REALM, b"key").verify(good, "REGISTER", MD5, SHA256, 1.0).stale
    late = answered(challenges(Challenger(REALM, b"key"), now=100.0))
    assert Challenger(REALM, b"key").verify(late, "REGISTER", MD5, SHA256, 1.0).stale


def test_two_phones_asked_in_the_same_instant_do_not_disturb_each_other() -> None:
    challenger = Challenger(REALM, b"key")
    one, two = answered(challenges(challenger)), answered(challenges(challenger))
    assert challenger.verify(one, "REGISTER", MD5, SHA256, 0.0).ok
    assert challenger.verify(two, "REGISTER", MD5, SHA256, 0.0).ok


def test_credentials_refused_once_are_tried_again_only_for_a_stale_nonce() -> None:
    challenge = 'Digest realm="r", nonce="n2", qop="auth"'
    first = answered([challenge])
    again = answer_challenge([challenge], ANN, "REGISTER", URI, cnonce="c", refused=first)
    assert again is None
    stale = answer_challenge(
        [challenge + ", stale=TRUE"], ANN, "REGISTER", URI, cnonce="c", refused=first
    )
    assert stale is not None


def test_what_we_cannot_answer_is_left() -> None:
    for challenge in (
        'Basic realm="r"',
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", qop="token"',
    ):
        assert answer_challenge([challenge], ANN, "X", URI, cnonce="c") is None


def test_commas_and_quotes_inside_values_are_read() -> None:
    params = parse_digest('Digest qop="auth,auth-int", username="a\\"b, c", nc=00000001')
    assert params == {"qop": "auth,auth-int", "username": 'a"b, c', "nc": "00000001"}
    assert username_of('Digest username="a@b"') == "a@b"
    assert username_of("Basic YTpi") == ""


@given(st.text(max_size=300))
def test_any_text_gets_a_verdict(text: str) -> None:
    challenger = Challenger(REALM, b"key")
    nonce = challenges(challenger)[0].partition('nonce="')[2].partition('"')[0]
    for value in (text, f"Digest {text}", f'Digest realm="{REALM}", nonce="{nonce}", {text}'):
        assert not challenger.verify(value, "REGISTER", MD5, SHA256, 0.0).ok


def test_a_challenger_needs_a_key() -> None:
    with pytest.raises(LocalError):
        Challenger(REALM, b"")
    with pytest.raises(RemoteError):
        parse_digest("Negotiate x")


@pytest.mark.parametrize(
    ("user_agent", "known"),
    [
        ("Linphone/5.2 (Ann) belle-sip/5.3.0", True),
        ("baresip v3.10.1 (x86_64/Linux)", True),
        ("baresip v1.0.0 (x86_64/linux)", False),
        ("Asterisk PBX 18.2", False),
        ("baresip-python", True),
        ("JsSIP 3.13.8", False),
        ("Yealink SIP-T46U 108.86.0.20", False),
        ("belle-sip/", False),
        ("belle-sip/" + "9" * 5000, True),
        ("", False),
    ],
)
def test_only_who_is_known_to_understand_two_challenges_gets_them(
    user_agent: str, known: bool
) -> None:
    assert knows_sha256(user_agent) is known

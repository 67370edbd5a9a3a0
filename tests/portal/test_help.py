"""The help: an article for each subject in each language, found by its words, reached from where it helps."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from carillon.portal import mail
from carillon.portal.help.articles import ARTICLES, FOLDER, articles, find
from carillon.portal.wizard.steps import STEPS
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db

SLUGS = {about.slug for about in ARTICLES}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_article_is_there_whole(language: str):
    assert {path.stem for path in (FOLDER / language).iterdir()} == SLUGS
    for article in articles(language):
        assert article.title and len(article.blocks) >= 2, article.about.slug
        kinds = {block.kind for block in article.blocks}
        assert kinds <= {"heading", "text", "points", "steps"}
        assert not any(line.startswith(("## ", "- ")) for b in article.blocks for line in b.lines)


def test_both_languages_say_the_same_things():
    for english, french in zip(articles("en"), articles("fr"), strict=True):
        shape = [(block.kind, len(block.lines)) for block in english.blocks]
        assert shape == [(b.kind, len(b.lines)) for b in french.blocks], english.about.slug


@pytest.mark.parametrize(
    ("language", "words", "slug"),
    [
        ("fr", "repondeur", ""),
        ("fr", "jours feries", "hours"),
        ("fr", "RENVOI", "forwarding"),
        ("en", "lost password", ""),
        ("en", "passkey", "sign-in"),
        ("en", "*97", "voicemail-by-phone"),
        ("en", "webhook", "programs"),
        ("fr", "sonnerie preferences", "call-preferences"),
        ("fr", "telephone navigateur micro", "phone"),
        ("fr", "adresse d\u2019urgence", "emergency-address"),
    ],
)
def test_words_lead_to_the_article_without_regard_to_accents(language: str, words: str, slug: str):
    found = [article.about.slug for article in find(language, words)]
    assert found[0] == slug if slug else not found


def test_who_cannot_sign_in_can_read_how_to(client: Client):
    html = client.get(reverse("help-article", args=["sign-in"])).content.decode()
    assert "security question" in html
    assert client.get(reverse("help-article", args=["no-such"])).status_code == 404


def test_a_search_that_finds_nothing_says_so_and_is_text(client: Client):
    html = client.get(reverse("help"), {"q": "<b>zzz"}).content.decode()
    assert "No article has these words" in html
    assert "<b>zzz" not in html


def test_the_quick_search_finds_articles(cast: Cast):
    html = cast.client("user").get(reverse("search"), {"q": "emergency"}).content.decode()
    assert reverse("help-article", args=["emergency-address"]) in html


@pytest.mark.parametrize(
    ("page", "slug"),
    [
        ("people", "desk-phone"),
        ("me", "forwarding"),
        ("voicemail", "voicemail-by-phone"),
        ("integrations", "programs"),
    ],
)
def test_a_page_leads_to_its_article(cast: Cast, page: str, slug: str):
    html = cast.client("owner").get(reverse(page)).content.decode()
    assert f'class="help-here" href="{reverse("help-article", args=[slug])}"' in html


def test_the_set_up_leads_to_articles_that_exist(cast: Cast):
    assert {step.article for step in STEPS if step.article} <= SLUGS
    html = cast.client("owner").get(reverse("wizard-emergency")).content.decode()
    assert reverse("help-article", args=["emergency-address"]) in html


def test_an_article_leads_on_only_where_the_reader_may_go(cast: Cast, client: Client):
    url = reverse("help-article", args=["call-handling"])
    assert "Go there" in cast.client("owner").get(url).content.decode()
    assert "Go there" not in cast.client("user").get(url).content.decode()
    assert "Go there" not in client.get(url).content.decode()


def test_letters_end_with_the_way_to_the_help():
    letter = mail.send("test", "ann@acme.example", "en", {"by": "Op"})
    assert "/help" in letter.html
    assert "Thank you for using Carillon." in letter.html


def test_the_phone_system_and_shortcuts_are_on_their_pages(cast: Cast):
    client = cast.client("owner")
    html = client.get(reverse("company")).content.decode()
    for words in ("Phone numbers", "Auto-attendants and menus", "Groups", "Phones and devices"):
        assert words in html
    assert "Company shortcuts" in client.get(reverse("home")).content.decode()

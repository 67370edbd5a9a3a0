"""A company's set-up as a file: written, compared, read back, and never half."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person, Team
from carillon.portal.refused import Refused
from carillon.portal.routing import flows
from carillon.portal.routing.documents import Step, ToOutside
from carillon.portal.routing.editing import with_step
from carillon.portal.routing.models import Number
from carillon.portal.setupfile.exporting import export
from carillon.portal.setupfile.importing import apply, difference
from carillon.portal.setupfile.shape import Unreadable, read, write
from tests.portal.conftest import Cast

MOBILE = "+33639980001"


def text_of(cast: Cast) -> str:
    with within(cast.acme):
        return write(export(cast.acme))


@pytest.mark.django_db
def test_what_was_written_and_is_read_back_changes_nothing(cast: Cast) -> None:
    text = text_of(cast)
    assert "101" in text
    assert "password" not in text.lower()
    with within(cast.acme):
        assert difference(cast.acme, read(text.encode()), by=cast.users["owner"]) == []


@pytest.mark.django_db
def test_the_difference_is_told_and_nothing_is_kept(cast: Cast) -> None:
    text = text_of(cast).replace("name: Main line", "name: Front desk")
    with within(cast.acme):
        rows = AuditRow.objects.count()
        changes = difference(cast.acme, read(text.encode()), by=cast.users["owner"])
        assert [(each.action, each.after) for each in changes] == [
            ("number-changed", {"name": "Front desk"})
        ]
        assert AuditRow.objects.count() == rows
        assert Number.objects.get(pk=cast.number.pk).name == "Main line"


@pytest.mark.django_db
def test_another_company_can_be_made_like_the_first(cast: Cast) -> None:
    with within(cast.acme):
        flows.change_flow(cast.number, lambda f: with_step(f, ToOutside(MOBILE), 15), by=None)
    wanted = text_of(cast)
    with within(cast.acme):
        Team.objects.all().delete()
        flows.change_flow(
            Number.objects.select_related("published").get(pk=cast.number.pk),
            lambda f: type(f)(),
            by=None,
        )
        apply(cast.acme, read(wanted.encode()), by=cast.users["owner"])
        number = Number.objects.select_related("published").get(pk=cast.number.pk)
        assert Step(ToOutside(MOBILE), 15) in number.flow.steps
    assert text_of(cast) == wanted


@pytest.mark.django_db
def test_a_file_that_is_wrong_somewhere_changes_nothing_anywhere(cast: Cast) -> None:
    text = """
carillon: 1
people: [{extension: "150", name: Zoe}]
teams: [{name: Night, members: ["150", "999"]}]
"""
    with within(cast.acme):
        with pytest.raises(Refused, match="999"):
            apply(cast.acme, read(text.encode()), by=cast.users["owner"])
        assert not Person.objects.filter(extension="150").exists()


@pytest.mark.django_db
def test_a_flow_that_names_nobody_or_nonsense_is_refused_with_its_number(cast: Cast) -> None:
    for step in ("{target: {type: person, id: '999'}}", "{target: {type: rocket}}"):
        text = f"""
carillon: 1
numbers: [{{number: "{cast.number.e164}", name: Main line, language: en, flow: {{steps: [{step}]}}}}]
"""
        with within(cast.acme), pytest.raises(Refused) as refused:
            apply(cast.acme, read(text.encode()), by=cast.users["owner"])
        assert cast.number.e164 in refused.value.text


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"carillon: 2",
        b"\xff\xfe",
        b"carillon: 1\nsurprise: 1",
        b"a: &a [1]\nb: *a",
        b"carillon: 1\npeople: !!python/object/apply:os.system [ls]",
        b"[" * 5000,
        b"carillon: 1\npeople: [{extension: 1, name: [x]}]",
        b"x" * 1_000_001,
    ],
)
def test_what_is_no_set_up_is_refused_in_words(document: bytes) -> None:
    with pytest.raises(Unreadable):
        read(document)


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_unreadable(document: bytes) -> None:
    try:
        read(document)
    except Unreadable as error:
        assert str(error)


@pytest.mark.django_db
def test_the_page_shows_the_difference_then_makes_it(cast: Cast) -> None:
    client = cast.client("owner")
    saved = client.get(reverse("download-setup")).content
    changed = saved.replace(b"name: Main line", b"name: Front desk")
    page = client.post(reverse("setup-file"), {"file": io.BytesIO(changed)})
    assert "Front desk" in page.content.decode()
    client.post(reverse("setup-file"), {"text": changed.decode(), "sure": "yes"})
    assert Number.everywhere.get(pk=cast.number.pk).name == "Front desk"
    assert client.post(reverse("setup-file"), {"text": "nonsense"}).status_code == 422


@pytest.mark.django_db
def test_the_command_line_does_the_same(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("setup_file", "export", cast.acme.slug)
    file = tmp_path / "acme.yaml"
    file.write_text(capsys.readouterr().out.replace("name: Main line", "name: Front desk"))
    call_command("setup_file", "import", cast.acme.slug, str(file))
    assert "Main line -> Front desk" in capsys.readouterr().out
    assert Number.everywhere.get(pk=cast.number.pk).name == "Main line"
    call_command("setup_file", "import", cast.acme.slug, str(file), "--sure")
    assert Number.everywhere.get(pk=cast.number.pk).name == "Front desk"
    with pytest.raises(CommandError, match="acme"):
        call_command("setup_file", "export", "nobody")

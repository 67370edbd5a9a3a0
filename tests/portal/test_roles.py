"""Who gives which role to whom, and what nobody can do: lose the owner."""

from __future__ import annotations

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow, Membership
from tests.portal.conftest import Cast


def give(cast: Cast, giver: str, to: str, role: str) -> str:
    """Give a role on the page; return what it is afterwards."""
    place = Membership.objects.get(user=cast.users[to])
    cast.client(giver).post(f"/company/roles/{place.pk}", {"role": role})
    place.refresh_from_db()
    return place.role


def test_an_administrator_makes_a_supervisor_and_the_log_says_so(cast: Cast):
    assert give(cast, "administrator", "user", "supervisor") == "supervisor"
    row = AuditRow.everywhere.get(action="role-given")
    assert (row.by, row.object_name) == (cast.users["administrator"], "Ben")
    assert (row.before, row.after) == ({"role": "user"}, {"role": "supervisor"})


def test_only_an_owner_makes_or_unmakes_an_owner(cast: Cast):
    assert give(cast, "administrator", "administrator", "owner") == "administrator"
    assert give(cast, "administrator", "owner", "user") == "owner"
    assert give(cast, "owner", "administrator", "owner") == "owner"


def test_the_last_owner_stays_owner_until_there_is_another(cast: Cast):
    assert give(cast, "owner", "owner", "user") == "owner"
    assert give(cast, "owner", "supervisor", "owner") == "owner"
    assert give(cast, "owner", "owner", "user") == "user"


def test_an_owner_who_may_not_sign_in_does_not_count(cast: Cast):
    give(cast, "owner", "supervisor", "owner")
    User.objects.filter(pk=cast.users["supervisor"].pk).update(is_active=False)
    assert give(cast, "owner", "owner", "user") == "owner"


def test_a_role_that_is_none_changes_nothing(cast: Cast):
    assert give(cast, "owner", "user", "emperor") == "user"


def test_who_only_pays_sees_the_plan_and_nothing_of_calls(cast: Cast):
    client = cast.client("billing")
    home = client.get("/", follow=True)
    assert home.redirect_chain == [("/billing", 302)]
    page = home.content.decode()
    assert "Plan" in page
    assert 'href="/calls"' not in page
    assert 'href="/voicemail"' not in page
    assert client.get("/calls").status_code == 403
    assert client.get("/live").status_code == 403

"""Who may show which number when calling out."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from tests.switch.office import office, scene
from tests.system import MAIN, acme

pytestmark = pytest.mark.system


@scene
async def test_a_phone_whose_user_may_show_no_number_calls_colleagues_and_for_help_only(
    tmp_path: Path,
) -> None:
    plan = acme()
    numbers = tuple(structs.replace(each, shown_by=("ben",)) for each in plan.numbers)
    async with office(tmp_path, "ann", "ben", plan=structs.replace(plan, numbers=numbers)) as here:
        refused = here.dial("ann", "+33688000001")
        await here.phones["ann"].is_over(refused)
        assert here.phones["ann"].status(refused) == 403
        here.dial("ben", "+33688000001")
        invite = await here.carrier.invited()
        assert MAIN in (invite.request.get("From") or "")
        here.dial("ann", "112")
        help_call = await here.carrier.invited(1)
        assert "112" in (help_call.request.get("To") or "")

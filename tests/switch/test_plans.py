"""Plans: fetched from the portal when it is there, kept on disk for when it is not."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from carillon.bus.client import PortalClient, Unreachable
from carillon.schema.events import TroubleBegan, TroubleEnded
from carillon.schema.plan import (
    PLAN_FORMAT,
    HangUpNode,
    Plan,
    PlanIndex,
    PlanRef,
    Prompt,
    Trunk,
    VoicemailNode,
    write_plan,
)
from carillon.switch.journal import Journal
from carillon.switch.plans import PlanStore
from carillon.switch.shelf import Shelf
from carillon.switch.troubles import Troubles
from tests.system import MAIN, acme


class Portal:
    """Serves plans, as bytes, over real HTTP."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.versions: dict[str, int] = {}
        self.trunks: tuple[Trunk, ...] = ()
        self.asked: list[str] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                portal.asked.append(self.path)
                body = portal.answer(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, plan: Plan) -> None:
        self.versions[plan.company] = plan.version
        self.documents[plan.company] = write_plan(plan)

    def answer(self, path: str) -> bytes | None:
        if path == "/internal/plans":
            refs = tuple(PlanRef(name, version) for name, version in self.versions.items())
            return msgspec.json.encode(PlanIndex(refs, self.trunks))
        return self.documents.get(path.rpartition("/")[2])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Place:
    """A plan store, its portal and what the administrator was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.portal = Portal()
        self.journal = Journal(folder / "journal")

    def store(self) -> PlanStore:
        troubles = Troubles(self.journal, lambda: 1.0)
        return PlanStore(self.folder / "plans", PortalClient(self.portal.url, ""), troubles)

    def told(self) -> list[str]:
        names = {TroubleBegan: "began", TroubleEnded: "ended"}
        return [names[type(entry.event)] for entry in self.journal.scan()]  # type: ignore[index]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    with contextlib.closing(made.portal), contextlib.closing(made.journal):
        yield made


def version(store: PlanStore) -> int | None:
    found = store.number(MAIN)
    return found[0].version if found else None


def test_a_plan_is_fetched_saved_and_there_after_a_restart(place: Place) -> None:
    trunk = Trunk("t", "Carrier", "192.0.2.1")
    place.portal.publish(acme())
    place.portal.trunks = (trunk,)
    store = place.store()
    asyncio.run(store.fetch())
    assert version(store) == 1
    again = place.store()
    assert (version(again), again.trunks) == (1, (trunk,))


def test_a_plan_that_is_known_is_not_fetched_again(place: Place) -> None:
    place.portal.publish(acme())
    store = place.store()
    asyncio.run(store.fetch())
    asyncio.run(store.fetch())
    assert place.portal.asked.count("/internal/plans/acme") == 1


def test_while_the_portal_is_away_the_old_plan_stays_in_force(place: Place) -> None:
    place.portal.publish(acme())
    store = place.store()
    asyncio.run(store.fetch())
    place.portal.close()
    with pytest.raises(Unreachable):
        asyncio.run(store.fetch())
    assert version(store) == 1


def test_a_plan_of_a_newer_release_is_refused_and_told_once_and_spares_the_others(
    place: Place,
) -> None:
    place.portal.publish(acme())
    store = place.store()
    asyncio.run(store.fetch())
    place.portal.publish(structs.replace(acme(), version=2, format=PLAN_FORMAT + 1))
    place.portal.publish(structs.replace(acme(), company="globex", numbers=(), version=7))
    asyncio.run(store.fetch())
    asyncio.run(store.fetch())
    assert version(store) == 1
    assert store.plan("globex") is not None
    assert place.told() == ["began"]
    place.portal.publish(structs.replace(acme(), version=3))
    asyncio.run(store.fetch())
    assert version(store) == 3
    assert place.told() == ["began", "ended"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b'{"company":"acme","version":2,"name":"A","nodes":{"x":{"type":"teleport"}}}',
        write_plan(structs.replace(acme(), company="mallory", version=2)),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(place: Place, document: bytes) -> None:
    place.portal.publish(acme())
    store = place.store()
    asyncio.run(store.fetch())
    place.portal.versions["acme"] = 2
    place.portal.documents["acme"] = document
    asyncio.run(store.fetch())
    assert version(store) == 1
    assert place.told() == ["began"]
    assert store.plan("mallory") is None


def test_a_company_that_was_removed_is_forgotten_on_disk_too(place: Place) -> None:
    place.portal.publish(acme())
    store = place.store()
    asyncio.run(store.fetch())
    place.portal.versions.clear()
    asyncio.run(store.fetch())
    assert version(store) is None
    assert store.device("acme-ann") is None
    assert version(place.store()) is None
    assert [path.name for path in (place.folder / "plans").glob("acme.*")] == []


def test_a_broken_file_on_disk_costs_only_its_own_company(place: Place) -> None:
    place.portal.publish(acme())
    asyncio.run(place.store().fetch())
    folder = place.folder / "plans"
    (folder / "globex.plan.json").write_bytes(b'{"company":"glo')
    (folder / "index.json").write_bytes(b"\0\0")
    store = place.store()
    assert version(store) == 1
    assert store.trunks == ()
    assert place.told() == ["began"]
    asyncio.run(store.fetch())
    assert place.told() == ["began", "ended"]


def test_a_plan_of_a_newer_release_on_disk_is_told_until_the_portal_sends_another(
    place: Place,
) -> None:
    place.portal.publish(acme())
    asyncio.run(place.store().fetch())
    newer = structs.replace(acme(), company="globex", numbers=(), format=PLAN_FORMAT + 1)
    (place.folder / "plans" / "globex.plan.json").write_bytes(write_plan(newer))
    store = place.store()
    assert version(store) == 1, "the other companies go on"
    assert store.plan("globex") is None
    assert place.told() == ["began"]
    place.portal.publish(structs.replace(newer, format=PLAN_FORMAT))
    asyncio.run(store.fetch())
    assert store.plan("globex") is not None
    assert place.told() == ["began", "ended"]


def write_newer(folder: Path, company: str, version: int) -> None:
    """Leave what the next release left before it was taken back."""
    newer = structs.replace(acme(), company=company, version=version, format=PLAN_FORMAT + 1)
    Shelf(folder, PLAN_FORMAT + 1).save(newer)


def test_a_release_that_was_taken_back_goes_on_with_the_last_plan_it_could_read(
    place: Place,
) -> None:
    place.portal.publish(acme())
    asyncio.run(place.store().fetch())
    write_newer(place.folder / "plans", "acme", 5)
    store = place.store()
    assert version(store) == 1
    (running,) = store.running()
    assert (running.version, "newer" in running.refused) == (1, True)
    assert place.told() == ["began"]
    place.portal.publish(structs.replace(acme(), version=6))
    asyncio.run(store.fetch())
    again = place.store()
    assert version(again) == 6
    assert [plan.refused for plan in (*store.running(), *again.running())] == ["", ""]
    assert place.told() == ["began", "ended"]


def test_a_release_that_is_put_in_again_takes_up_the_newest_it_can_read(tmp_path: Path) -> None:
    write_newer(tmp_path, "acme", 5)
    Shelf(tmp_path).save(structs.replace(acme(), version=6))
    found = {each.company: each.plan for each in Shelf(tmp_path, PLAN_FORMAT + 1).load()}
    assert found["acme"] == structs.replace(acme(), version=6)


@pytest.mark.parametrize("broken", [b"", b"{", b"[1]", write_plan(acme())[:200]])
def test_a_plan_that_was_torn_gives_way_to_the_one_before(tmp_path: Path, broken: bytes) -> None:
    for number in (1, 2, 3):
        Shelf(tmp_path).save(structs.replace(acme(), version=number))
    (newest,) = tmp_path.glob("*.plan.json")
    newest.write_bytes(broken)
    (kept,) = Shelf(tmp_path).load()
    assert kept.plan is not None
    assert kept.plan.version == 2
    assert "plan.json" in kept.refused


def test_with_no_plan_that_can_be_read_the_numbers_take_messages(tmp_path: Path) -> None:
    number = structs.replace(acme().numbers[0], id="3", e164="+33199001003", entry="end")
    nodes = {**acme().nodes, "end": HangUpNode("end")}
    sentences = {"fr.nobody": Prompt("nobody"), "fr.closed": Prompt("other")}
    Shelf(tmp_path).save(
        structs.replace(
            acme(), numbers=(*acme().numbers, number), nodes=nodes, system_prompts=sentences
        )
    )
    (newest,) = tmp_path.glob("*.plan.json")
    newest.unlink()
    (kept,) = Shelf(tmp_path).load()
    assert kept.refused
    assert kept.plan is not None
    plan = kept.plan
    assert (plan.version, plan.system_prompts) == (0, {"fr.nobody": Prompt("nobody")})
    ways = {each.e164: plan.nodes[each.entry] for each in plan.numbers}
    assert ways[MAIN] == VoicemailNode("1.least", None, "box")
    assert ways["+33199001003"] == VoicemailNode("3.least", Prompt("nobody"), None)


def test_with_nothing_left_the_company_is_told_of_and_the_others_go_on(place: Place) -> None:
    folder = place.folder / "plans"
    place.portal.publish(acme())
    asyncio.run(place.store().fetch())
    Shelf(folder).save(structs.replace(acme(), company="globex", numbers=()))
    for path in folder.glob("globex.*"):
        path.write_bytes(b"?")
    store = place.store()
    assert version(store) == 1
    told = {plan.company: plan for plan in store.running()}
    assert (told["globex"].version, bool(told["globex"].refused)) == (0, True)
    assert not told["acme"].refused


def test_a_plan_that_cannot_be_saved_is_in_force_all_the_same(place: Place) -> None:
    store = place.store()
    (place.folder / "plans" / "acme.1.plan.new").mkdir()
    place.portal.publish(acme())
    asyncio.run(store.fetch())
    assert version(store) == 1


def test_a_reload_asks_at_once_instead_of_at_the_next_poll(place: Place) -> None:
    async def play() -> None:
        store = place.store()
        task = asyncio.create_task(store.follow())
        while not place.portal.asked:
            await asyncio.sleep(0.005)
        place.portal.publish(acme())
        store.reload()
        async with asyncio.timeout(4):
            while version(store) is None:
                await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(play())

"""The journal: what is told was written before, is told once, and survives what may happen to a disk."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from carillon.schema.events import DigitPressed, JournalPage
from carillon.switch.journal import Journal


def digits(*keys: int) -> list[DigitPressed]:
    return [DigitPressed(call="c", seq=key, at=1.0, leg="a", digit="1") for key in keys]


def told(page: JournalPage) -> list[tuple[int, int]]:
    """Return cursor and seq of what a page holds."""
    return [(entry.cursor, getattr(entry.event, "seq", 0)) for entry in page.entries]


def read(journal: Journal, after: int = 0, limit: int = 1000) -> list[tuple[int, int]]:
    return told(asyncio.run(journal.page(after, limit, 0)))


def last_segment(folder: Path) -> Path:
    return max(folder.glob("*.jsonl"), key=lambda path: int(path.stem))


def test_what_was_written_is_read_again_after_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(digits(1, 2, 3))
    journal.close()
    again = Journal(tmp_path)
    assert again.id == journal.id
    assert read(again) == [(1, 1), (2, 2), (3, 3)]
    assert read(again, 1, 1) == [(2, 2)]
    again.close()


def test_a_line_torn_by_a_crash_is_cut_off_and_its_cursor_given_to_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(digits(1, 2))
    journal.close()
    with open(tmp_path / "1.jsonl", "ab") as file:
        file.write(b'{"cursor":3,"event":{"type":"digit-pre')
    again = Journal(tmp_path)
    again.append(digits(7))
    assert read(again) == [(1, 1), (2, 2), (3, 7)]
    again.close()
    assert read(Journal(tmp_path)) == [(1, 1), (2, 2), (3, 7)]


@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe\n", b"\0" * 4096, b"[" * 100_000 + b"\n", b"\n\n7\n"]
)
def test_garbage_that_a_power_cut_left_at_the_end_is_cut_off(
    tmp_path: Path, garbage: bytes
) -> None:
    journal = Journal(tmp_path)
    journal.append(digits(1, 2))
    journal.close()
    with open(tmp_path / "1.jsonl", "ab") as file:
        file.write(garbage)
    again = Journal(tmp_path)
    again.append(digits(3))
    assert read(again) == [(1, 1), (2, 2), (3, 3)]
    again.close()


def test_a_spoilt_line_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(digits(1, 2, 3))
    journal.close()
    lines = (tmp_path / "1.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = b"\0" * (len(lines[1]) - 1) + b"\n"
    (tmp_path / "1.jsonl").write_bytes(b"".join(lines))
    again = Journal(tmp_path)
    again.append(digits(4))
    assert read(again) == [(1, 1), (3, 3), (4, 4)]
    again.close()


def test_an_event_of_a_newer_release_is_passed_over_and_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(digits(1))
    journal.close()
    line = b'{"cursor":2,"event":{"type":"call-cloned","call":"c","seq":2,"at":1.0}}\n'
    with open(tmp_path / "1.jsonl", "ab") as file:
        file.write(line)
    again = Journal(tmp_path)
    assert read(again) == [(1, 1)]
    again.append(digits(3))
    assert read(again, 1) == [(3, 3)]
    again.close()
    assert line in (tmp_path / "1.jsonl").read_bytes()


def test_full_segments_are_forgotten_once_taken_and_cursors_go_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=300)
    for key in range(1, 31):
        journal.append(digits(key))
    segments = sorted(int(path.stem) for path in tmp_path.glob("*.jsonl"))
    assert len(segments) > 3
    journal.forget(segments[2] - 2)
    assert sorted(int(path.stem) for path in tmp_path.glob("*.jsonl")) == segments[1:]
    journal.forget(10**9)
    assert len(list(tmp_path.glob("*.jsonl"))) == 1, "the segment being written stays"
    journal.close()
    again = Journal(tmp_path, segment_bytes=300)
    again.append(digits(31))
    assert again.cursor == 31
    assert read(again, 30) == [(31, 31)]
    again.close()


def test_no_cursor_is_used_twice_after_a_crash_on_the_edge_of_a_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1)
    journal.append(digits(1))
    journal.append(digits(2))
    journal.close()
    assert last_segment(tmp_path).read_bytes() == b""
    again = Journal(tmp_path, segment_bytes=1)
    assert again.cursor == 2
    again.append(digits(3))
    assert read(again) == [(1, 1), (2, 2), (3, 3)]
    again.close()


def test_pages_from_disk_follow_each_other_without_gap_or_repeat(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=2000)
    journal.append(digits(*range(1, 301)))
    for key in range(301, 400):
        journal.append(digits(key))
    journal.close()
    again = Journal(tmp_path)
    found: list[tuple[int, int]] = []
    while page := read(again, found[-1][0] if found else 0, 7):
        found += page
    assert found == [(key, key) for key in range(1, 400)]
    again.close()


def test_who_waits_for_a_page_is_woken_by_the_next_event(tmp_path: Path) -> None:
    async def scene() -> JournalPage:
        journal = Journal(tmp_path)
        asyncio.get_running_loop().call_soon(lambda: journal.append(digits(1)))
        return await asyncio.wait_for(journal.page(0, 10, 30.0), 10)

    assert told(asyncio.run(scene())) == [(1, 1)]


def test_a_page_without_news_comes_back_empty_after_its_wait(tmp_path: Path) -> None:
    async def scene() -> JournalPage:
        return await Journal(tmp_path).page(0, 10, 0.01)

    assert told(asyncio.run(scene())) == []


def test_who_waits_for_the_disk_is_called_in_order_and_a_fault_of_one_spares_the_others(
    tmp_path: Path,
) -> None:
    async def scene() -> list[int]:
        journal = Journal(tmp_path)
        called: list[int] = []
        done = asyncio.Event()
        journal.append(digits(1))
        journal.when_durable(lambda: called.append(1))
        journal.when_durable(lambda: called.append(1 // 0))
        journal.when_durable(lambda: called.append(3))
        journal.when_durable(done.set)
        await asyncio.wait_for(done.wait(), 10)
        journal.when_durable(done.set)
        done.clear()
        await asyncio.wait_for(done.wait(), 10)
        return called

    assert asyncio.run(scene()) == [1, 3]


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from carillon.schema.events import DigitPressed
from carillon.switch.journal import Journal

def digits(*keys):
    return [DigitPressed(call="c", seq=key, at=1.0, leg="a", digit="1") for key in keys]

async def scene():
    journal = Journal(Path(sys.argv[1]))
    journal.append(digits(1, 2))
    size = (Path(sys.argv[1]) / "1.jsonl").stat().st_size
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, hard))
    journal.append(digits(3, 4))
    assert journal.failing
    answered = asyncio.Event()
    journal.when_durable(answered.set)
    await asyncio.wait_for(answered.wait(), 10)
    page = await journal.page(0, 10, 0)
    assert [entry.cursor for entry in page.entries] == [1, 2], "nothing is told that may be lost"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    while journal.failing:
        journal.retry()
        await asyncio.sleep(0.05)
    page = await journal.page(2, 10, 5)
    assert [entry.event.seq for entry in page.entries] == [3, 4]
    journal.append(digits(5))
    journal.close()

asyncio.run(scene())
"""


def test_a_full_disk_delays_no_call_and_loses_no_event(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], check=True, timeout=30)
    assert read(Journal(tmp_path)) == [(key, key) for key in range(1, 6)]

"""The table of guide items names only what exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in (ROOT / "docs" / "guide-coverage.md").read_text().splitlines()
    if re.match(r"\| [RAX]\d", line)
]


def test_there_are_rows_and_each_has_an_item_a_place_and_a_test() -> None:
    assert len(ROWS) >= 10
    for row in ROWS:
        assert len(row) == 3, row
        assert re.fullmatch(r"[RAX]\d{1,2}", row[0]), row


def test_every_place_exists() -> None:
    for item, places, _ in ROWS:
        for place in places.split(", "):
            assert (ROOT / place).is_file(), f"{item}: {place}"


def test_every_test_exists() -> None:
    for item, _, test in ROWS:
        path, _, name = test.partition("::")
        text = (ROOT / path).read_text()
        assert re.search(rf"^def {re.escape(name)}\(", text, re.M), f"{item}: {test}"

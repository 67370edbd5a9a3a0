"""What browsers get from others is what was checked when it was fetched, and nothing else."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PLACES = [ROOT / "carillon/portal/site/static/vendor", ROOT / "tests/portal/vendor"]


def vendor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendor", ROOT / "tools" / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", PLACES, ids=["served", "tests"])
def test_every_file_has_the_digest_of_its_manifest(place: Path):
    listed = json.loads((place / "MANIFEST.json").read_text())
    files = [f for f in place.rglob("*") if f.is_file() and f.name != "MANIFEST.json"]
    found = {str(f.relative_to(place)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    assert found == listed


def test_every_package_is_listed_with_its_licence_and_nothing_else_lies_there():
    packages = vendor().packages()
    folders = {vendor().folder_of(package) for package in packages}
    assert folders == {folder for place in PLACES for folder in place.iterdir() if folder.is_dir()}
    assert all((folder / "LICENSE").is_file() for folder in folders)
    assert all(package["integrity"].startswith("sha512-") for package in packages)


def test_people_can_read_whose_work_is_in_the_tree():
    assert (ROOT / "THIRD-PARTY.md").read_text() == vendor().third_party()

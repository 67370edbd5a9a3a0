"""Fetch what `vendor.toml` lists with `npm pack`, check it, and write it into the tree with its licences.

Run by a developer who changes a version: `python tools/vendor.py [package…]`. Never at install or run time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tools" / "vendor.toml"
THIRD_PARTY = ROOT / "THIRD-PARTY.md"
SOURCE_MAP = re.compile(rb"(/\*|//)# sourceMappingURL=[\w.-]+( \*/)?")
LICENCE_NAMES = re.compile(r"package/(LICENSE|LICENCE|COPYING)(\.\w+)?", re.IGNORECASE)


class Untrusted(Exception):
    """What the registry sent is not what `vendor.toml` says."""


def packages() -> list[dict[str, Any]]:
    """Return the list."""
    return list(tomllib.loads(LIST.read_text())["package"])


def folder_of(package: dict[str, Any]) -> Path:
    """Return where a package's files lie."""
    name = package["name"].lstrip("@").replace("/", "-")
    return ROOT / package["to"] / f"{name}-{package['version']}"


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(package: dict[str, Any], folder: Path) -> Path:
    """Download the tarball; `Untrusted` when its sha512 is another than the one listed."""
    wanted = f"{package['name']}@{package['version']}"
    command = ["npm", "pack", wanted, "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    tarball = next(folder.glob("*.tgz"))
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if package.get("integrity") != f"sha512-{digest}":
        raise Untrusted(f'{wanted}: its sha512 is\nintegrity = "sha512-{digest}"')
    return tarball


def write_sprite(tar: tarfile.TarFile, package: dict[str, Any], path: Path) -> None:
    """Write one SVG with a symbol for every icon listed."""
    symbols = []
    for name in package["icons"]:
        style, file = ("filled", name[:-2]) if name.endswith("-f") else ("outline", name)
        svg = _read(tar, f"package/icons/{style}/{file}.svg").decode()
        inside = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
        inside = inside[inside.index("<svg") :].split(">", 1)[1].rsplit("</svg>", 1)[0]
        inside = " ".join(inside.split())
        paint = (
            'fill="currentColor"'
            if style == "filled"
            else 'fill="none" stroke="currentColor" stroke-width="1.75" '
            'stroke-linecap="round" stroke-linejoin="round"'
        )
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {paint}>{inside}</symbol>')
    text = "\n".join(symbols)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{text}\n</svg>\n')


def write_bundle(tar: tarfile.TarFile, package: dict[str, Any], path: Path) -> str:
    """Make one script of a package and of what it needs; return the licences of the latter.

    Everything inside is listed and checked; esbuild only joins it, and the result is checked in.
    """
    bundle, licences = package["bundle"], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tar.extractall(folder / "node_modules" / package["name"], _without_root(tar), filter="data")
        for inside in bundle["inside"]:
            place = folder / f"tarball-{inside['name']}"
            place.mkdir()
            with tarfile.open(fetch(inside, place)) as other:
                target = folder / "node_modules" / inside["name"]
                other.extractall(target, _without_root(other), filter="data")
                text = next(
                    f for f in target.iterdir() if LICENCE_NAMES.fullmatch(f"package/{f.name}")
                )
                licences.append(
                    f"\n---\n{inside['name']} {inside['version']}\n\n{text.read_text()}"
                )
        install = ["npm", "install", "--silent", "--no-save", "--prefix", "tool", bundle["by"]]
        (folder / "tool").mkdir()
        subprocess.run(install, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        command = [
            "tool/node_modules/.bin/esbuild",
            f"node_modules/{package['name']}/{bundle['entry']}",
            *("--bundle", "--minify", "--format=iife", "--target=es2020", "--legal-comments=none"),
            f"--global-name={bundle['global']}",
            f"--outfile={path}",
            "--log-level=error",
        ]
        subprocess.run(command, check=True, cwd=folder)
    return "".join(licences)


def _without_root(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    members = [member for member in tar.getmembers() if "/" in member.name]
    return [member.replace(name=member.name.split("/", 1)[1], deep=False) for member in members]


def vendor(package: dict[str, Any]) -> None:
    """Fetch one package and write its files and licence."""
    target = folder_of(package)
    for old in target.parent.glob(target.name.rsplit("-", 1)[0] + "-[0-9]*"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fetch(package, Path(folder))) as tar:
        for file in package["files"]:
            # The maps these comments point to are not shipped, and hashed static files refuse dead links.
            text = SOURCE_MAP.sub(b"", _read(tar, f"package/{file}"))
            (target / Path(file).name).write_bytes(text)
        if "sprite" in package:
            write_sprite(tar, package, target / package["sprite"])
        more = ""
        if "bundle" in package:
            more = write_bundle(tar, package, target / package["bundle"]["file"])
        licence = next((n for n in tar.getnames() if LICENCE_NAMES.fullmatch(n)), None)
        if licence is None:
            raise Untrusted(f"{package['name']}: no licence text in the package")
        (target / "LICENSE").write_bytes(_read(tar, licence) + more.encode())
    print(target.relative_to(ROOT))


def write_manifests() -> None:
    """Write MANIFEST.json beside the files, and THIRD-PARTY.md."""
    for place in sorted({package["to"] for package in packages()}):
        files = sorted(f for f in (ROOT / place).rglob("*") if f.is_file())
        digests = {
            str(f.relative_to(ROOT / place)): sha256(f) for f in files if f.name != "MANIFEST.json"
        }
        (ROOT / place / "MANIFEST.json").write_text(json.dumps(digests, indent=1) + "\n")
    THIRD_PARTY.write_text(third_party())


def third_party() -> str:
    """Return the list of others' work, for people."""
    lines = [
        "# Others' work in this tree",
        "",
        "Written by `tools/vendor.py` from `tools/vendor.toml`. Each folder holds the licence text.",
        "",
        "| package | version | licence | where | why |",
        "|---|---|---|---|---|",
    ]
    for p in packages():
        where = folder_of(p).relative_to(ROOT)
        lines.append(f"| {p['name']} | {p['version']} | {p['licence']} | `{where}` | {p['why']} |")
        for i in p.get("bundle", {}).get("inside", ()):
            why = f"inside {p['name']}"
            lines.append(f"| {i['name']} | {i['version']} | {i['licence']} | `{where}` | {why} |")
    return "\n".join(lines) + "\n"


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise Untrusted(f"{name}: not a file")
    return file.read()


def main() -> None:
    """Fetch the packages named on the command line, or all of them."""
    wanted = set(sys.argv[1:])
    for package in packages():
        if not wanted or package["name"] in wanted:
            vendor(package)
    write_manifests()


if __name__ == "__main__":
    main()

"""The switch's pure code as machine code, where somebody has made it (`make compile`); see ADR 17.

mypyc makes it of the same files. A process that wants it calls `use` before it imports any of them, and
gets what was made of exactly these sources for this Python; when there is nothing of the kind, or it
cannot be loaded, it runs the sources themselves and nothing else is different.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent
OFF = "CARILLON_COMPILED"
"""Set to `off`, the sources are run."""
GROUP = "carillon_compiled"
PACKAGES = ("sip", "media", "flows")
READ = (*PACKAGES, "schema")
"""Constants of a module end up in the code of those that import it."""


def sources() -> list[Path]:
    """Return the files to compile: SIP, SDP and the flows, but for those that define structures.

    A `msgspec.Struct` is compiled already; mypyc would make a slower class of it. The other files of
    `media` are numpy, which is compiled already too.
    """
    files = [*ROOT.glob("sip/*.py"), *ROOT.glob("flows/*.py"), *ROOT.glob("media/sdp*.py")]
    return sorted(
        path
        for path in files
        if path.stem != "__init__" and "msgspec.Struct" not in path.read_text()
    )


def folder() -> Path:
    """Return where the compiled code lies: its name tells of which sources, for which Python."""
    digest = hashlib.sha256(str(sysconfig.get_config_var("EXT_SUFFIX")).encode())
    for package in READ:
        for path in sorted(ROOT.glob(f"{package}/*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return ROOT / "_compiled" / digest.hexdigest()[:12]


def use() -> bool:
    """Let this process import the compiled code; tell whether there is any."""
    if os.environ.get(OFF) == "off" or not (made := folder()).is_dir():
        return False
    sys.path.append(str(made))
    try:
        importlib.import_module(f"{GROUP}__mypyc")
    except ImportError:
        sys.path.remove(str(made))
        return False
    for name in PACKAGES:
        package = importlib.import_module(f"carillon.{name}")
        package.__path__.insert(0, str(made / "carillon" / name))
    return True

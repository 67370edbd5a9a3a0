"""Linphone’s library, just shown a code: it fetches its account and says when it is signed in.

Run as a program of its own: `python -m tests.provisioned ADDRESS SECONDS`, with HOME a folder to scribble in.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.linphone import Library

SIGNED_IN = 2
"""The library's number of an account's state."""


def main(address: str, seconds: float, folder: Path) -> str:
    """Return what became of it: signed-in, or the state it stayed in."""
    (folder / ".local" / "share" / "linphone").mkdir(parents=True, exist_ok=True)
    do = Library()
    core = do("factory_create_core_3", do("factory_get"), str(folder / "rc"), None, None)
    do("core_set_use_files", core, 1)
    do("core_enable_ipv6", core, 0)
    do("core_set_provisioning_uri", core, address)
    do("core_start", core)
    until, state = time.monotonic() + seconds, 0
    while time.monotonic() < until and state != SIGNED_IN:
        do("core_iterate", core)
        time.sleep(0.02)
        account = do("core_get_default_account", core)
        state = do("account_get_state", account) if account else 0
    return "signed-in" if state == SIGNED_IN else f"state {state}"


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2]), Path(os.environ["HOME"])), flush=True)

"""When Python looks for garbage while pages are served."""

from __future__ import annotations

import gc


def settle() -> None:
    """Count what is loaded as kept, and walk the rest seldom: that took a tenth of a second of a page."""
    gc.collect()
    gc.freeze()
    # What a page leaves behind is found while it is young, the rest after some thousand pages.
    gc.set_threshold(5_000, 20, 100)

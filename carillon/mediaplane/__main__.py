"""`python -m carillon.mediaplane`: see `main`."""

import os
import sys


def run() -> int:
    """Run the process, with what must be so before numpy is there."""
    # Threads for our small products of matrices would take ten times as long as the products.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from carillon.mediaplane.main import main

    return main()


sys.exit(run())

"""Runs the sandbox carrier, compiled where its code was compiled."""

import sys

from carillon import compiled

compiled.use()

from carillon.sandbox.main import main  # noqa: E402  what it imports is compiled from here on

sys.exit(main())

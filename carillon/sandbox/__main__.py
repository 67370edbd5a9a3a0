"""Runs the sandbox carrier."""

import sys

from carillon.sandbox.main import main

sys.exit(main())

"""Runs the switch."""

import sys

from carillon.switch.main import main

sys.exit(main())

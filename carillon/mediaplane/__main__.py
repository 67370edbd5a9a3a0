"""`python -m carillon.mediaplane`: see `main`."""

import sys

from carillon.mediaplane.main import main

sys.exit(main())

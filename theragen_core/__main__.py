"""`python -m theragen_core`: the terminal commands."""

import sys

from theragen_core.cli import main

sys.exit(main())

"""`python -m convert`: the offline tools for models."""

import sys

from convert.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench [startup] [gaps] [decode]`: one JSON object for each measurement."""

from __future__ import annotations

import json
import sys

from bench import decode, gaps, startup

MEASUREMENTS = {"startup": startup, "gaps": gaps, "decode": decode}


def main() -> None:
    for name in sys.argv[1:] or MEASUREMENTS:
        print(json.dumps({name: MEASUREMENTS[name].measure()}, indent=2), flush=True)


if __name__ == "__main__":
    main()

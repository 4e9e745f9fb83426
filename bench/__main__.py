"""`python -m bench [startup] [gaps] [engine] [guard_speed] [safety]`: a JSON object for each."""

from __future__ import annotations

import json
import sys

from bench import engine, gaps, guard_speed, safety, startup

MEASUREMENTS = {
    "startup": startup,
    "gaps": gaps,
    "engine": engine,
    "guard_speed": guard_speed,
    "safety": safety,
}


def main() -> None:
    for name in sys.argv[1:] or MEASUREMENTS:
        print(json.dumps({name: MEASUREMENTS[name].measure()}, indent=2), flush=True)


if __name__ == "__main__":
    main()

"""`python -m bench [startup] [gaps] [engine] [fit] [guard_speed] [safety] [threads]`: JSON."""

from __future__ import annotations

import json
import sys

from bench import engine, fit, gaps, guard_speed, safety, startup, threads

MEASUREMENTS = {
    "startup": startup,
    "gaps": gaps,
    "engine": engine,
    "fit": fit,
    "guard_speed": guard_speed,
    "safety": safety,
    "threads": threads,
}


def main() -> None:
    for name in sys.argv[1:] or MEASUREMENTS:
        print(json.dumps({name: MEASUREMENTS[name].measure()}, indent=2), flush=True)


if __name__ == "__main__":
    main()

"""`python -m bench [NAME ...]`: a JSON object for each measurement that is named, or for all."""

from __future__ import annotations

import json
import sys

from bench import (
    engine,
    fit,
    gaps,
    guard_speed,
    read_ahead,
    safety,
    startup,
    stop,
    threads,
)

MEASUREMENTS = {
    "startup": startup,
    "gaps": gaps,
    "engine": engine,
    "fit": fit,
    "guard_speed": guard_speed,
    "safety": safety,
    "read_ahead": read_ahead,
    "stop": stop,
    "threads": threads,
}


def main() -> None:
    for name in sys.argv[1:] or MEASUREMENTS:
        print(json.dumps({name: MEASUREMENTS[name].measure()}, indent=2), flush=True)


if __name__ == "__main__":
    main()

"""Start-up: from exec to a focused composer that took a key, beside a bare PySide6 window that did.

Both run in fresh processes, by turns, after one run each that only warms the disk cache. The clock
is the system's monotonic one, which parent and child share.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 15


def measure() -> dict[str, object]:
    """Seconds of both, peak memory of the window, and the median ratio with its range."""
    with tempfile.TemporaryDirectory() as home:
        for kind in ("app", "bare"):
            _start(kind, home)
        rounds = [(_start("app", home), _start("bare", home)) for _ in range(ROUNDS)]
    ratios = sorted(app[0] / bare[0] for app, bare in rounds)
    return {
        "app_s": round(median(app[0] for app, _ in rounds), 3),
        "bare_s": round(median(bare[0] for _, bare in rounds), 3),
        "ratio": round(median(ratios), 2),
        "ratio_range": [round(ratios[0], 2), round(ratios[-1], 2)],
        "app_mib": round(median(app[1] for app, _ in rounds)),
        "bare_mib": round(median(bare[1] for _, bare in rounds)),
        "rounds": ROUNDS,
    }


def _start(kind: str, home: str) -> tuple[float, float]:
    """Seconds to the first key taken, and peak resident MiB by then."""
    environment = {
        **os.environ,
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_RUNTIME_DIR": home,
        "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
    }
    probe = str(Path(__file__).with_name("startup_probe.py"))
    started = time.monotonic()
    printed = subprocess.check_output([sys.executable, "-P", probe, kind], env=environment)
    taken, mib = map(float, printed.split())
    return taken - started, mib

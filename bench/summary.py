"""Many times in a few figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and the worst."""
    ordered = sorted(seconds)
    return {
        "median": round(1000 * statistics.median(ordered), 1),
        "p95": round(1000 * ordered[int(0.95 * len(ordered))], 1),
        "worst": round(1000 * ordered[-1], 1),
    }

"""What this computer offers to a model: cores and memory, as numbers.

Knows the operating system's counts. Refuses to know models and what fits.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Hardware:
    """Sizes in bytes. `free_memory` is what this process may still take."""

    cores: int
    total_memory: int
    free_memory: int


def probe() -> Hardware:
    memory = psutil.virtual_memory()
    free = min(memory.available, _free_address_space())
    return Hardware(_physical_cores(), memory.total, free)


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes; mapped files count where touched."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def on_battery() -> bool:
    """Whether the computer runs on its battery now; no where that cannot be told."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is not None and battery.power_plugged is False


def processor_flags() -> frozenset[str]:
    """Instruction sets as Linux names them, for x86 and ARM; empty on other systems."""
    try:
        lines = _CPUINFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return frozenset(next(flags, "").split())


def has_amx() -> bool:
    """Whether the processor, or the virtual machine, says that it has matrix tiles (x86)."""
    return "amx_tile" in processor_flags()


def is_apple_silicon() -> bool:
    """Whether the graphics processor and the others share one memory."""
    return sys.platform == "darwin" and platform.machine() == "arm64"


def _physical_cores() -> int:
    """Cores that may be used. Twins of hyper-threading share the units that inference needs."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return cores


def _free_address_space() -> int:
    """What `ulimit -v` leaves; without a limit, more than there can be."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource  # POSIX only

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(0, limit - int(psutil.Process().memory_info().vms))

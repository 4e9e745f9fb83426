"""What a process does about itself, asked of the operating system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import wait_for_end

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")

_DUMPS = """
import ctypes, resource
from theragen_core import process
PR_GET_DUMPABLE = 3
dumpable = lambda: ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
print(dumpable())
process.forbid_memory_dumps()
print(dumpable(), resource.getrlimit(resource.RLIMIT_CORE))
"""

# A child that its parent leaves behind, and that would sleep on.
_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
_CHILD = """
import time
from theragen_core import process
process.end_with_parent()
print("ready", flush=True)
time.sleep(60)
"""


def test_memory_can_be_dumped_no_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DUMPS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["1", "0 (0, 0)"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_child_ends_with_its_parent_even_while_it_is_stopped(stopped: bool) -> None:
    command = [sys.executable, "-c", _PARENT, _CHILD]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        if stopped:
            child.suspend()
        parent.kill()
    wait_for_end(child)

"""The program as a child of itself, where no window is wanted."""

from __future__ import annotations

import json
import subprocess
import sys


def test_the_frozen_app_can_ask_for_its_back_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "desktop", "--back-end-probe"],
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert json.loads(done.stdout)["back_ends"][-1] == "CPU"

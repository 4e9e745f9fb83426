"""A real Secret Service for a test: D-Bus and gnome-keyring of its own, and a program between them.

Nothing of the person's own session is touched: the bus is new, and so is the home folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = ("dbus-run-session", "gnome-keyring-daemon")
ROOT = Path(__file__).resolve().parents[2]

_UNLOCKED = 'printf "pw\\n" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1'
_BARE_BUS = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
_LOCKED = "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1"


def missing() -> list[str]:
    """The programs that are needed for this and not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


def run_beside_keyring(
    script: str, home: Path, unlocked: bool = True, env: dict[str, str] | None = None
) -> str:
    """What `script`, Python, prints in a session with a keyring."""
    return _run(script, home, _UNLOCKED if unlocked else _LOCKED, env or {})


def run_beside_nothing(script: str, home: Path) -> str:
    """The same on a bus where no keyring answers, and none can be started."""
    config = home / "bus.conf"
    config.write_text(_BARE_BUS)
    return _run(script, home, "true", {}, f"--config-file={config}")


def run_without_bus(script: str, home: Path, env: dict[str, str] | None = None) -> str:
    return _output([sys.executable, "-c", script], home, env or {})


def _run(script: str, home: Path, start: str, env: dict[str, str], *options: str) -> str:
    inside = f'{start}; exec "$0" -c "$1"'
    command = ["dbus-run-session", *options, "--", "bash", "-c", inside, sys.executable, script]
    return _output(command, home, env)


def _output(command: list[str], home: Path, env: dict[str, str]) -> str:
    # No display either: nobody sits there who could be asked to unlock something.
    others = ("DBUS_", "PYTHON_KEYRING", "DISPLAY", "WAYLAND_DISPLAY")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    kept |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "runtime"), **env}
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()

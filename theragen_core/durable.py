"""Files that are there whole or not at all, also after the power failed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Put a file in the place of an older one, or leave that as it was. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        rename(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def rename(old: Path, new: Path) -> None:
    """Give a file that is safely on disk its name, and see that the name is too."""
    old.replace(new)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(new.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

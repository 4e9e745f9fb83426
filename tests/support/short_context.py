"""The starter model with a shorter context, so that a few messages fill it."""

from __future__ import annotations

import struct
from pathlib import Path

from theragen_core.model_profile import starter_path

_KEY = b"llama.context_length"
_UINT32 = 4  # the type of the value in GGUF's metadata


def starter_with_context(folder: Path, tokens: int) -> Path:
    """Write the file and return its path; only the number in its metadata differs."""
    data = bytearray(starter_path().read_bytes())
    value = data.index(_KEY) + len(_KEY) + 4
    assert struct.unpack_from("<I", data, value - 4) == (_UINT32,)
    struct.pack_into("<I", data, value, tokens)
    path = folder / "short-context.gguf"
    path.write_bytes(data)
    return path

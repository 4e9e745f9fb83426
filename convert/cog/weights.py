"""Where the served model is: a file in the package, or one at an address, by its SHA-256.

Runs on the rented machine, with the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

MODEL = "model.gguf"
ADDRESS = "weights.json"  # {"url", "sha256"}
_TIMEOUT_S = 60
_PIECE = 2**20


class WeightsError(Exception):
    """One sentence: what is wrong with the weights."""


def find(folder: Path) -> Path:
    """The model's file; fetched and checked first, where the folder holds its address only."""
    if (folder / MODEL).exists():
        return folder / MODEL
    try:
        there = json.loads((folder / ADDRESS).read_text(encoding="utf-8"))
        url, sha256 = str(there["url"]), str(there["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        raise WeightsError(f"neither {MODEL} nor {ADDRESS} is in the package") from None
    return _fetch(url, sha256)


def is_safe(url: str) -> bool:
    """Weights come over TLS; from this machine itself also without, for tests."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "127.0.0.1")


def _fetch(url: str, sha256: str) -> Path:
    """Into a folder of its own, which goes again when the content is another."""
    if not is_safe(url):
        raise WeightsError("weights are fetched over https only")
    target = Path(tempfile.mkdtemp(prefix="weights-")) / MODEL
    try:
        found = _write(url, target)
    except OSError:
        shutil.rmtree(target.parent)
        raise WeightsError("the weights could not be fetched") from None
    if found != sha256:
        shutil.rmtree(target.parent)
        raise WeightsError("the weights are not those that the package was made for")
    return target


def _write(url: str, target: Path) -> str:
    """The SHA-256 of what came."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, target.open("wb") as file:
        while piece := answer.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()

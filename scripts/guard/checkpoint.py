"""Training that can be stopped and gone on with: all that the next step depends on, in one file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from theragen_core import durable


class Checkpoint:
    """Parts with a state of their own (a model, its optimiser, its schedule), and the dice."""

    def __init__(self, path: Path | None, of: Iterable[object], **parts: Any) -> None:
        """`of`: everything that the training is made of; a file of another one is not gone on with.
        Without a path nothing is kept.
        """
        self._path, self._parts = path, parts
        self._of = hashlib.sha256("\n".join(map(repr, of)).encode()).hexdigest()

    def restore(self) -> int:
        """Steps that are done; 0 where there is no file. Raises SystemExit if it is of another
        training, or no whole file.
        """
        if self._path is None or not self._path.exists():
            return 0
        try:
            kept = torch.load(self._path, weights_only=True)
        except Exception as error:  # torch names no kinds: what is no file of its fails in any way
            raise SystemExit(f"{self._path} cannot be read: remove it.") from error
        if not isinstance(kept, dict) or kept.get("of") != self._of:
            raise SystemExit(
                f"{self._path} is from other examples or settings: remove it to begin anew."
            )
        for name, part in self._parts.items():
            part.load_state_dict(kept[name])
        torch.set_rng_state(kept["dice"])
        return int(kept["steps"])

    def save(self, steps: int) -> None:
        """Raises OSError."""
        if self._path is None:
            return
        states = {name: part.state_dict() for name, part in self._parts.items()}
        whole = io.BytesIO()
        torch.save({"of": self._of, "steps": steps, "dice": torch.get_rng_state(), **states}, whole)
        durable.write(self._path, whole.getvalue())

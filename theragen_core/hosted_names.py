"""What a person may write to name a model at Replicate, and what it stands for.

OWNER/NAME             the model as its owner offers it today
OWNER/NAME:VERSION     one version of it, for good
OWNER/NAME             with `deployment`: a machine that someone rents for it
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from theragen_core.errors import CloudError
from theragen_core.faults import Fault

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"  # nothing that a path could misread
_NAME = re.compile(rf"({_PART})/({_PART})(?::([0-9a-f]{{8,64}}))?")


@dataclass(frozen=True, slots=True)
class Reference:
    owner: str
    name: str
    version: str = ""
    deployment: bool = False

    @property
    def path(self) -> str:
        return f"{self.owner}/{self.name}"


def parse(name: str, deployment: bool = False) -> Reference:
    """Raises CloudError for what names nothing. A deployment has no version of its own."""
    if not name.strip():
        raise CloudError(Fault.CLOUD_NAME_MISSING)
    found = _NAME.fullmatch(name.strip())
    if found is None or (deployment and found[3]):
        printable = "".join(letter for letter in name if letter.isprintable())
        raise CloudError(Fault.CLOUD_NAME, name=printable[:80])
    return Reference(found[1], found[2], found[3] or "", deployment)

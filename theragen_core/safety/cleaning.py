"""A person's message as it goes on: without what no one can see."""

from __future__ import annotations

import re

# Zero-width joiners stay: emoji and the scripts of Iran and India are written with them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")


def clean(message: str) -> str:
    """The message without what no one can see; line ends unified, outer white space gone."""
    return _UNSEEN.sub("", _LINE_END.sub("\n", message)).strip()

"""Whether a sentence of a reply speaks of what many people would like to be warned of first.

Trauma, violence and self-harm that a person asked about calmly. Never used for crisis help, which
no notice may delay.
"""

from __future__ import annotations

import re
from functools import cache

from theragen_core.resources import read_json
from theragen_core.risk.spelling import words_of

_ASKS = re.compile(r"\?|^\s*(?:tell|explain|describe|write|what|how|why)\b", re.IGNORECASE)


def is_heavy(sentence: str) -> bool:
    return bool(_subjects().search(words_of(sentence)))


def asks_for_heavy(question: str) -> bool:
    """Whether a message asks to be told of such things."""
    return is_heavy(question) and bool(_ASKS.search(question))


@cache
def _subjects() -> re.Pattern[str]:
    patterns: list[str] = read_json("cues.json")["heavy_subjects"]
    return re.compile(r"(?<!\w)(?:" + "|".join(patterns) + r")(?!\w)")

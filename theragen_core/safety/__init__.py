"""What goes in cleaned, what comes out reviewed, and the replies that people wrote.

    cleaning         a person's message, before anything else sees it
    sentences        a stream cut into complete sentences
    review           one sentence by rules: may it be shown? By meaning: theragen_core.guard
    numbers          numbers to call that are not in the directory
    breakdown        circles and debris of small models
    stream           StreamGuard: all of these on a reply, as it comes
    heavy_subjects   what is warned of
    replies          what the top tiers and blocked replies get in place of a model's words
    listing          numbers and lines as text

Knows no model and no window, and keeps nothing of what it reads.
"""

from theragen_core.safety.cleaning import clean
from theragen_core.safety.heavy_subjects import asks_for_heavy, is_heavy
from theragen_core.safety.listing import emergency_text, lines_text
from theragen_core.safety.replies import guidance, replacement, written_reply
from theragen_core.safety.review import Sentence, Verdict, review
from theragen_core.safety.stream import End, Release, StreamGuard

__all__ = [
    "End",
    "Release",
    "Sentence",
    "StreamGuard",
    "Verdict",
    "asks_for_heavy",
    "clean",
    "emergency_text",
    "guidance",
    "is_heavy",
    "lines_text",
    "replacement",
    "review",
    "written_reply",
]

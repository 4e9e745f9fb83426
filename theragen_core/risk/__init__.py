"""How worried to be about what a person writes.

    spelling       what rules read: text without disguises
    rules          one message by rules: at once, explainable, always there
    combination    several assessments as one
    conversation   over turns; with the trained judgement of theragen_core.guard, where it is there

Results name rules and never repeat a person's words.
"""

from theragen_core.risk.conversation import Judge, assess, is_about_someone_else
from theragen_core.risk.rules import assess_message
from theragen_core.risk.spelling import normalise

__all__ = ["Judge", "assess", "assess_message", "is_about_someone_else", "normalise"]

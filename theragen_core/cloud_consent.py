"""Which messages of a conversation may leave this computer: a pure function of what was said, how
worried each message made the app, and whether the person said yes.

What was said in danger was answered here, by a reply that people wrote beforehand. In later turns
it stays here too, with that answer, which tells as much. Only an explicit yes sends it along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from theragen_core.conversation import Message, Role
from theragen_core.protocol import Tier

STAYS_HERE = Tier.ACTIVE  # from this tier on


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`sent` and `left_out` are indices into the conversation, in order."""

    messages: tuple[Message, ...] = field(repr=False)
    sent: tuple[int, ...]
    left_out: tuple[int, ...]


def outgoing(messages: Sequence[Message], tiers: Sequence[Tier], agreed: bool) -> Outgoing:
    """What is sent. `tiers` has one for each message; those of replies do not count.

    With a message of the person's that stays here, all replies stay up to the person's next one.
    """
    sent: list[int] = []
    left_out: list[int] = []
    stays = False
    for index, (message, tier) in enumerate(zip(messages, tiers, strict=True)):
        if message.role is not Role.ASSISTANT:
            stays = tier >= STAYS_HERE and not agreed
        (left_out if stays else sent).append(index)
    return Outgoing(tuple(messages[index] for index in sent), tuple(sent), tuple(left_out))

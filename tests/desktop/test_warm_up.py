"""What the first message waits for is done before it comes."""

from __future__ import annotations

import subprocess
import sys

FIRST_MESSAGE = """
import re
from desktop import warm_up
from theragen_core import risk, safety

warm_up.warm_up()
compiled = []
usual = re._compiler.compile
re._compiler.compile = lambda pattern, flags=0: compiled.append(pattern) or usual(pattern, flags)
risk.assess_message("I had a long day. It is over now.")
safety.review(safety.Sentence("That sounds like a long day."))
safety.asks_for_heavy("What happened at sea?")
print(len(compiled))
"""


def test_the_first_message_compiles_no_rule() -> None:
    """In a process of its own, as other tests have used the rules here."""
    output = subprocess.check_output([sys.executable, "-c", FIRST_MESSAGE], text=True)
    assert output.strip() == "0"

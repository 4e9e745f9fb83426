"""What the window, the terminal and the tools share; no Qt, no torch.

Writes nothing to disk but settings and downloaded models; never a conversation.
"""

__version__ = "0.1.0"

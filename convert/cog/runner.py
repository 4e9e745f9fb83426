"""What answers on the rented machine; run.py of a package that convert.cog.package wrote.

Takes a conversation, gives a reply in pieces, each sentence once it is complete and reviewed. What
is said is in no print, log or exception: Cog writes those to the account's records, so that every
error that leaves here has words of ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

# Cog loads this file by its path; what lies beside it is found through here.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from cog import AsyncConcatenateIterator, BaseRunner, Input, streaming
from weights import find  # type: ignore[import-not-found]  # lies beside this file in a package

from theragen_core import directory, process, safety
from theragen_core.conversation import Message, Role
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.errors import MessageTooLong
from theragen_core.guard import Guard
from theragen_core.protocol import (
    GenerateRequest,
    LocalModel,
    SamplingOptions,
    Tier,
    TurnId,
)

WEIGHTS = Path(__file__).resolve().parent / "weights"
_MOST_MESSAGES, _MOST_LETTERS = 2000, 400_000


class Unusable(Exception):
    """What is wrong with a request, in words that quote nothing of it."""


class Runner(BaseRunner):  # type: ignore[misc]  # Cog has no types
    """As many models as replies at a time; llama.cpp takes one thread for each."""

    async def setup(self) -> None:
        process.forbid_memory_dumps()
        path = await asyncio.to_thread(find, WEIGHTS)
        count = max(1, int(os.environ.get("COG_MAX_CONCURRENCY", "1")))
        self._workers = [_Worker(path) for _ in range(count)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def healthcheck(self) -> bool:
        """False once an engine broke in a way that it had no words for."""
        return not any(worker.broken for worker in self._workers)

    @streaming  # type: ignore[untyped-decorator]
    async def run(
        self,
        messages: str = Input(
            description='The conversation as JSON: [{"role": "user", "content": "..."}, ...]'
        ),
        temperature: float = Input(description="Variety of the reply", default=0.7, ge=0, le=2),
        max_tokens: int = Input(description="Longest reply", default=400, ge=1, le=2048),
        seed: int = Input(description="-1: another reply each time", default=-1, ge=-1),
        country: str = Input(description="Two letters; whose numbers may be named", default=""),
    ) -> AsyncConcatenateIterator[str]:
        said = read_messages(messages)
        seed = secrets.randbits(31) if seed < 0 else seed % 2**31
        options = SamplingOptions(temperature, max_tokens, seed)
        worker = await self._idle.get()
        try:
            async for piece in worker.reply(said, options, country.upper()):
                yield piece
        finally:
            self._idle.put_nowait(worker)


def read_messages(words: str) -> tuple[Message, ...]:
    """The person's and the model's messages, ending with the person's. Raises Unusable.

    A system message of the client's is left out: the server has its own.
    """
    try:
        entries = [(Role(entry["role"]), str(entry["content"])) for entry in json.loads(words)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unusable('"messages" is no JSON list of {"role", "content"}') from None
    said = [Message(role, safety.clean(text)) for role, text in entries if role is not Role.SYSTEM]
    if not said or said[-1].role is not Role.USER or not said[-1].text:
        raise Unusable('"messages" does not end with a message of role "user"')
    if len(said) > _MOST_MESSAGES or sum(len(message.text) for message in said) > _MOST_LETTERS:
        raise Unusable('"messages" is longer than any model can read')
    return tuple(said)


class _Worker:
    """One model in one thread."""

    def __init__(self, path: Path) -> None:
        self.broken = False
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._engine = LlamaEngine(LocalModel(path), Watch())
        self._guard = Guard()

    async def reply(
        self, said: tuple[Message, ...], options: SamplingOptions, country: str
    ) -> AsyncIterator[str]:
        """Pieces as they come. Whoever stops listening stops the model."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        stop = threading.Event()

        def give(piece: str | Exception | None) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        done = loop.run_in_executor(
            self._thread, self._work, said, options, country, stop.is_set, give
        )
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            stop.set()
            await done

    def _work(
        self,
        said: tuple[Message, ...],
        options: SamplingOptions,
        country: str,
        should_stop: Callable[[], bool],
        give: Callable[[str | Exception | None], None],
    ) -> None:
        try:
            for piece in self._safe_reply(said, options, country, Watch(should_stop)):
                give(piece)
        except MessageTooLong as error:
            give(Unusable(f"{error.tokens} tokens are more than the {error.limit} that fit"))
        except Exception as error:  # its words may quote what was said; its name does not
            self.broken = True
            give(RuntimeError(f"the model broke: {type(error).__name__}"))
        finally:
            give(None)

    def _safe_reply(
        self, said: tuple[Message, ...], options: SamplingOptions, country: str, watch: Watch
    ) -> Iterator[str]:
        """The same duties as in the app: a written reply to danger, guidance, a reviewed stream."""
        known = country if country in dict(directory.countries()) else None
        help_there = directory.help_for(known)
        turn = sum(message.role is Role.USER for message in said) - 1
        now = self._guard.assess(said)
        if now.tier == Tier.IMMINENT or now.own >= Tier.ACTIVE:
            yield safety.written_reply(now, help_there, turn)
            return
        stream = safety.StreamGuard(
            help_there.dial_strings, said[-1].text, now, judged=self._guard.trained
        )
        said = (*said[:-1], replace(said[-1], guidance=safety.guidance(now)))
        request = GenerateRequest(TurnId(1), said, options)
        pieces = self._engine.generate(request, watch, TurnStats())
        yield from filter(None, self._guard.filtered(stream, pieces))
        if stream.end is safety.End.BLOCKED:
            yield "\n\n" + safety.replacement(now, help_there, turn)

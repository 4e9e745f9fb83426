"""One reply from Replicate: created, followed to its end, and cancelled unless it ended by itself.

    create ──> stream ──output──> ... ──done {}──> complete
                 │  └──error, done with a reason, cut, silence──> CloudError
                 └──nothing yet, connection over──> look, then stream again
    no stream, or at a host that the token may not go to ──> ask for the output until it is complete

Two threads: one waits for the network, the other takes what has come and can stop at any moment.
Complete is what the server says is complete, and nothing else.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from theragen_core.engines.replicate.api import (
    CANCELED,
    FAILED,
    SUCCEEDED,
    Api,
    Hosted,
    Prediction,
    Stream,
)
from theragen_core.engines.replicate.transport import CANCEL_AFTER_S, Stopped
from theragen_core.errors import CloudError, UserError
from theragen_core.faults import Fault

_LOOK_AGAIN_S = 0.5
_MOST_LETTERS = 100_000  # of a reply; nobody reads more, and somebody pays for it


@dataclass(frozen=True, slots=True)
class Text:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Replicate asked to wait so many seconds before the request is repeated."""

    seconds: int


@dataclass(frozen=True, slots=True)
class End:
    """The reply is over; complete if there is no error."""

    error: Exception | None = None


News = Text | Waiting | End
MakeApi = Callable[[Callable[[], bool], Callable[[int], None]], Api]


class HostedTurn:
    """`news` fills from a thread of its own until an End is in it, or until `give_up`."""

    def __init__(self, make_api: MakeApi, hosted: Hosted, values: dict[str, Any]) -> None:
        self.news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._make_api = make_api
        self._hosted = hosted
        self._values = values
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._id = ""  # of a prediction that may still be at work
        self._interrupt: Callable[[], None] = lambda: None
        self._received = ""
        self._started = time.monotonic()
        self._canceller: threading.Thread | None = None
        self._worker = threading.Thread(target=self._work, daemon=True, name="replicate")
        self._worker.start()

    def give_up(self) -> None:
        """Nobody waits for the rest. What is at work there is cancelled, without waiting for it."""
        self._stopping.set()
        with self._lock:
            id, self._id = self._id, ""
        if id:
            self._interrupt()  # first: a connection that is free again may carry the next request
            self._canceller = threading.Thread(target=self._cancel, args=[id], daemon=True)
            self._canceller.start()

    def wait(self, timeout_s: float) -> None:
        """Until all that was begun is over, or the time is up."""
        until = time.monotonic() + timeout_s
        self._worker.join(timeout_s)
        if self._canceller is not None:
            self._canceller.join(max(0.0, until - time.monotonic()))

    @property
    def over(self) -> bool:
        cancelling = self._canceller is not None and self._canceller.is_alive()
        return not self._worker.is_alive() and not cancelling

    # In the worker

    def _work(self) -> None:
        api = self._make_api(self._stopping.is_set, lambda left: self.news.put(Waiting(left)))
        error: Exception | None = None
        try:
            self._follow(api, api.create(self._hosted, self._values))
        except Exception as failure:  # goes to the thread that asked
            error = failure
            if isinstance(failure, UserError) and failure.fault is Fault.CLOUD_ABORTED:
                self._forget()
        finally:
            self._cancel_rest()
            self.news.put(End(error))
            api.close()

    def _follow(self, api: Api, prediction: Prediction) -> None:
        with self._lock:
            self._id = prediction.id
        if self._stopping.is_set():
            return
        if prediction.stream and api.trusts(prediction.stream):
            self._follow_stream(api, prediction)
        else:
            self._ask_until_complete(api, prediction)

    def _follow_stream(self, api: Api, prediction: Prediction) -> None:
        while not self._stopping.is_set():
            broken: CloudError | None = None
            try:
                with api.stream(prediction.stream, "") as stream:
                    self._interrupt = stream.interrupt()
                    complete = self._read(stream)
                    self._interrupt = lambda: None
                    if complete:
                        return
                    if stream.timed_out:
                        broken = CloudError(Fault.CLOUD_STALLED)
            except CloudError as error:
                if error.fault not in (Fault.CLOUD_CUT, Fault.CLOUD_TIMEOUT):
                    raise
                broken = error
            if self._stopping.is_set() or self._is_complete_after_all(api, prediction.id):
                return
            if self._received:
                raise broken or CloudError(Fault.CLOUD_CUT)
            self._stopping.wait(_LOOK_AGAIN_S)

    def _read(self, stream: Stream) -> bool:
        """Take in the events of one connection; whether the reply is complete."""
        failed = False
        for event in stream:
            if event.event == "output":
                self._take(event.data)
            elif event.event == "error":
                failed = True  # its details may quote what was sent; "done" follows
            elif event.event == "done":
                self._forget()
                self._judge(event.data, failed)
                return True
            if self._stopping.is_set():
                return True
        if failed:
            raise CloudError(Fault.CLOUD_STREAM_ERROR)
        return False

    def _judge(self, data: str, failed: bool) -> None:
        """`done {}` is the only success."""
        reason = _reason(data)
        if reason == "canceled":
            raise self._cancelled_elsewhere()
        if failed or reason == "error":
            raise CloudError(Fault.CLOUD_STREAM_ERROR)
        if reason:
            raise CloudError(Fault.CLOUD_FAILED)

    def _is_complete_after_all(self, api: Api, id: str) -> bool:
        """The connection is over and said nothing of an end: what became of the prediction?"""
        now = api.get(id)
        if not self._is_over(now):
            return False
        if not now.output.startswith(self._received):
            raise CloudError(Fault.CLOUD_CUT)
        self._take(now.output[len(self._received) :])
        return True

    def _ask_until_complete(self, api: Api, prediction: Prediction) -> None:
        while not self._stopping.is_set():
            if prediction.output.startswith(self._received):
                self._take(prediction.output[len(self._received) :])
            if self._is_over(prediction):
                return
            self._stopping.wait(_LOOK_AGAIN_S)
            prediction = api.get(prediction.id)

    def _is_over(self, prediction: Prediction) -> bool:
        """Whether it has succeeded; raises when it ended in any other way."""
        if prediction.status in (SUCCEEDED, FAILED, CANCELED):
            self._forget()
        if prediction.status == CANCELED:
            raise self._cancelled_elsewhere()
        if prediction.status == FAILED:
            raise CloudError(Fault.CLOUD_FAILED)
        return prediction.status == SUCCEEDED

    def _cancelled_elsewhere(self) -> CloudError:
        if time.monotonic() - self._started > CANCEL_AFTER_S - 5:
            return CloudError(Fault.CLOUD_DEADLINE, minutes=CANCEL_AFTER_S // 60)
        return CloudError(Fault.CLOUD_CANCELED)

    def _take(self, text: str) -> None:
        if text:
            self._received += text
            self.news.put(Text(text))
        if len(self._received) > _MOST_LETTERS:
            self._stopping.set()

    def _forget(self) -> None:
        """It has ended by itself; there is nothing to cancel."""
        with self._lock:
            self._id = ""

    def _cancel_rest(self) -> None:
        with self._lock:
            id, self._id = self._id, ""
        if id:
            self._cancel(id)

    def _cancel(self, id: str) -> None:
        """Also with a service that fails: then its own deadline ends what is at work."""
        api = self._make_api(lambda: False, lambda seconds: None)
        with suppress(UserError, Stopped):
            api.cancel(id)
        api.close()


def _reason(data: str) -> str:
    """Why a stream ended, in Replicate's word; empty for a success."""
    try:
        return str(json.loads(data or "{}").get("reason", ""))
    except (ValueError, AttributeError):
        return "unreadable"

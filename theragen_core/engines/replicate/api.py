"""Errands to Replicate's API through its client package: look a model up, create, get, cancel.

Values come back as types of ours. Whatever the package raises becomes a CloudError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
from replicate.client import Client
from replicate.exceptions import ReplicateException
from replicate.prediction import Prediction as PackagePrediction
from replicate.version import Versions

from theragen_core.engines.replicate.transport import ApiTransport
from theragen_core.errors import CloudError
from theragen_core.faults import Fault
from theragen_core.hosted_names import Reference, parse

SUCCEEDED, FAILED, CANCELED = "succeeded", "failed", "canceled"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A model as Replicate knows it. An empty version: it is asked for by its name alone."""

    reference: Reference
    version: str
    schema: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prediction:
    """`output` is what has been written so far."""

    id: str
    status: str
    stream: str
    output: str = field(repr=False)


class Api:
    """For one turn or errand, over connections that are shared."""

    def __init__(self, transport: ApiTransport, base: httpx.URL) -> None:
        self._transport = transport
        # The transport writes the token; the package has none that it could give away.
        headers = {"Authorization": "Bearer"}
        self._client = Client(base_url=str(base), transport=transport, headers=headers)
        self._plain = httpx.Client(base_url=base, transport=transport, trust_env=False)

    def look_up(self, reference: Reference) -> Hosted:
        """The model with its schema; for a deployment, those of the model that it runs now."""
        with _translated():
            if reference.deployment:
                return self._look_up_deployment(reference)
            if reference.version:
                return self._look_up_version(reference, reference.path, reference.version)
            return self._look_up_model(reference)

    def create(self, hosted: Hosted, values: dict[str, Any]) -> Prediction:
        with _translated():
            there = (hosted.reference.owner, hosted.reference.name)
            if hosted.reference.deployment:
                made = self._client.deployments.predictions.create(there, input=values)
            elif hosted.version:
                made = self._client.predictions.create(version=hosted.version, input=values)
            else:
                made = self._client.models.predictions.create(there, input=values)
            return _prediction(made)

    def get(self, id: str) -> Prediction:
        with _translated():
            return _prediction(self._client.predictions.get(id))

    def cancel(self, id: str) -> None:
        with _translated():
            self._client.predictions.cancel(id)

    def trusts(self, url: str) -> bool:
        return self._transport.trusts(url)

    @contextmanager
    def stream(self, url: str, last_id: str) -> Iterator[Stream]:
        """Server-sent events from `url`, after the event with `last_id` if there was one."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        with _translated(), self._plain.stream("GET", url, headers=headers) as response:
            yield Stream(response)

    def close(self) -> None:
        self._plain.close()

    def _look_up_model(self, reference: Reference) -> Hosted:
        model = self._client.models.get(reference.owner, reference.name)
        latest = model.latest_version
        if latest is None:
            raise CloudError(Fault.CLOUD_WRONG_KIND, name=reference.path)
        # Official models are asked for by name, so that they stay the owner's newest; any other
        # by version, since their names take no predictions.
        version = "" if self._transport.official else latest.id
        return Hosted(reference, version, latest.openapi_schema)

    def _look_up_version(self, reference: Reference, model: str, version: str) -> Hosted:
        found = Versions(self._client, model).get(version)
        return Hosted(reference, found.id, found.openapi_schema)

    def _look_up_deployment(self, reference: Reference) -> Hosted:
        release = self._client.deployments.get(reference.path).current_release
        if release is None:
            raise CloudError(Fault.CLOUD_WRONG_KIND, name=reference.path)
        model = parse(release.model)  # it becomes part of an address
        return self._look_up_version(reference, model.path, release.version)


class Stream:
    """The events of one connection; when they end, `timed_out` says whether the server gave up."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def timed_out(self) -> bool:
        timed_out: bool = self._response.extensions["watched"].timed_out
        return timed_out

    def __iter__(self) -> Iterator[ServerSentEvent]:
        return EventSource(self._response).iter_sse()

    def interrupt(self) -> Callable[[], None]:
        """A function that ends a wait for the next event, from another thread."""
        network = self._response.extensions.get("network_stream")

        def shut_down() -> None:
            socket = network.get_extra_info("socket") if network else None
            if socket is not None:
                with suppress(OSError):  # the other side was quicker
                    socket.shutdown(2)

        return shut_down


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SSEError:
        raise CloudError(Fault.CLOUD_BAD_ANSWER, status=200) from None
    except ReplicateException:
        raise CloudError(Fault.CLOUD_BAD_ANSWER, status=0) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        # The package reads answers field by field. "from None": its words quote the answer.
        raise CloudError(Fault.CLOUD_BAD_ANSWER, status=200) from None


def _prediction(made: PackagePrediction) -> Prediction:
    stream = (made.urls or {}).get("stream", "")
    return Prediction(made.id, made.status, str(stream), joined(made.output))


def joined(output: object) -> str:
    """The text of an output: a string, or a list of pieces."""
    if isinstance(output, str):
        return output
    if isinstance(output, list):
        return "".join(piece for piece in output if isinstance(piece, str))
    return ""

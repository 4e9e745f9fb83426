"""The server of these tests is faithful if the official client package can use it as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from replicate.client import Client
from replicate.exceptions import ReplicateError

from tests.support.replicate_peer import ReplicatePeer
from tests.support.replicate_server import TOKEN, VERSION


@pytest.fixture
def client(peer: ReplicatePeer) -> Iterator[Client]:
    client = Client(api_token=TOKEN, base_url=peer.url)
    yield client
    client._client.close()


def test_models_versions_and_deployments(client: Client) -> None:
    model = client.models.get("someone/theragen")
    assert model.latest_version is not None
    assert model.latest_version.id == VERSION
    assert model.versions.get(VERSION).openapi_schema["components"]
    release = client.deployments.get("someone/quick").current_release
    assert release is not None
    assert release.version == VERSION


def test_a_prediction_from_creation_to_cancel(client: Client, peer: ReplicatePeer) -> None:
    made = client.predictions.create(version=VERSION, input={"prompt": "Hello."})
    assert made.status == "starting"
    assert client.predictions.get(made.id).status == "starting"
    made.cancel()
    assert str(made.status) == "canceled"
    # The package sets no deadline; the server notes that, as it is a rule of ours.
    assert peer.record()["faults"] == ["a prediction without a deadline"]


def test_a_stream(client: Client) -> None:
    pieces = client.stream("meta/llama-2-7b-chat", input={"prompt": "Hello."})
    assert "".join(str(piece) for piece in pieces) == "Good to hear."


def test_a_deployment(client: Client) -> None:
    made = client.deployments.predictions.create(("someone", "quick"), input={"prompt": "Hello."})
    assert made.urls is not None
    assert "stream" in made.urls


def test_failures(client: Client, peer: ReplicatePeer) -> None:
    stranger = Client(api_token="r8_wrong", base_url=peer.url)
    with pytest.raises(ReplicateError, match="404"):
        client.models.get("someone/nothing")
    with pytest.raises(ReplicateError, match="422"):
        client.predictions.create(version=VERSION + "0", input={"prompt": "Hello."})
    with pytest.raises(ReplicateError, match="401"):
        stranger.models.get("someone/theragen")
    stranger._client.close()

"""What is tried again and again: in short with every test run, at length by `make soak`.

A test's long form is a parameter that carries the marks of LONG.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from desktop.engine_client import EngineClient
from tests.e2e.conftest import make_person, person, settings_path
from theragen_core.faults import Fault
from theragen_core.protocol import Event

__all__ = ["make_person", "person", "settings_path"]  # fixtures: the real window

LONG = (pytest.mark.soak, pytest.mark.timeout(0))


class Ear:
    """What an engine said since it was last asked."""

    def __init__(self, engine: EngineClient) -> None:
        self.events: list[Event] = []
        self.deaths: list[Fault] = []
        engine.received.connect(self._on_received)
        engine.died.connect(self._on_died)

    def clear(self) -> None:
        self.events.clear()
        self.deaths.clear()

    def newest(self, *kinds: type) -> Event | None:
        return next((event for event in reversed(self.events) if isinstance(event, kinds)), None)

    def heard(self, *kinds: type) -> Callable[[], bool]:
        """Whether it said one of these, or died."""
        return lambda: bool(self.deaths) or self.newest(*kinds) is not None

    def _on_received(self, event: object) -> None:
        self.events.append(cast(Event, event))

    def _on_died(self, fault: Fault) -> None:
        self.deaths.append(fault)

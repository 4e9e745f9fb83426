from __future__ import annotations

from collections.abc import Iterator

import pytest

from theragen_core.engines.threads import ThreadCount, Usage, _usage


def counted(most: int, *others: float, own: float = 2.0, cores: int = 4) -> list[int]:
    """What is counted when other programs use so many cores, one after the other."""

    def read() -> Iterator[Usage]:
        clock = busy = mine = 0.0
        yield Usage(clock, cores, busy, mine)
        for share in others:
            clock, busy, mine = clock + 0.5, busy + 0.5 * (share + own), mine + 0.5 * own
            yield Usage(clock, cores, busy, mine)

    readings = read()
    count = ThreadCount(most, lambda: next(readings))
    count.close()
    seen = []
    for _ in others:
        count.look()
        seen.append(count.now)
    return seen


@pytest.fixture(autouse=True)
def _no_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theragen_core.engines.threads._EVERY_S", 3600.0)


def test_all_cores_are_used_while_nobody_else_needs_them() -> None:
    assert counted(4, 0.0, 0.1, 0.3) == [4, 4, 4]


def test_threads_give_way_to_other_programs_and_come_back() -> None:
    assert counted(4, 1.0, 2.0, 0.0) == [3, 2, 4]


def test_one_thread_always_works_and_never_more_than_were_asked_for() -> None:
    assert counted(4, 4.0, 9.0) == [1, 1]
    assert counted(2, 0.0, 1.0, 2.6) == [2, 2, 1]


def test_a_clock_that_runs_ahead_of_the_counts_takes_nothing_away() -> None:
    assert counted(4, -0.4) == [4]


def test_one_thread_is_never_looked_after() -> None:
    count = ThreadCount(1, lambda: Usage(0.0, 4, 0.0, 0.0))
    assert count.now == 1
    count.close()


def test_what_the_system_counts_grows_with_work() -> None:
    before = _usage()
    sum(range(3_000_000))
    after = _usage()
    assert after.cores >= 1
    assert after.clock > before.clock
    assert after.own > before.own
    assert after.busy > before.busy
